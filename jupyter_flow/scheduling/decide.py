"""What follows for a DAG run from what is committed: one step of changes, each with its reason.

A step does not look ahead: apply it, put the new rows into the snapshot and ask again with their keys, until
nothing follows. :func:`decide` asks everything, :func:`decide_changed` only around given keys; from a snapshot
in which nothing else followed both answer the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..model.changes import Change, TaskChange
from ..model.reason import Reason
from ..model.rows import TaskInstance
from ..model.spec import TaskSpec
from ..model.state import RUN_TERMINAL, TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from .endings import end_run, fail_fast, time_out
from .expanding import Expansion, expand_changes, expansion_of
from .lengths import Unknown, Unusable
from .past import past_refusal
from .reasons import not_followed, why_ended
from .snapshot import Key, RunSnapshot
from .task_dates import left_out
from .trigger_rules import judge


def decide(snapshot: RunSnapshot, now: datetime) -> list[Change]:
    """Return all that follows at ``now``: changes of task instances in topological order, then of the run."""
    return _decide(snapshot, snapshot.in_order(snapshot.tasks), now)


def decide_changed(snapshot: RunSnapshot, keys: Iterable[Key], now: datetime) -> list[Change]:
    """Return what follows at ``now`` after the task instances ``keys`` changed, or because time passed.

    A changed row of the run itself (a cancel request, its start) and of the run before it need :func:`decide`.
    """
    return _decide(snapshot, snapshot.affected([*keys, *snapshot.due(now)]), now)


def _decide(snapshot: RunSnapshot, keys: list[Key], now: datetime) -> list[Change]:
    run = snapshot.run
    is_cancelled = run.cancel_requested_at is not None
    if run.state in RUN_TERMINAL or (run.state is RunState.QUEUED and not is_cancelled):
        return []
    if snapshot.unfinished == 0:
        return end_run(snapshot)
    timeout = snapshot.timeout_at()
    if timeout is not None and timeout <= now and not is_cancelled:
        return time_out(snapshot)
    changes: list[Change] = []
    if snapshot.spec.fail_fast and snapshot.failed and not is_cancelled:
        changes += fail_fast(snapshot)
    stopped = {change.id for change in changes}
    expansions: list[Expansion] = []
    for key in keys:
        task = snapshot.tasks[key]
        if task.state in TASK_ACTIVE or task.state in TASK_TERMINAL or task.id in stopped:
            continue
        found = _next(snapshot, task, now)
        if isinstance(found, Expansion):
            expansions.append(found)
        elif found is not None:
            changes.append(found)
    if expansions:
        changes += expand_changes(snapshot, expansions, {change.id for change in changes})
    return changes


def _next(snapshot: RunSnapshot, task: TaskInstance, now: datetime) -> TaskChange | Expansion | None:
    spec = snapshot.specs.get(task.task_id)
    if (reason := _cancelled(snapshot, task, spec)) is not None:
        return _change(task, TaskState.CANCELLED, reason)
    if spec is None or (task.map_index >= 0 and not snapshot.is_mapped(task.task_id)):
        return _change(task, TaskState.REMOVED, None)
    if (reason := left_out(spec, snapshot.run.logical_date)) is not None:
        return _change(task, TaskState.SKIPPED, reason)
    if (source := snapshot.skipped_by((task.task_id, task.map_index))) is not None:
        return _skip(snapshot, task, spec, not_followed(snapshot, source))
    target, setups = judge_task(snapshot, spec, task.map_index)
    if task.state in (TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE):
        if task.check_at is not None and task.check_at > now:
            return None
        if target is TaskState.WAITING and task.state is TaskState.UP_FOR_RESCHEDULE:
            return None  # an upstream task was cleared: the try goes on when that has ended
        return _change(task, TaskState.SCHEDULED if target is TaskState.SCHEDULED else TaskState.WAITING, None)
    if snapshot.is_mapped(task.task_id) and task.state is TaskState.WAITING:
        is_late = task.map_index == -1 and _has_expanded_kin(snapshot, task.task_id)
        if target is TaskState.SCHEDULED or (target is TaskState.WAITING and is_late):
            found = _expand(snapshot, task, spec, is_late)
            if found is not None:
                return found if isinstance(found, (TaskChange, Expansion)) else None
    if target is task.state:
        return None
    if target is TaskState.SCHEDULED:
        if past_refusal(spec, snapshot.downstream[spec.task_id], snapshot.past) is not None:
            return None
        is_empty = (spec.operator_ref or "").endswith(":EmptyOperator")
        if is_empty and not spec.needs_dag_file and "execute" not in spec.callbacks and not spec.outlets:
            # hooks, execute callbacks and outlets need a process
            return _change(task, TaskState.SUCCESS, Reason("empty"))
        return _change(task, TaskState.SCHEDULED, None)
    if target is TaskState.WAITING:  # an upstream task was cleared before this one started
        return _change(task, TaskState.WAITING, None)
    reason = why_ended(snapshot, spec, task.map_index, target, setups)
    return _skip(snapshot, task, spec, reason) if target is TaskState.SKIPPED else _change(task, target, reason)


def judge_task(snapshot: RunSnapshot, spec: TaskSpec, map_index: int) -> tuple[TaskState, bool]:
    """Return what trigger rule and setups say of a task instance, and whether the setups say so.

    The setups around a task must all succeed, whatever its rule; the rule ``always`` alone asks nothing.
    """
    target = judge(spec.trigger_rule, snapshot.upstream_counts(spec.task_id, map_index))
    setups = snapshot.setup_counts(spec.task_id, map_index)
    if setups is None or not setups.total or spec.trigger_rule == "always":
        return target, False
    needed = judge("all_success", setups)
    if needed is TaskState.SCHEDULED or (needed is TaskState.WAITING and target is not TaskState.SCHEDULED):
        return target, False
    return needed, True


def _cancelled(snapshot: RunSnapshot, task: TaskInstance, spec: TaskSpec | None) -> Reason | None:
    """Tell why a task instance is not to start any more. A cancelled run still has its teardowns, if it began."""
    run = snapshot.run
    if task.cancel_requested_at is not None:
        return Reason("cancel", {"actor": task.cancel_requested_by})
    if run.cancel_requested_at is None:
        return None
    if run.state is RunState.RUNNING and spec is not None and spec.is_teardown:
        return None
    return Reason("run_cancelled", {"actor": run.cancel_requested_by})


def _has_expanded_kin(snapshot: RunSnapshot, task_id: str) -> bool:
    together = snapshot.topology.expanded_with(task_id)
    return any(snapshot.is_expanded(name) for name in together if name != task_id)


def _expand(
    snapshot: RunSnapshot, task: TaskInstance, spec: TaskSpec, is_late: bool
) -> TaskChange | Expansion | Unknown | None:
    """Return what has to happen to a mapped task instance before it may run; None if nothing."""
    if past_refusal(spec, snapshot.downstream[spec.task_id], snapshot.past) is not None and not is_late:
        return None
    length = expansion_of(snapshot, task.task_id)
    if isinstance(length, Unknown):
        return length
    if isinstance(length, Unusable):
        return _change(task, length.state, length.reason)
    if length == 0 and task.map_index <= 0:
        return _skip(snapshot, task, spec, Reason("map_empty"))
    if task.map_index >= length:
        return _change(task, TaskState.REMOVED, Reason("map_shorter", {"length": length}))
    if task.map_index == -1 or (task.task_id, length - 1) not in snapshot.tasks:
        return Expansion(task.task_id, length)
    if snapshot.task((task.task_id, length - 1)).state is TaskState.REMOVED:
        return Expansion(task.task_id, length)
    return None


def _skip(snapshot: RunSnapshot, task: TaskInstance, spec: TaskSpec, reason: Reason) -> TaskChange | None:
    if spec.wait_for_past_depends_before_skipping:
        refusal = past_refusal(spec, snapshot.downstream[spec.task_id], snapshot.past)
        if refusal is not None:
            return None
    return _change(task, TaskState.SKIPPED, reason)


def _change(task: TaskInstance, state: TaskState, reason: Reason | None) -> TaskChange:
    return TaskChange(task.id, task.task_id, task.map_index, state, reason, row_version=task.row_version)
