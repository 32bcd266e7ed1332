"""How a DAG run ends: by the ends of its tasks, by a timeout, by the first failure, or not yet (DAG retries)."""

from __future__ import annotations

from ..model.changes import Change, RunChange, TaskChange
from ..model.reason import Reason
from ..model.rows import TaskInstance
from ..model.state import TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from .reasons import key_names
from .snapshot import RunSnapshot

_SUCCESSLIKE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED})
_FAILED = frozenset({TaskState.FAILED, TaskState.CANCELLED})


def end_run(snapshot: RunSnapshot) -> list[Change]:
    """Return the end of a run that has no unfinished task, or the tasks that it runs again before it may fail."""
    run = snapshot.run
    if run.cancel_requested_at is not None:
        reason = Reason("run_cancelled", {"actor": run.cancel_requested_by})
        return [RunChange(run.id, RunState.CANCELLED, reason, run.row_version)]
    leaves = snapshot.topology.deciding_leaves
    if all(task.state in _SUCCESSLIKE for leaf in leaves for task in snapshot.instances(leaf)):
        return [RunChange(run.id, RunState.SUCCESS, None, run.row_version)]
    failed = key_names(key for key, task in snapshot.tasks.items() if task.state in _FAILED)
    if run.retries_used < snapshot.spec.dag_retries:
        return _try_again(snapshot, failed)
    return [RunChange(run.id, RunState.FAILED, Reason("tasks_failed", {"tasks": failed}), run.row_version)]


def _try_again(snapshot: RunSnapshot, failed: str) -> list[Change]:
    """Run the failed tasks again, with their setups and teardowns; the run takes its place in the queue again."""
    run = snapshot.run
    number = run.retries_used + 1
    reason = Reason("dag_retry", {"tasks": failed, "number": number, "limit": snapshot.spec.dag_retries})
    again = _FAILED | {TaskState.UPSTREAM_FAILED}
    names = {task.task_id for task in snapshot.tasks.values() if task.state in again and task.task_id in snapshot.specs}
    needed = snapshot.topology.with_setups_and_teardowns(names) - names
    changes: list[Change] = []
    for key in snapshot.in_order(snapshot.tasks):
        task = snapshot.tasks[key]
        if task.task_id in snapshot.specs and (
            task.state in again or (task.task_id in needed and task.state is not TaskState.REMOVED)
        ):
            tries = task.try_number + snapshot.specs[task.task_id].retries + 1
            changes.append(_change(task, TaskState.WAITING, reason, tries))
    return [*changes, RunChange(run.id, RunState.QUEUED, reason, run.row_version, number)]


def time_out(snapshot: RunSnapshot) -> list[Change]:
    """Return the end of a run that took longer than its ``dagrun_timeout``, teardowns included (as in Airflow)."""
    reason = Reason("run_timeout", {"seconds": snapshot.spec.dagrun_timeout})
    changes: list[Change] = []
    for key in snapshot.in_order(snapshot.tasks):
        task = snapshot.tasks[key]
        if task.state not in TASK_TERMINAL:
            changes.append(_change(task, TaskState.FAILED if task.state in TASK_ACTIVE else TaskState.SKIPPED, reason))
    changes.append(RunChange(snapshot.run.id, RunState.FAILED, reason, snapshot.run.row_version))
    return changes


def fail_fast(snapshot: RunSnapshot) -> list[Change]:
    """Return what the first failure stops: running tasks fail, the others are skipped. Teardowns go on."""
    reason = Reason("fail_fast", {"tasks": key_names(snapshot.failed)})
    changes: list[Change] = []
    for key in snapshot.in_order(snapshot.tasks):
        task = snapshot.tasks[key]
        spec = snapshot.specs.get(task.task_id)
        if task.state not in TASK_TERMINAL and spec is not None and not spec.is_teardown:
            state = TaskState.FAILED if task.state is TaskState.RUNNING else TaskState.SKIPPED
            changes.append(_change(task, state, reason))
    return changes


def _change(task: TaskInstance, state: TaskState, reason: Reason, max_tries: int | None = None) -> TaskChange:
    return TaskChange(
        task.id, task.task_id, task.map_index, state, reason, row_version=task.row_version, max_tries=max_tries
    )
