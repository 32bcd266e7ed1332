"""Description of runs side by side in the OpenAPI document."""

from __future__ import annotations

from ..model.state import TaskState
from .openapi_parts import BOOLEAN, INTEGER, TEXT, Operation, Schema, extended, list_of, operation, record, ref

_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_SECONDS: Schema = {"type": ["number", "null"], "description": "seconds; null before all its instances have ended"}

SCHEMAS: dict[str, Schema] = {
    "ComparedRun": extended(
        "Run",
        params={"type": "object", "additionalProperties": True, "description": "defaults and what the run changed"},
        tasks=list_of("ComparedTask"),
        values=list_of("ComparedValue"),
    ),
    "ComparedTask": record(
        task_id=TEXT,
        instances=INTEGER,
        map_index={**INTEGER, "description": "of the first instance, which speaks for the others"},
        state={"type": "string", "enum": [str(state) for state in TaskState]},
        duration=_SECONDS,
        peak_rss={"type": ["integer", "null"]},
        kernelspec=_TEXT_OR_NULL,
        interpreter=_TEXT_OR_NULL,
        packages_hash={**_TEXT_OR_NULL, "description": "of the names and versions of the installed packages"},
        source_sha256={**_TEXT_OR_NULL, "description": "of the notebook before it was executed"},
        has_notebook=BOOLEAN,
        metrics={"type": "object", "additionalProperties": {"type": "number"}, "description": "the last values"},
    ),
    "ComparedValue": record(task_id=TEXT, map_index=INTEGER, key=TEXT, preview=TEXT),
    "ComparedRuns": record(dag_id=TEXT, runs=list_of("ComparedRun")),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/dags/{dag_id}/runs/{run_id}/compare"): operation(
        "A run beside others of its DAG, the oldest first; beside the last success before it if none is named",
        ref("ComparedRuns"),
        other=({"type": "array", "items": {"type": "string"}, "maxItems": 4}, "`run_id` of each of the others"),
    ),
}
