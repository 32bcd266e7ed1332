"""Reasons that name task instances: why one ended unrun, and which ones it waits for."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.reason import Reason
from ..model.rows import TaskInstance
from ..model.spec import TaskSpec
from ..model.state import TASK_FAILED, TASK_TERMINAL, TaskState
from .snapshot import Key, RunSnapshot
from .trigger_rules import MEANINGS

NAMED = 5
"""How many tasks a reason names before it says how many more there are."""
OPEN = frozenset(TaskState) - TASK_TERMINAL
_SKIPPING = frozenset(
    {"all_success", "all_done_min_one_success", "all_done_setup_success", "none_failed_min_one_success", "none_skipped"}
)
"""Rules that skip a task because upstream tasks were skipped."""


def why_ended(snapshot: RunSnapshot, spec: TaskSpec, map_index: int, target: TaskState, by_setups: bool) -> Reason:
    """Return why a task instance ends in ``target`` without having run."""
    if by_setups:
        states = TASK_FAILED if target is TaskState.UPSTREAM_FAILED else frozenset({TaskState.SKIPPED})
        return Reason("setup_not_done", {"tasks": names_of(setups_in(snapshot, spec, map_index, states))})
    rule = {"rule": spec.trigger_rule}
    failed = names_of(upstream_in(snapshot, spec, map_index, TASK_FAILED))
    if failed and target is TaskState.UPSTREAM_FAILED:
        return Reason("upstream_failed", {"tasks": failed, **rule})
    skipped = names_of(upstream_in(snapshot, spec, map_index, frozenset({TaskState.SKIPPED})))
    if skipped and spec.trigger_rule in _SKIPPING:
        return Reason("upstream_skipped", {"tasks": skipped, **rule})
    return Reason("rule_unmet", {**rule, "message": MEANINGS[spec.trigger_rule]})


def not_followed(snapshot: RunSnapshot, source: Key) -> Reason:
    """Return why a task instance is skipped that the branching one ``source`` does not let go on."""
    follow = snapshot.task(source).follow or {}
    names = {"task": key_names([source])}
    if "short_circuit" in follow:
        return Reason("short_circuited", names)
    return Reason("not_followed", {**names, "followed": ", ".join(follow["branch"]) or "nothing"})


def upstream_in(
    snapshot: RunSnapshot, spec: TaskSpec, map_index: int, states: frozenset[TaskState]
) -> list[TaskInstance]:
    """Return the task instances upstream of one that are in one of ``states``."""
    return _among(snapshot, spec.upstream, spec.task_id, map_index, states)


def setups_in(
    snapshot: RunSnapshot, spec: TaskSpec, map_index: int, states: frozenset[TaskState]
) -> list[TaskInstance]:
    """Return the setups around a task instance, not right upstream of it, that are in one of ``states``."""
    setups = [setup for setup, below in snapshot.topology.indirect_setups.items() if spec.task_id in below]
    return _among(snapshot, setups, spec.task_id, map_index, states)


def names_of(tasks: Iterable[TaskInstance]) -> str:
    """Return the names of task instances as one text: the first few, and how many more there are."""
    return key_names((task.task_id, task.map_index) for task in tasks)


def key_names(keys: Iterable[Key]) -> str:
    """Return the names of ``keys`` as one text: the first few, and how many more there are."""
    texts = [task_id if index == -1 else f"{task_id}[{index}]" for task_id, index in sorted(keys)]
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more


def _among(
    snapshot: RunSnapshot, sources: Iterable[str], task_id: str, map_index: int, states: frozenset[TaskState]
) -> list[TaskInstance]:
    groups = snapshot.topology.mapped_group
    found: list[TaskInstance] = []
    for source in sources:
        together = groups.get(source) is not None and groups.get(source) == groups.get(task_id)
        for task in snapshot.instances(source):
            is_other = together and map_index not in (-1, task.map_index) and task.map_index != -1
            if task.state in states and not is_other:
                found.append(task)
    return found
