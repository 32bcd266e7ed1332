"""The shapes of the REST documents as JSON schemas; states and run types come from ``model.state``."""

from __future__ import annotations

from typing import Any

from ..model.state import RunState, RunType, TaskState
from .openapi_parts import extended, list_of, ref

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_INTEGER: Schema = {"type": "integer"}
_INTEGER_OR_NULL: Schema = {"type": ["integer", "null"]}
_BOOLEAN: Schema = {"type": "boolean"}
_OBJECT: Schema = {"type": "object", "additionalProperties": True}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_SECONDS: Schema = {"type": ["number", "null"], "description": "seconds"}
_REASON: Schema = {"oneOf": [{"$ref": "#/components/schemas/Reason"}, {"type": "null"}]}


def _record(optional: dict[str, Schema] | None = None, **properties: Schema) -> Schema:
    return {"type": "object", "properties": {**properties, **(optional or {})}, "required": list(properties)}


def _by_name(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _names(states: Any) -> Schema:
    return {"type": "string", "enum": [str(state) for state in states]}


_NEXT = {
    "run_after": _MOMENT,
    "logical_date": _INSTANT,
    "data_interval_start": _INSTANT,
    "data_interval_end": _INSTANT,
}

SCHEMAS: dict[str, Schema] = {
    "Id": {"type": "string", "pattern": r"^[A-Za-z0-9_.~:+@-]{1,250}$"},
    "Error": _record(code=_TEXT, message=_TEXT),
    "Reason": _record(code=_TEXT, args=_OBJECT, text=_TEXT),
    "Health": _record(
        state={"type": "string", "enum": ["healthy", "degraded", "stopped"]},
        message=_TEXT_OR_NULL,
        trouble={"type": "array", "items": {"$ref": "#/components/schemas/Trouble"}},
        host={"oneOf": [{"$ref": "#/components/schemas/Heartbeat"}, {"type": "null"}]},
        hosts={"type": "array", "items": {"$ref": "#/components/schemas/Host"}},
        running=_INTEGER,
        queued=_INTEGER,
        parallelism=_INTEGER,
        dag_folders=_TEXTS,
        import_errors=_INTEGER,
    ),
    "Trouble": _record(kind=_TEXT, since=_TEXT, message=_TEXT, pauses_dispatch=_BOOLEAN),
    "Heartbeat": _record(pid=_INTEGER, started_at=_INSTANT, heartbeat_at=_INSTANT, version=_TEXT),
    "Host": _record(
        hostname=_TEXT,
        home=_TEXT,
        pid=_INTEGER,
        version=_TEXT,
        started_at=_INSTANT,
        heartbeat_at=_INSTANT,
        queues=_TEXTS,
        dag_folders=_TEXTS,
    ),
    "ImportError": _record(
        file=_TEXT,
        folder=_TEXT,
        line=_INTEGER_OR_NULL,
        message=_TEXT,
        traceback=_TEXT_OR_NULL,
        kind={"type": "string", "enum": ["error", "warning"]},
    ),
    "Callback": _record(
        id=_INTEGER,
        level={"type": "string", "enum": ["task", "dag", "sla", "deadline", "email"]},
        event={"type": "string", "enum": ["success", "failure", "retry", "skipped", "sla_miss", "deadline"]},
        task_id=_TEXT_OR_NULL,
        map_index=_INTEGER_OR_NULL,
        try_number=_INTEGER_OR_NULL,
        state={"type": "string", "enum": ["waiting", "queued", "running", "success", "failed", "lost"]},
        reason=_REASON,
        created_at=_INSTANT,
        start_date=_INSTANT,
        end_date=_INSTANT,
        starts=_INTEGER,
        log_path=_TEXT_OR_NULL,
    ),
    "Sla": _record(
        dag_id=_TEXT,
        run_id=_TEXT,
        task_id=_TEXT,
        logical_date=_INSTANT,
        due_at=_INSTANT,
        noticed_at=_INSTANT,
        note=_TEXT_OR_NULL,
    ),
    "Deadline": _record(
        dag_id=_TEXT,
        run_id=_TEXT,
        position=_INTEGER,
        name=_TEXT_OR_NULL,
        state={"type": "string", "enum": ["pending", "met", "missed"]},
        due_at=_INSTANT,
        met_at=_INSTANT,
        missed_at=_INSTANT,
        note=_TEXT_OR_NULL,
    ),
    "NextRun": _record(**_NEXT),
    "Dag": _record(
        dag_id=_TEXT,
        dag_display_name=_TEXT,
        description=_TEXT_OR_NULL,
        owner=_TEXT,
        owner_links={**_by_name(_TEXT), "description": "owner -> link"},
        tags=_TEXTS,
        is_paused=_BOOLEAN,
        schedule=_TEXT_OR_NULL,
        schedule_assets={"type": ["string", "null"], "description": "the assets that it waits for, in words"},
        timezone=_TEXT,
        schedule_timezone={"type": "string", "description": "the zone of the schedule's own timetable, else the DAG's"},
        dag_folder=_TEXT,
        dag_file=_TEXT,
        version=_INTEGER,
        catchup=_BOOLEAN,
        catchup_window=_SECONDS,
        start_date=_INSTANT,
        end_date=_INSTANT,
        max_active_runs=_INTEGER,
        max_active_tasks=_INTEGER,
        max_consecutive_failed_dag_runs=_INTEGER,
        dagrun_timeout=_SECONDS,
        dag_retries=_INTEGER,
        fail_fast=_BOOLEAN,
        allowed_run_types={"type": ["array", "null"], "items": _names(RunType)},
        params=_by_name({"$ref": "#/components/schemas/Param"}),
        warnings=_TEXTS,
        next_run={"oneOf": [{"$ref": "#/components/schemas/NextRun"}, {"type": "null"}]},
        recent_runs={"type": "array", "items": {"$ref": "#/components/schemas/Run"}},
    ),
    "Param": {
        "type": "object",
        "properties": {
            "default": {},
            "schema": {"type": ["object", "null"], "additionalProperties": True},
            "description": _TEXT_OR_NULL,
        },
    },
    "Task": _record(
        task_id=_TEXT,
        task_display_name=_TEXT,
        operator=_TEXT,
        owner=_TEXT,
        group=_TEXT_OR_NULL,
        trigger_rule=_TEXT,
        is_setup=_BOOLEAN,
        is_teardown=_BOOLEAN,
        on_failure_fail_dagrun=_BOOLEAN,
        is_mapped=_BOOLEAN,
        priority_weight={"type": "integer", "description": "effective: weight_rule applied"},
        weight_rule={"type": "string", "enum": ["downstream", "upstream", "absolute"]},
        pool=_TEXT,
        pool_slots=_INTEGER,
        queue=_TEXT,
        resource_group=_TEXT,
        resources=_by_name({"type": "number"}),
        depends_on_past=_BOOLEAN,
        wait_for_downstream=_BOOLEAN,
        upstream=_TEXTS,
        downstream=_TEXTS,
        retries=_INTEGER,
        doc=_TEXT_OR_NULL,
        notebook=_TEXT_OR_NULL,
    ),
    "MissedDates": _record(
        first_logical_date=_INSTANT,
        last_logical_date=_INSTANT,
        count=_INTEGER_OR_NULL,
        reason=_REASON,
        noticed_at=_INSTANT,
    ),
    "Grid": _record(
        dag_id=_TEXT,
        codes={**_by_name(_TEXT), "description": "letter -> state"},
        tasks={"type": "array", "items": _TEXT},
        runs={"type": "array", "items": {"$ref": "#/components/schemas/GridRun"}},
        next=_TEXT_OR_NULL,
    ),
    "GridRun": _record(
        optional={"mapped": {**_by_name(_by_name(_INTEGER)), "description": "mapped task -> letter -> how many"}},
        run_id=_TEXT,
        run_type=_names(RunType),
        state=_names(RunState),
        logical_date=_INSTANT,
        start_date=_INSTANT,
        end_date=_INSTANT,
        version=_INTEGER,
        states={"type": "string", "description": "a letter for each of the tasks"},
    ),
    "Group": _record(group_id=_TEXT, parent=_TEXT_OR_NULL, label=_TEXT, tooltip=_TEXT_OR_NULL, is_mapped=_BOOLEAN),
    "EdgeLabel": _record(upstream=_TEXT, downstream=_TEXT, label=_TEXT),
    "Run": _record(
        dag_id=_TEXT,
        run_id=_TEXT,
        run_type=_names(RunType),
        state=_names(RunState),
        reason=_REASON,
        logical_date=_INSTANT,
        data_interval_start=_INSTANT,
        data_interval_end=_INSTANT,
        run_after=_INSTANT,
        timezone=_TEXT,
        wall_text={"type": ["string", "null"], "description": "run_after as a clock on the wall of the zone shows it"},
        queued_at=_INSTANT,
        start_date=_INSTANT,
        end_date=_INSTANT,
        duration=_SECONDS,
        conf=_OBJECT,
        triggered_by=_TEXT,
        actor=_TEXT,
        version=_INTEGER,
        parent={"oneOf": [{"$ref": "#/components/schemas/ParentTask"}, {"type": "null"}]},
    ),
    "ParentTask": _record(dag_id=_TEXT, run_id=_TEXT, task_id=_TEXT_OR_NULL, map_index=_INTEGER),
    "ChildRun": _record(dag_id=_TEXT, run_id=_TEXT, state=_names(RunState)),
    "TaskInstance": _record(
        task_id=_TEXT,
        map_index=_INTEGER,
        task_display_name=_TEXT,
        label={"type": ["string", "null"], "description": "name of a mapped task instance, by map_index_template"},
        operator=_TEXT,
        state=_names(TaskState),
        try_number=_INTEGER,
        max_tries=_INTEGER,
        attempt_number=_INTEGER,
        reschedules={"type": "integer", "description": "how often it asked to be started again later"},
        queued_at=_INSTANT,
        start_date=_INSTANT,
        end_date=_INSTANT,
        duration=_SECONDS,
        reason=_REASON,
        failing_cell=_INTEGER_OR_NULL,
        child_runs={"type": "array", "items": {"$ref": "#/components/schemas/ChildRun"}},
        log_path=_TEXT_OR_NULL,
        notebook_path=_TEXT_OR_NULL,
    ),
    "Metric": {
        "type": "object",
        "properties": {"name": _TEXT, "value": {"type": "number"}, "step": {"type": ["number", "null"]}},
        "required": ["name", "value"],
    },
    "Attempt": _record(
        attempt_number=_INTEGER,
        try_number=_INTEGER,
        outcome=_TEXT_OR_NULL,
        reason=_REASON,
        start_date=_INSTANT,
        end_date=_INSTANT,
        duration=_SECONDS,
        worker=_TEXT_OR_NULL,
        peak_rss=_INTEGER_OR_NULL,
        cpu_time=_SECONDS,
        samples={
            "type": "array",
            "items": {"type": "array", "items": {"type": "number"}},
            "description": "seconds since the first one, CPU seconds, resident bytes, processes",
        },
        metrics={"type": "array", "items": {"$ref": "#/components/schemas/Metric"}},
        log_path=_TEXT_OR_NULL,
        notebook_path=_TEXT_OR_NULL,
    ),
    "XCom": _record(
        key=_TEXT,
        preview=_TEXT,
        type=_TEXT,
        size=_INTEGER,
        length=_INTEGER_OR_NULL,
        reference=_TEXT_OR_NULL,
        created_at=_TEXT,
        task_id=_TEXT,
        map_index=_INTEGER,
        attempt_id=_TEXT_OR_NULL,
    ),
    "LogLine": _record(seq=_INTEGER, at=_TEXT, stream=_TEXT, level=_TEXT, text=_TEXT),
    "Log": _record(
        attempt_number=_INTEGER_OR_NULL,
        lines={"type": "array", "items": {"$ref": "#/components/schemas/LogLine"}},
        complete=_BOOLEAN,
    ),
    "ExecutedNotebook": _record(name=_TEXT, failing_cell=_INTEGER_OR_NULL, notebook=_OBJECT),
    "DagWithTasks": extended("Dag", tasks=list_of("Task"), groups=list_of("Group"), labels=list_of("EdgeLabel")),
    "RunWithTasks": extended("Run", dag_display_name=_TEXT, tasks=list_of("TaskInstance")),
    "RunPage": _record(runs=list_of("Run"), next=_TEXT_OR_NULL),
    "TaskDetails": extended(
        "TaskInstance",
        attempts=list_of("Attempt"),
        live_kernel={"oneOf": [ref("LiveKernel"), {"type": "null"}]},
        rendered=_OBJECT,
        xcoms=list_of("TaskXCom"),
    ),
    "LiveKernel": _record(
        attempt_id=_TEXT, attempt_number=_INTEGER, kernel_name=_TEXT, cell=_INTEGER, since=_TEXT, until=_TEXT
    ),
    "OpenedKernel": _record(kernel_id=_TEXT, kernel_name=_TEXT, notebook_path=_TEXT, cell=_INTEGER, until=_TEXT),
    "TaskXCom": extended("XCom", value={"description": "any JSON; null where it is kept in a file"}),
}
