"""From a callback to its :class:`Workload`: the task's or the run's own, with what is to be told of the change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from ..model.calls import Callback
from ..model.config import FlowConfig
from ..model.instants import iso_or_none
from ..model.records import Workload
from ..model.rows import DagRun, TaskInstance
from ..model.spec import DagSpec, TaskSpec
from ..model.state import TaskState
from ..storage import dags, queries
from .house import House
from .run_snapshots import make_snapshot
from .workloads import RunBasis, build

_NO_TASK = TaskSpec("none", "EmptyOperator")


def build_callback(connection: Connection, house: House, callback: Callback) -> Workload:
    """Return the workload of a callback for which a process is about to be begun."""
    run = queries.run_by_id(connection, callback.dag_run_id)
    run = replace(run, dag_version_id=callback.dag_version_id)
    spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
    rows = queries.task_instances(connection, run.id)
    about = callback.facts if callback.facts.get("task_id") else callback.facts.get("task")
    row, spec = _row(run, spec, rows, about, callback)
    snapshot = make_snapshot(connection, run, spec, rows, house.config.max_map_length)
    workload = build(connection, house, RunBasis.gather(connection, run, spec), row, {}, snapshot)
    told = {
        **callback.facts,
        "level": callback.level,
        "event": callback.event,
        "about_task": about is not None,
        "timeout": house.config.callback_timeout,
        "run_state": str(run.state),
        "run_end_date": iso_or_none(run.end_date),
        "urls": urls(house.config, run, row if about is not None else None),
    }
    return replace(workload, kind="callback", callback=told)


def urls(config: FlowConfig, run: DagRun, row: TaskInstance | None) -> dict[str, str]:
    """Return where people find the run (and the task) in JupyterLab; {} if nobody said where that is."""
    if not config.base_url:
        return {}
    place = f"flow-dag={quote(run.dag_id, safe='')}&flow-run={quote(run.run_id, safe='')}"
    found = {"run": f"{config.base_url.rstrip('/')}/lab?{place}"}
    if row is not None:
        found["task"] = f"{found['run']}&flow-task={quote(row.task_id, safe='')}"
    return found


def _row(
    run: DagRun, spec: DagSpec, rows: list[TaskInstance], about: Any, callback: Callback
) -> tuple[TaskInstance, DagSpec]:
    """Return the task instance that the callback is about (any one if it is about the run), as it was then."""
    known = {task.task_id for task in spec.tasks}
    wanted = None if about is None else (about["task_id"], about["map_index"])
    chosen = [row for row in rows if (row.task_id, row.map_index) == wanted and row.task_id in known]
    chosen = chosen or [row for row in rows if about is None and row.task_id in known]
    if not chosen:
        if about is not None:
            raise ValueError(f"the run has no task {about['task_id']!r} any more")
        return _placeholder(run, callback), replace(spec, tasks=(_NO_TASK,))
    row = replace(chosen[0], attempt_id=callback.attempt_id)
    if about is not None:
        row = replace(row, try_number=about["try_number"], attempt_count=about["attempt_number"])
    return row, spec


def _placeholder(run: DagRun, callback: Callback) -> TaskInstance:
    empty: dict[str, Any] = dict.fromkeys(
        ("scheduled_at", "queued_at", "start_date", "end_date", "check_at", "reason", "failing_cell")
    )
    return TaskInstance(
        id=0,
        dag_run_id=run.id,
        dag_id=run.dag_id,
        run_id=run.run_id,
        task_id=_NO_TASK.task_id,
        map_index=-1,
        operator=_NO_TASK.operator,
        state=TaskState.WAITING,
        row_version=0,
        try_number=0,
        max_tries=1,
        attempt_count=0,
        infra_losses=0,
        attempt_id=callback.attempt_id,
        cancel_requested_at=None,
        cancel_requested_by=None,
        **empty,
    )
