"""Descriptions of backfills, pools, assets and reasons in the OpenAPI document."""

from __future__ import annotations

from ..model.state import RunState, TaskState
from .openapi_parts import BOOLEAN, EMPTY, INTEGER, TEXT, Operation, Schema, extended, list_of, operation, record, ref

_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_INTEGER_OR_NULL: Schema = {"type": ["integer", "null"]}
_INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
_OBJECT: Schema = {"type": "object", "additionalProperties": True}
_RUN_STATE: Schema = {"type": ["string", "null"], "enum": [*map(str, RunState), None]}
_REASON: Schema = {"oneOf": [ref("Reason"), {"type": "null"}]}
_SLOTS: Schema = {"type": "integer", "minimum": -1, "description": "-1: no bound"}
_LIMIT = ({"type": "integer", "minimum": 1, "maximum": 1000}, "how many")
_PLACE: Schema = {"type": "array", "items": {"type": "object", "required": ["dag_id"]}}

PATH_SCHEMAS: dict[str, Schema] = {
    "backfill_id": {"type": "integer", "minimum": 1},
    "number": {"type": "integer", "minimum": 1},
    "pool_name": {"type": "string", "maxLength": 250},
    "asset_name": {"type": "string", "maxLength": 1500},
}
"""Schemas of parts of paths that are no ids."""


_EVENT = record(
    id=INTEGER,
    asset=record(name=TEXT, uri=TEXT),
    at=_INSTANT,
    extra=_OBJECT,
    alias=_TEXT_OR_NULL,
    source_dag_id=_TEXT_OR_NULL,
    source_run_id=_TEXT_OR_NULL,
    source_task_id=_TEXT_OR_NULL,
    source_map_index=_INTEGER_OR_NULL,
    actor=_TEXT_OR_NULL,
)
_CREATED: Schema = {"type": "array", "items": record(dag_id=TEXT, run_id=TEXT, state=TEXT)}
_PLAN: dict[str, Schema] = {
    "from_date": TEXT,
    "to_date": TEXT,
    "reprocess_behavior": {"type": "string", "enum": ["none", "failed", "completed"], "default": "none"},
    "max_active_runs": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10},
    "run_backwards": BOOLEAN,
    "conf": _OBJECT,
}

SCHEMAS: dict[str, Schema] = {
    "BackfillDate": record(
        logical_date=_INSTANT,
        data_interval_start=_INSTANT,
        data_interval_end=_INSTANT,
        run_id=_TEXT_OR_NULL,
        state=_RUN_STATE,
        skipped=_TEXT_OR_NULL,
    ),
    "Backfill": record(
        backfill_id=INTEGER,
        dag_id=TEXT,
        state={"type": "string", "enum": ["running", "paused", "completed", "cancelled"]},
        **_PLAN,
        actor=TEXT,
        created_at=_INSTANT,
        completed_at=_INSTANT,
        cancelled_by=_TEXT_OR_NULL,
        progress=record(total=INTEGER, skipped=INTEGER, pending=INTEGER, active=INTEGER, finished=INTEGER),
        states={
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "state of runs -> how many dates have one in it",
        },
    ),
    "BackfillWithDates": extended("Backfill", dates=list_of("BackfillDate")),
    "BackfillPlan": record(dag_id=TEXT, **_PLAN, dates=list_of("BackfillDate")),
    "Pool": record(
        name=TEXT,
        slots=_SLOTS,
        description=_TEXT_OR_NULL,
        running_slots=INTEGER,
        queued_slots=INTEGER,
        scheduled_slots=INTEGER,
        occupied_slots=INTEGER,
        open_slots={"type": ["integer", "null"], "description": "null: no bound"},
    ),
    "Asset": record(
        name=TEXT,
        uri=TEXT,
        group=TEXT,
        extra=_OBJECT,
        is_active=BOOLEAN,
        event_count=INTEGER,
        last_event_at=_INSTANT,
        producing_tasks=_PLACE,
        consuming_tasks=_PLACE,
        scheduled_dags=_PLACE,
    ),
    "AssetEvent": _EVENT,
    "LoggedAssetEvent": extended("AssetEvent", created_runs=_CREATED),
    "AssetCondition": record(
        dag_id=TEXT, condition={"type": ["object", "null"]}, assets={"type": "array"}, is_met=BOOLEAN
    ),
    "Why": record(
        dag_id=TEXT,
        run_id=TEXT,
        task_id=TEXT,
        map_index=INTEGER,
        state={"type": "string", "enum": [str(state) for state in TaskState]},
        run_state=_RUN_STATE,
        reason=_REASON,
        reasons=list_of("Reason"),
    ),
}

_ONE_BACKFILL = ref("BackfillWithDates")

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/why"): operation(
        "Why a task instance is in its state: all reasons, the nearest first",
        ref("Why"),
        map_index=({"type": "integer", "minimum": -1, "default": -1}, "-1 for a task that is not mapped"),
    ),
    ("get", "/backfills"): operation("Backfills, newest first", record(backfills=list_of("Backfill")), limit=_LIMIT),
    ("get", "/dags/{dag_id}/backfills"): operation(
        "Backfills of one DAG, newest first", record(backfills=list_of("Backfill")), limit=_LIMIT
    ),
    ("post", "/dags/{dag_id}/backfills"): operation(
        "Run past dates; with dry_run only the plan",
        {"anyOf": [_ONE_BACKFILL, ref("BackfillPlan")]},
        body={**_PLAN, "dry_run": BOOLEAN},
        required=("from_date", "to_date"),
    ),
    ("get", "/backfills/{backfill_id}"): operation("One backfill, date by date", _ONE_BACKFILL),
    ("post", "/backfills/{backfill_id}/cancel"): operation("Start no further date", _ONE_BACKFILL),
    ("post", "/backfills/{backfill_id}/pause"): operation("Start no further date for now", _ONE_BACKFILL),
    ("post", "/backfills/{backfill_id}/unpause"): operation("Go on", _ONE_BACKFILL),
    ("get", "/pools"): operation("Pools with the slots in use", record(pools=list_of("Pool"))),
    ("post", "/pools"): operation(
        "Create a pool",
        ref("Pool"),
        body={"name": TEXT, "slots": _SLOTS, "description": _TEXT_OR_NULL},
        required=("name", "slots"),
    ),
    ("get", "/pools/{pool_name}"): operation("One pool", ref("Pool")),
    ("patch", "/pools/{pool_name}"): operation(
        "Change a pool", ref("Pool"), body={"slots": _SLOTS, "description": _TEXT_OR_NULL}
    ),
    ("delete", "/pools/{pool_name}"): operation("Delete a pool", EMPTY),
    ("get", "/assets"): operation("Assets with their lineage", record(assets=list_of("Asset"))),
    ("get", "/assets/{asset_name}"): operation(
        "One asset (by name or uri) with its latest events", extended("Asset", events=list_of("LoggedAssetEvent"))
    ),
    ("post", "/assets/{asset_name}/events"): operation(
        "Say that something outside has changed it", ref("AssetEvent"), body={"extra": _OBJECT}
    ),
    ("post", "/assets/{asset_name}/materialize"): operation(
        "Trigger the DAG that makes it", ref("Run"), body={"conf": _OBJECT, "unpause": BOOLEAN}
    ),
    ("get", "/asset-events"): operation(
        "A page of events of assets, newest first",
        record(events=list_of("LoggedAssetEvent"), next=_INTEGER_OR_NULL),
        asset=(TEXT, "of this asset alone"),
        alias=(TEXT, "that came through this alias"),
        limit=_LIMIT,
        before=(INTEGER, "`next` of the page before"),
    ),
    ("get", "/dags/{dag_id}/assets"): operation(
        "What the schedule of a DAG waits for, and the events since its last run", ref("AssetCondition")
    ),
}
