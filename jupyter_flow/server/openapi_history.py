"""Descriptions of what has become of a DAG over time in the OpenAPI document."""

from __future__ import annotations

from ..model.state import TaskState
from .openapi_parts import BOOLEAN, INTEGER, TEXT, Operation, Schema, list_of, operation, record, ref

_DAY: Schema = {"type": "string", "format": "date"}
_SECONDS: Schema = {"type": ["number", "null"], "description": "seconds; null if there are too few runs"}

SCHEMAS: dict[str, Schema] = {
    "DurationOfRun": record(
        run_id=TEXT,
        state={
            "type": "string",
            "enum": [str(state) for state in TaskState],
            "description": "of the run or of the task in it",
        },
        at={"type": "string", "format": "date-time", "description": "logical date, or when it was due"},
        duration={"type": "number"},
        landing={"type": ["number", "null"], "description": "seconds from when a scheduled run was due to the end"},
        is_outlier=BOOLEAN,
    ),
    "Durations": record(
        dag_id=TEXT,
        task_id={"type": ["string", "null"]},
        runs=list_of("DurationOfRun"),
        median=_SECONDS,
        low=_SECONDS,
        high=_SECONDS,
        success_rate={"type": ["number", "null"], "description": "share, 0 to 1"},
        usual_landing=_SECONDS,
    ),
    "CalendarDay": record(
        day=_DAY,
        states={
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "state of runs -> how many are in it",
        },
        coming=INTEGER,
    ),
    "Calendar": record(
        dag_id=TEXT,
        timezone=TEXT,
        today=_DAY,
        start=_DAY,
        end=_DAY,
        days=list_of("CalendarDay"),
        coming_until={"type": ["string", "null"], "description": "coming runs after that day are not counted"},
    ),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/dags/{dag_id}/durations"): operation(
        "How long the last ended runs of a DAG took, or a task in them, newest first, and what is usual",
        ref("Durations"),
        limit=({"type": "integer", "minimum": 1, "maximum": 500, "default": 60}, "how many runs"),
        task_id=(TEXT, "durations of this task"),
    ),
    ("get", "/dags/{dag_id}/calendar"): operation(
        "How many runs were, and are to come, on each day of the schedule's zone; by logical date",
        ref("Calendar"),
        start=(_DAY, "first day; the first one of the year if left out"),
        end=(_DAY, "last day, 399 days later at most; the last one of the year if left out"),
    ),
}
