"""What the graph of a DAG says to deciding: orders, sets of relatives, task groups, setups and their scopes.

Made once for each snapshot; sets that few tasks ask for are found when they are asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from ..model.spec import DagSpec, TaskSpec


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

    def below(self, task_id: str) -> frozenset[str]:
        """Return the ids of all tasks downstream of a task, near and far."""
        return self._reach(task_id, self.downstream, self._below)

    def above(self, task_id: str) -> frozenset[str]:
        """Return the ids of all tasks upstream of a task, near and far."""
        return self._reach(task_id, self._upstream, self._above)

    @staticmethod
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
