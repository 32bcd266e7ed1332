"""Descriptions of what has become of a DAG over time in the OpenAPI document."""

from __future__ import annotations

from .openapi_parts import INTEGER, TEXT, Operation, Schema, list_of, operation, record, ref

_DAY: Schema = {"type": "string", "format": "date"}

SCHEMAS: dict[str, Schema] = {
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
    ("get", "/dags/{dag_id}/calendar"): operation(
        "How many runs were, and are to come, on each day of the schedule's zone; by logical date",
        ref("Calendar"),
        start=(_DAY, "first day; the first one of the year if left out"),
        end=(_DAY, "last day, 399 days later at most; the last one of the year if left out"),
    ),
}
