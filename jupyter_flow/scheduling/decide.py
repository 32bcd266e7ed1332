"""What follows for a DAG run from what is committed: one step of changes, each with its reason.

A step does not look ahead: apply it, put the new rows into the snapshot and ask again with their keys, until
nothing follows. :func:`decide` asks everything, :func:`decide_changed` only around given keys; from a snapshot
in which nothing else followed both answer the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..model.changes import Change, RunChange, TaskChange
from ..model.instants import to_iso
from ..model.reason import Reason
from ..model.rows import TaskInstance
from ..model.spec import TaskSpec
from ..model.state import RUN_TERMINAL, TASK_ACTIVE, TASK_FAILED, TASK_TERMINAL, RunState, TaskState
from .snapshot import Key, RunSnapshot
from .trigger_rules import MEANINGS, judge

NAMED = 5
"""How many tasks a reason names before it says how many more there are."""

_SKIPPING = frozenset(
    {"all_success", "all_done_min_one_success", "all_done_setup_success", "none_failed_min_one_success", "none_skipped"}
)
"""Rules that skip a task because upstream tasks were skipped."""
_SUCCESSLIKE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED})


def decide(snapshot: RunSnapshot, now: datetime) -> list[Change]:
    """Return all that follows at ``now``: changes of task instances in topological order, then of the run."""
    return _decide(snapshot, snapshot.in_order(snapshot.tasks), now)


def decide_changed(snapshot: RunSnapshot, keys: Iterable[Key], now: datetime) -> list[Change]:
    """Return what follows at ``now`` after the task instances ``keys`` changed, or because time passed.

    A changed row of the run itself (a cancel request, its start) needs :func:`decide`.
    """
    return _decide(snapshot, snapshot.affected([*keys, *snapshot.due(now)]), now)


def why_waiting(snapshot: RunSnapshot, key: Key) -> Reason | None:
    """Return what the rules make a task instance wait for; None if it waits for nothing or only for a slot."""
    task = snapshot.tasks[key]
    if task.state in TASK_ACTIVE | TASK_TERMINAL:
        return None
    if snapshot.run.state is RunState.QUEUED:
        return snapshot.run.reason
    if task.state is TaskState.UP_FOR_RESCHEDULE and task.check_at is not None:
        return Reason("reschedule_at", {"at": to_iso(task.check_at)})
    if task.state is TaskState.UP_FOR_RETRY and task.check_at is not None:
        facts = {"next_try": task.try_number + 1, "max_tries": task.max_tries, "at": to_iso(task.check_at)}
        return Reason("retry_at", facts)
    if task.state is TaskState.WAITING and task.task_id in snapshot.specs:
        spec = snapshot.specs[task.task_id]
        tasks = _upstream_in(snapshot, spec, frozenset(TaskState) - TASK_TERMINAL)
        return Reason("upstream_waiting", {"tasks": tasks}) if tasks else None
    return None


def _decide(snapshot: RunSnapshot, keys: list[Key], now: datetime) -> list[Change]:
    run = snapshot.run
    is_cancelled = run.cancel_requested_at is not None
    if run.state in RUN_TERMINAL or (run.state is RunState.QUEUED and not is_cancelled):
        return []
    if snapshot.unfinished == 0:
        return [_end(snapshot)]
    timeout = snapshot.timeout_at()
    if timeout is not None and timeout <= now and not is_cancelled:
        return _time_out(snapshot)
    changes: list[Change] = []
    for key in keys:
        task = snapshot.tasks[key]
        if task.state in TASK_ACTIVE or task.state in TASK_TERMINAL:
            continue
        change = _next(snapshot, task, now)
        if change is not None:
            changes.append(change)
    return changes


def _next(snapshot: RunSnapshot, task: TaskInstance, now: datetime) -> TaskChange | None:
    run = snapshot.run
    if run.cancel_requested_at is not None:
        return _change(task, TaskState.CANCELLED, Reason("run_cancelled", {"actor": run.cancel_requested_by}))
    if task.cancel_requested_at is not None:
        return _change(task, TaskState.CANCELLED, Reason("cancel", {"actor": task.cancel_requested_by}))
    spec = snapshot.specs.get(task.task_id)
    if spec is None:
        return _change(task, TaskState.REMOVED, None)
    source = snapshot.skipped_by((task.task_id, task.map_index))
    if source is not None:
        return _change(task, TaskState.SKIPPED, _not_followed(snapshot, source))
    target = judge(spec.trigger_rule, snapshot.upstream_counts(task.task_id))
    if task.state in (TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE):
        if task.check_at is not None and task.check_at > now:
            return None
        if target is TaskState.WAITING and task.state is TaskState.UP_FOR_RESCHEDULE:
            return None  # an upstream task was cleared: the try goes on when that has ended
        return _change(task, TaskState.SCHEDULED if target is TaskState.SCHEDULED else TaskState.WAITING, None)
    if target is task.state:
        return None
    if target is TaskState.SCHEDULED:
        if (spec.operator_ref or "").endswith(":EmptyOperator"):
            return _change(task, TaskState.SUCCESS, Reason("empty"))
        return _change(task, TaskState.SCHEDULED, None)
    if target is TaskState.WAITING:  # an upstream task was cleared before this one started
        return _change(task, TaskState.WAITING, None)
    return _change(task, target, _why_ended(snapshot, spec, target))


def _why_ended(snapshot: RunSnapshot, spec: TaskSpec, target: TaskState) -> Reason:
    failed = _upstream_in(snapshot, spec, TASK_FAILED)
    if failed and target is TaskState.UPSTREAM_FAILED:
        return Reason("upstream_failed", {"tasks": failed, "rule": spec.trigger_rule})
    skipped = _upstream_in(snapshot, spec, frozenset({TaskState.SKIPPED}))
    if skipped and spec.trigger_rule in _SKIPPING:
        return Reason("upstream_skipped", {"tasks": skipped, "rule": spec.trigger_rule})
    return Reason("rule_unmet", {"rule": spec.trigger_rule, "message": MEANINGS[spec.trigger_rule]})


def _not_followed(snapshot: RunSnapshot, source: Key) -> Reason:
    follow = snapshot.task(source).follow or {}
    names = {"task": _names([source])}
    if "short_circuit" in follow:
        return Reason("short_circuited", names)
    return Reason("not_followed", {**names, "followed": ", ".join(follow["branch"]) or "nothing"})


def _end(snapshot: RunSnapshot) -> RunChange:
    run = snapshot.run
    if run.cancel_requested_at is not None:
        reason = Reason("run_cancelled", {"actor": run.cancel_requested_by})
        return RunChange(run.id, RunState.CANCELLED, reason, run.row_version)
    leaves = (task for task, below in snapshot.downstream.items() if not below)
    if all(task.state in _SUCCESSLIKE for leaf in leaves for task in snapshot.instances(leaf)):
        return RunChange(run.id, RunState.SUCCESS, None, run.row_version)
    own = {TaskState.FAILED, TaskState.CANCELLED}
    failed = _names(key for key, task in snapshot.tasks.items() if task.state in own)
    return RunChange(run.id, RunState.FAILED, Reason("tasks_failed", {"tasks": failed}), run.row_version)


def _time_out(snapshot: RunSnapshot) -> list[Change]:
    reason = Reason("run_timeout", {"seconds": snapshot.spec.dagrun_timeout})
    changes: list[Change] = []
    for key in snapshot.in_order(snapshot.tasks):
        task = snapshot.tasks[key]
        if task.state not in TASK_TERMINAL:
            state = TaskState.FAILED if task.state in TASK_ACTIVE else TaskState.SKIPPED
            changes.append(_change(task, state, reason))
    changes.append(RunChange(snapshot.run.id, RunState.FAILED, reason, snapshot.run.row_version))
    return changes


def _change(task: TaskInstance, state: TaskState, reason: Reason | None) -> TaskChange:
    return TaskChange(task.id, task.task_id, task.map_index, state, reason, row_version=task.row_version)


def _upstream_in(snapshot: RunSnapshot, spec: TaskSpec, states: frozenset[TaskState]) -> str:
    return _names(
        (task.task_id, task.map_index)
        for upstream in spec.upstream
        for task in snapshot.instances(upstream)
        if task.state in states
    )


def _names(keys: Iterable[Key]) -> str:
    texts = sorted(task_id if index == -1 else f"{task_id}[{index}]" for task_id, index in keys)
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more
