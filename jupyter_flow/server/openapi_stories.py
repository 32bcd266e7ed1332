"""The part of the OpenAPI document about diagnosis, events, earlier attempts and running notebooks."""

from __future__ import annotations

from .openapi_parts import BOOLEAN, INTEGER, TEXT, Operation, Schema, list_of, operation, record, ref

_RUN = "/dags/{dag_id}/runs/{run_id}"
_TASK = _RUN + "/tasks/{task_id}"
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_INTEGER_OR_NULL: Schema = {"type": ["integer", "null"]}
_SECONDS: Schema = {"type": ["number", "null"]}
_INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
_REASON: Schema = {"oneOf": [ref("Reason"), {"type": "null"}]}
_MAP_INDEX = ({"type": "integer", "minimum": -1, "default": -1}, "-1 for a task that is not mapped")
_ATTEMPT = ({"type": "integer", "minimum": 1}, "number of the attempt; the latest one if left out")


def _listed(name: str, item: str, **more: Schema) -> Schema:
    return record(**{name: list_of(item)}, **more)


CLEAR_TASK = {
    "downstream": BOOLEAN,
    "upstream": BOOLEAN,
    "past": BOOLEAN,
    "future": BOOLEAN,
    "only_failed": BOOLEAN,
    "dry_run": {"type": "boolean", "description": "change nothing: answer with `tasks` that would run again"},
}
CLEARED: Schema = record(tasks=list_of("ToClear"))

SCHEMAS: dict[str, Schema] = {
    "ToClear": record(run_id=TEXT, task_id=TEXT, map_index=INTEGER, state=TEXT),
    "Diagnosis": record(dag_id=TEXT, run_id=TEXT, failure={"oneOf": [ref("DiagnosedFailure"), {"type": "null"}]}),
    "DiagnosedFailure": record(
        task_id=TEXT,
        map_index=INTEGER,
        label=_TEXT_OR_NULL,
        task_display_name=TEXT,
        state=TEXT,
        attempt_number=_INTEGER_OR_NULL,
        reason=_REASON,
        cell={"oneOf": [ref("FailingCell"), {"type": "null"}]},
        exception={"oneOf": [record(type=TEXT, message=TEXT), {"type": "null"}]},
        frames={**list_of("Frame"), "description": "own code first"},
        hints=list_of("Hint"),
        log_tail={"type": "array", "items": TEXT},
        has_notebook=BOOLEAN,
        also_failed=list_of("AlsoFailed"),
    ),
    "FailingCell": record(
        index=INTEGER,
        number={"type": "integer", "description": "code cells counted from 1"},
        first_line=INTEGER,
        error_line=_INTEGER_OR_NULL,
        source={"type": "string", "description": "the lines around the one that failed"},
    ),
    "Frame": record(file=TEXT, line=_INTEGER_OR_NULL, function=TEXT, code=TEXT, is_own=BOOLEAN, is_cell=BOOLEAN),
    "Hint": record(code=TEXT, text=TEXT, evidence={"type": "array", "items": TEXT}),
    "AlsoFailed": record(state=TEXT, count=INTEGER, task_ids={"type": "array", "items": TEXT}),
    "RunEvent": record(
        id=INTEGER,
        seq=INTEGER,
        kind=TEXT,
        task_id=_TEXT_OR_NULL,
        map_index=_INTEGER_OR_NULL,
        state_from=_TEXT_OR_NULL,
        state_to=_TEXT_OR_NULL,
        at=TEXT,
        reason=_REASON,
        actor=_TEXT_OR_NULL,
    ),
    "EarlierAttempt": record(
        task_id=TEXT,
        map_index=INTEGER,
        attempt_number=INTEGER,
        try_number=INTEGER,
        outcome=_TEXT_OR_NULL,
        queued_at=_INSTANT,
        start_date=_INSTANT,
        end_date=_INSTANT,
    ),
    "CellEvent": {
        "type": "object",
        "properties": {
            "seq": INTEGER,
            "at": TEXT,
            "cell": {"type": "integer", "description": "index in the executed notebook"},
            "event": {
                "type": "string",
                "enum": [
                    *("started", "output", "updated", "cleared", "progress"),
                    *("finished", "failed", "died", "interrupted"),
                ],
            },
            "output": {"type": "object", "description": "of nbformat 4"},
            "position": INTEGER,
            "fraction": {"type": "number"},
            "text": TEXT,
            "execution_count": _INTEGER_OR_NULL,
        },
        "required": ["seq", "at", "cell", "event"],
    },
    "Cells": record(attempt_number=INTEGER, events=list_of("CellEvent"), seq=INTEGER, complete=BOOLEAN),
    "UsualCells": record(run_id=_TEXT_OR_NULL, duration=_SECONDS, cells={"type": "array", "items": _SECONDS}),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", _RUN + "/diagnosis"): operation("The first failure of a run: cell, exception, hints", ref("Diagnosis")),
    ("get", _RUN + "/events"): operation(
        "What happened in a run, oldest first",
        _listed("events", "RunEvent", next=_INTEGER_OR_NULL),
        task_id=(TEXT, "of this task alone"),
        map_index=({"type": "integer", "minimum": -1}, "of this map index alone"),
        after=({"type": "integer", "minimum": 0, "default": 0}, "`next` of the page before"),
        limit=({"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "page size"),
    ),
    ("get", _RUN + "/attempts"): operation(
        "Attempts of the tasks of a run that were followed by others",
        _listed("attempts", "EarlierAttempt"),
        limit=({"type": "integer", "minimum": 1, "maximum": 5000, "default": 1000}, "how many at most"),
    ),
    ("get", _TASK + "/cells"): operation(
        "What happened to the cells of an attempt",
        ref("Cells"),
        map_index=_MAP_INDEX,
        attempt=_ATTEMPT,
        after=({"type": "integer", "minimum": 0, "default": 0}, "`seq` of the answer before"),
    ),
    ("get", _TASK + "/cells/usual"): operation(
        "Seconds that the cells took when the task last succeeded in another run",
        ref("UsualCells"),
        map_index=_MAP_INDEX,
    ),
}
