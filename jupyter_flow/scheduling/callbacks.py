"""Which callbacks follow from a change. Their rows are written in the change's own transaction.

A task's callbacks follow from what its attempts do: an end that was reported or lost for good, and a running attempt
that a rule of the run ends (``dagrun_timeout``, a cancel). What never started calls nothing, nor does what a person
marks. A run's callbacks follow from its end by its own rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..model.calls import NewCallback
from ..model.instants import iso_or_none
from ..model.rows import DagRun, TaskInstance
from ..model.spec import DagSpec, TaskSpec
from ..model.state import RunState, TaskState

_TASK_EVENTS = {
    TaskState.SUCCESS: "success",
    TaskState.FAILED: "failure",
    TaskState.CANCELLED: "failure",
    TaskState.UP_FOR_RETRY: "retry",
    TaskState.SKIPPED: "skipped",
}
_RUN_EVENTS = {RunState.SUCCESS: "success", RunState.FAILED: "failure", RunState.CANCELLED: "failure"}
_RUN_REASONS = {"tasks_failed": "task_failure", "run_timeout": "timed_out", "run_cancelled": "cancelled"}
"""Code of a run's reason -> what Airflow's callbacks find as ``context["reason"]``."""


def after_attempt(row: TaskInstance, task: TaskSpec, version_id: int, mail: bool) -> list[NewCallback]:
    """Return the callbacks of a task instance as an attempt's end has left it. ``mail``: whether mail can be sent."""
    event = _TASK_EVENTS.get(row.state)
    return [] if event is None else _of_task(row, task, event, version_id, mail)


def after_decision(row: TaskInstance, task: TaskSpec, version_id: int, mail: bool) -> list[NewCallback]:
    """Return the callbacks of a task instance as a decision has left it: of started ones that it ended."""
    if row.state is TaskState.SUCCESS and row.reason is not None and row.reason.code == "empty":
        return _of_task(row, task, "success", version_id, mail)  # a task without work, done without a process
    if row.state in (TaskState.FAILED, TaskState.CANCELLED) and row.attempt_id is not None:
        return _of_task(row, task, "failure", version_id, mail)
    return []


def after_run(run: DagRun, spec: DagSpec, rows: Iterable[TaskInstance]) -> list[NewCallback]:
    """Return the callbacks of a DAG run that has just ended. ``rows``: its task instances."""
    event = _RUN_EVENTS.get(run.state)
    if event is None or event not in spec.callbacks:
        return []
    reason = "success" if event == "success" else _RUN_REASONS.get(run.reason.code if run.reason else "", "failed")
    about = _telling(rows, event)
    facts = {
        "state": str(run.state),
        "reason": reason,
        "detail": run.reason and run.reason.to_json(),
        "task": None if about is None else task_facts(about),
    }
    return [NewCallback(run.id, run.dag_version_id, "dag", event, f"run:{run.row_version}", facts)]


def task_facts(row: TaskInstance) -> dict[str, Any]:
    """Return what a callback must know of a task instance as it is now."""
    return {
        "task_id": row.task_id,
        "map_index": row.map_index,
        "state": str(row.state),
        "reason": row.reason and row.reason.to_json(),
        "try_number": row.try_number,
        "max_tries": row.max_tries,
        "attempt_id": row.attempt_id,
        "attempt_number": row.attempt_count,
        "start_date": iso_or_none(row.start_date),
        "end_date": iso_or_none(row.end_date),
        "failing_cell": row.failing_cell,
    }


def _of_task(row: TaskInstance, task: TaskSpec, event: str, version_id: int, mail: bool) -> list[NewCallback]:
    source = row.attempt_id or f"{row.id}:{row.row_version}"
    facts = task_facts(row)
    found = []
    if event in task.callbacks:
        found.append(NewCallback(row.dag_run_id, version_id, "task", event, source, facts, row.id))
    if mail and event in task.email_on:
        facts = {**facts, "to": list(task.email)}
        found.append(NewCallback(row.dag_run_id, version_id, "email", event, source, facts, row.id))
    return found


def _telling(rows: Iterable[TaskInstance], event: str) -> TaskInstance | None:
    """The task instance that says most of the run's end: the last that failed by itself, else the last that ended."""
    ended = [row for row in rows if row.end_date is not None]
    if event == "failure":
        failed = [row for row in ended if row.state in (TaskState.FAILED, TaskState.CANCELLED)]
        ended = failed or ended
    return max(ended, key=lambda row: (row.end_date is not None, row.end_date, row.id), default=None)
