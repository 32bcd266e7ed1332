"""Why a task instance has not started: the reasons that deciding and picking use, all of them, in order."""

from __future__ import annotations

from ..model.instants import to_iso
from ..model.reason import Reason
from ..model.rows import TaskInstance
from ..model.slots import SlotLimits, Usage
from ..model.spec import TaskSpec
from ..model.state import TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from .decide import judge_task
from .expanding import expansion_of
from .lengths import NOT_YET
from .past import past_refusal
from .reasons import OPEN, names_of, setups_in, upstream_in
from .snapshot import Key, RunSnapshot


def why_waiting(snapshot: RunSnapshot, key: Key) -> Reason | None:
    """Return what the rules make a task instance wait for; None if it waits for nothing or only for a slot."""
    found = _rules(snapshot, snapshot.tasks[key])
    return found[0] if found else None


def explain(
    snapshot: RunSnapshot,
    key: Key,
    usage: Usage | None = None,
    limits: SlotLimits | None = None,
    dispatch_paused: str | None = None,
) -> list[Reason]:
    """Return all reasons why a task instance has not started yet, the nearest first; what has ended gives its own.

    ``usage`` and ``limits``: the slots, of interest once the task is scheduled. ``dispatch_paused``: why this host
    starts nothing at present. An empty list: nothing holds it up, or it is active. KeyError for an unknown ``key``.
    """
    task = snapshot.tasks[key]
    if task.state in TASK_ACTIVE:
        return []
    if task.state in TASK_TERMINAL:
        return [task.reason] if task.reason is not None else []
    found = _rules(snapshot, task)
    if task.state is TaskState.SCHEDULED and not found:
        if dispatch_paused is not None:
            found.append(Reason("dispatch_paused", {"message": dispatch_paused}))
        for ready in snapshot.ready():
            if (ready.task_id, ready.map_index) == key and usage is not None and limits is not None:
                found += usage.refusals(ready, limits)
    return found


def _rules(snapshot: RunSnapshot, task: TaskInstance) -> list[Reason]:
    if task.state in TASK_ACTIVE | TASK_TERMINAL:
        return []
    found: list[Reason] = []
    if snapshot.run.state is RunState.QUEUED and snapshot.run.reason is not None:
        found.append(snapshot.run.reason)
    if task.state is TaskState.UP_FOR_RESCHEDULE and task.check_at is not None:
        found.append(Reason("reschedule", {"at": to_iso(task.check_at)}))
    if task.state is TaskState.UP_FOR_RETRY and task.check_at is not None:
        facts = {"next_try": task.try_number + 1, "max_tries": task.max_tries, "at": to_iso(task.check_at)}
        found.append(Reason("retry_at", facts))
    spec = snapshot.specs.get(task.task_id)
    if task.state is TaskState.WAITING and spec is not None:
        found += _gates(snapshot, task, spec)
    return found


def _gates(snapshot: RunSnapshot, task: TaskInstance, spec: TaskSpec) -> list[Reason]:
    """What deciding asks before a waiting task becomes scheduled: trigger rule, setups, mapping, the past."""
    found: list[Reason] = []
    target, _ = judge_task(snapshot, spec, task.map_index)
    if target is TaskState.WAITING:
        if waits_for := upstream_in(snapshot, spec, task.map_index, OPEN):
            found.append(Reason("upstream_waiting", {"tasks": names_of(waits_for)}))
        if waits_for := setups_in(snapshot, spec, task.map_index, OPEN):
            found.append(Reason("setup_waiting", {"tasks": names_of(waits_for)}))
    elif snapshot.is_mapped(spec.task_id) and expansion_of(snapshot, spec.task_id) is NOT_YET:
        sources = [name for name, mapped in snapshot.topology.mapped_over.items() if spec.task_id in mapped]
        waits_for = [row for name in sources for row in snapshot.instances(name) if row.state in OPEN]
        found.append(Reason("map_waiting", {"tasks": names_of(waits_for)}))
    past = past_refusal(spec, snapshot.downstream[spec.task_id], snapshot.past)
    if past is not None:
        found.append(past)
    return found
