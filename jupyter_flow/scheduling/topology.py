"""What the graph of a DAG says to deciding: orders, sets of relatives, task groups, mapping, setups and teardowns.

Made once for each snapshot; what few tasks ask for is found when it is asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from ..model.spec import DagSpec, TaskSpec
from .past import asked_of_past


class Topology:
    """The graph of one DAG spec."""

    def __init__(self, spec: DagSpec) -> None:
        self.spec = spec
        self.tasks: dict[str, TaskSpec] = {task.task_id: task for task in spec.tasks}
        self.order = {task.task_id: position for position, task in enumerate(spec.tasks)}
        self.downstream = spec.downstream()
        self._upstream = {task.task_id: task.upstream for task in spec.tasks}
        self._below: dict[str, frozenset[str]] = {}
        self._above: dict[str, frozenset[str]] = {}
        self._read_as_lists: dict[str | None, tuple[str, ...]] = {}

    # --- relatives

    def below(self, task_id: str) -> frozenset[str]:
        """Return the ids of all tasks downstream of a task, near and far."""
        return _reach(task_id, self.downstream, self._below)

    def above(self, task_id: str) -> frozenset[str]:
        """Return the ids of all tasks upstream of a task, near and far."""
        return _reach(task_id, self._upstream, self._above)

    @cached_property
    def members(self) -> dict[str, set[str]]:
        """Full id of each task group -> ids of the tasks in it, those of the groups inside included."""
        parents = {group.group_id: group.parent for group in self.spec.groups}
        found: dict[str, set[str]] = {group_id: set() for group_id in parents}
        for task in self.spec.tasks:
            group = task.group
            while group is not None and group in found:
                found[group].add(task.task_id)
                group = parents[group]
        return found

    @cached_property
    def deciding_leaves(self) -> tuple[str, ...]:
        """Ids of the tasks whose ends make the end of a run.

        Those are the leaves, but in place of a teardown what is right before it; a teardown itself counts only if its
        failure is to fail the run.
        """
        found: dict[str, None] = {}
        for task in self.spec.tasks:
            if task.is_teardown:
                found |= dict.fromkeys(name for name in task.upstream if not self.tasks[name].is_teardown)
                if task.on_failure_fail_dagrun:
                    found[task.task_id] = None
            elif not self.downstream[task.task_id]:
                found[task.task_id] = None
        return tuple(found)

    @cached_property
    def asked_of_past(self) -> frozenset[str]:
        """Ids of the tasks whose states in the run before matter."""
        return frozenset(asked_of_past(self.tasks, self.downstream))

    # --- branching

    def skipped_by(self, task_id: str, follow: Mapping[str, Any]) -> frozenset[str]:
        """Return the ids of the tasks that a branching task skips when it says ``follow``.

        A branch skips what is right downstream of it and neither chosen nor downstream of what was chosen; a group
        stands for its first tasks. A short circuit never skips teardowns.
        """
        if "short_circuit" in follow:
            found = self.below(task_id) if follow["short_circuit"] == "all" else frozenset(self.downstream[task_id])
            return frozenset(name for name in found if not self.tasks[name].is_teardown)
        chosen: set[str] = set()
        for name in follow["branch"]:
            chosen |= self._first_tasks(name)
        followed = chosen.union(*(self.below(name) for name in chosen))
        return frozenset(self.downstream[task_id]) - followed

    def _first_tasks(self, name: str) -> set[str]:
        if name in self.tasks:
            return {name}
        inside = self.members.get(name, set())
        return {task_id for task_id in inside if inside.isdisjoint(self.tasks[task_id].upstream)}

    # --- mapping

    @cached_property
    def mapped_group(self) -> dict[str, str]:
        """Id of each task in a mapped group -> full id of that group (the outermost, if there are several)."""
        groups = {group.group_id: group for group in self.spec.groups}
        mapped = [group.group_id for group in self.spec.groups if group.expand is not None]
        outermost = [name for name in mapped if not any(other in _around(name, groups) for other in mapped)]
        return {task_id: name for name in outermost for task_id in self.members[name]}

    @cached_property
    def expansions(self) -> dict[str, Mapping[str, Any]]:
        """Id of each mapped task -> the ``expand`` of the task or of its mapped group."""
        groups = {group.group_id: group.expand for group in self.spec.groups}
        found = {task.task_id: task.expand for task in self.spec.tasks if task.expand is not None}
        for task_id, group in self.mapped_group.items():
            expand = groups[group]
            if expand is not None:
                found[task_id] = expand
        return found

    def expanded_with(self, task_id: str) -> Collection[str]:
        """Return the ids of the tasks that are expanded together with a mapped task, itself included."""
        group = self.mapped_group.get(task_id)
        return (task_id,) if group is None else sorted(self.members[group], key=self.order.__getitem__)

    def read_as_lists(self, group: str | None) -> tuple[str, ...]:
        """Return the ids of the mapped tasks of which others see all instances; those of ``group`` see one another's.

        ``group``: full id of the mapped group of who asks, None outside all.
        """
        if group not in self._read_as_lists:
            found = (name for name in self.expansions if group is None or self.mapped_group.get(name) != group)
            self._read_as_lists[group] = tuple(sorted(found))
        return self._read_as_lists[group]

    @cached_property
    def length_sources(self) -> dict[str, set[str]]:
        """Id of each task that others are mapped over -> the keys of its XComs that they are mapped over."""
        found: dict[str, set[str]] = {}
        for expand in self.expansions.values():
            for task_id, key in _sources(expand):
                found.setdefault(task_id, set()).add(key)
        return found

    @cached_property
    def mapped_over(self) -> dict[str, list[str]]:
        """Id of each task that others are mapped over -> ids of those tasks."""
        found: dict[str, list[str]] = {}
        for mapped, expand in self.expansions.items():
            for task_id in {task_id for task_id, _ in _sources(expand)}:
                found.setdefault(task_id, []).append(mapped)
        return found

    # --- setups and teardowns

    @cached_property
    def scopes(self) -> dict[str, frozenset[str]]:
        """Id of each setup -> ids of the tasks that it is a setup of: between it and its teardowns, or all after it."""
        found: dict[str, frozenset[str]] = {}
        for task in self.spec.tasks:
            if task.is_setup:
                teardowns = [name for name in self.downstream[task.task_id] if self.tasks[name].is_teardown]
                inside = self.below(task.task_id)
                if teardowns:
                    inside &= frozenset[str]().union(*(self.above(name) for name in teardowns))
                found[task.task_id] = inside
        return found

    @cached_property
    def indirect_setups(self) -> dict[str, list[str]]:
        """Id of each setup -> ids of the tasks in its scope that do not name it as upstream, teardowns left out."""
        found: dict[str, list[str]] = {}
        for setup, scope in self.scopes.items():
            tasks = [self.tasks[name] for name in scope]
            found[setup] = [task.task_id for task in tasks if not task.is_teardown and setup not in task.upstream]
        return found

    def with_setups_and_teardowns(self, task_ids: Iterable[str]) -> set[str]:
        """Return ``task_ids``, the setups that they need and the teardowns of those.

        What is run again needs its setups run again.
        """
        wanted = set(task_ids) & self.tasks.keys()
        setups = {setup for setup, scope in self.scopes.items() if setup in wanted or not scope.isdisjoint(wanted)}
        teardowns = {name for setup in setups for name in self.downstream[setup] if self.tasks[name].is_teardown}
        return set(task_ids) | setups | teardowns


def _reach(task_id: str, edges: Mapping[str, Iterable[str]], known: dict[str, frozenset[str]]) -> frozenset[str]:
    if task_id not in known:
        found: set[str] = set()
        pending = [task_id]
        while pending:
            for name in edges.get(pending.pop(), ()):
                if name not in found:
                    found.add(name)
                    pending.append(name)
        known[task_id] = frozenset(found)
    return known[task_id]


def _around(name: str, groups: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    parent = groups[name].parent
    while parent is not None and parent in groups:
        found.add(parent)
        parent = groups[parent].parent
    return found


def _sources(expand: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the ``(task_id, key)`` pairs whose lengths an ``expand`` needs."""
    pending = list(expand["inputs"].values())
    while pending:
        length = pending.pop()
        if "xcom" in length:
            yield length["xcom"][0], length["xcom"][1]
        pending += [*length.get("zip", ()), *length.get("concat", ())]
