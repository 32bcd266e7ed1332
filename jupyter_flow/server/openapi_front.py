"""Descriptions of the first look in the OpenAPI document."""

from __future__ import annotations

from ..model.state import RunState, RunType
from .openapi_parts import BOOLEAN, INTEGER, TEXT, Operation, Schema, list_of, operation, record, ref

_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
_RUN_STATE: Schema = {"type": "string", "enum": [str(state) for state in RunState]}
_RUN_TYPE: Schema = {"type": "string", "enum": [str(kind) for kind in RunType]}
_COUNTS: Schema = {
    "type": "object",
    "additionalProperties": {"type": "integer"},
    "description": "state of task instances -> how many are in it",
}


def _limit(default: int, most: int) -> tuple[Schema, str]:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}, "page size"


_BEFORE = (TEXT, "`next` of the page before")
_BAR: dict[str, Schema] = {"run_id": TEXT, "state": _RUN_STATE, "start_date": _INSTANT, "end_date": _INSTANT}

SCHEMAS: dict[str, Schema] = {
    "RunBar": record(**_BAR),
    "DagRow": record(
        dag_id=TEXT,
        dag_display_name=TEXT,
        description=_TEXT_OR_NULL,
        owner=TEXT,
        tags={"type": "array", "items": TEXT},
        is_paused=BOOLEAN,
        schedule=_TEXT_OR_NULL,
        schedule_words={"type": ["string", "null"], "description": "a cron expression as one would say it"},
        schedule_assets=_TEXT_OR_NULL,
        schedule_timezone=TEXT,
        next_run_after=_INSTANT,
        runs=list_of("RunBar"),
        last_states=_COUNTS,
    ),
    "FailedRun": record(
        dag_id=TEXT,
        dag_display_name=TEXT,
        run_id=TEXT,
        run_type=_RUN_TYPE,
        end_date=_INSTANT,
        task_id={"type": ["string", "null"], "description": "the task that failed first"},
        map_index=INTEGER,
        failing_cell={"type": ["integer", "null"]},
        cause={"type": "string", "description": "the last line of the reason"},
    ),
    "RunningRun": record(
        dag_id=TEXT,
        dag_display_name=TEXT,
        run_id=TEXT,
        run_type=_RUN_TYPE,
        state=_RUN_STATE,
        actor=TEXT,
        queued_at=_INSTANT,
        start_date=_INSTANT,
        states=_COUNTS,
        ended=INTEGER,
        total=INTEGER,
        usual_duration={"type": ["number", "null"], "description": "seconds: the median of the last successful runs"},
    ),
    "TimelineRun": record(dag_id=TEXT, **_BAR),
    "DagRowPage": record(dags=list_of("DagRow"), next=_TEXT_OR_NULL),
    "AttentionPage": record(failed=list_of("FailedRun"), next=_TEXT_OR_NULL),
    "RunningPage": record(runs=list_of("RunningRun"), next=_TEXT_OR_NULL),
    "Timeline": record(runs=list_of("TimelineRun"), coming=list_of("ComingRun"), failed=INTEGER, next=_TEXT_OR_NULL),
    "ComingRun": record(dag_id=TEXT, run_after={"type": "string", "format": "date-time"}),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/dag-rows"): operation(
        "DAGs by id, as short as rows of a list show them",
        ref("DagRowPage"),
        limit=_limit(100, 500),
        after=_BEFORE,
        dag_id=({"type": "array", "items": TEXT}, "these alone; may be given several times"),
    ),
    ("get", "/attention"): operation(
        "Failed runs after which no run of their DAG has ended, newest first, each with what failed first",
        ref("AttentionPage"),
        limit=_limit(50, 500),
        before=_BEFORE,
    ),
    ("get", "/running-runs"): operation(
        "Unfinished runs, newest first, with how far they are",
        ref("RunningPage"),
        limit=_limit(100, 500),
        before=_BEFORE,
    ),
    ("get", "/timeline"): operation(
        "Runs that were there between two instants, and those that the schedules will bring until the second one",
        ref("Timeline"),
        start=({"type": "string", "format": "date-time"}, "from then on; 12 hours ago if left out"),
        end=({"type": "string", "format": "date-time"}, "until then, 8 days later at most; in 12 hours if left out"),
        limit=_limit(500, 1000),
        before=_BEFORE,
    ),
}
