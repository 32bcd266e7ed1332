"""Sums over the upstream task instances of each task instance, so that one change costs only its neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..model.spec import TaskSpec
from ..model.state import TaskState
from .trigger_rules import UpstreamCounts

_COUNTED = {
    TaskState.SUCCESS: "success",
    TaskState.SKIPPED: "skipped",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "failed",
    TaskState.UPSTREAM_FAILED: "upstream_failed",
}
_COUNTED_SETUPS = {TaskState.SUCCESS: "setups_success", TaskState.SKIPPED: "setups_skipped"}
_ALL = -1


class Tally:
    """How the sources of each task stand, over the edges ``targets``: task id -> ids of the tasks that it bears upon.

    Within one mapped group a source counts for the target of the same map index only; one that is not expanded
    (index −1) counts for all, and a target that is not expanded counts all.
    """

    def __init__(
        self, tasks: Mapping[str, TaskSpec], targets: Mapping[str, Iterable[str]], mapped_group: Mapping[str, str]
    ) -> None:
        self._tasks = tasks
        self._outside: dict[str, UpstreamCounts] = {}
        self._inside: dict[str, dict[int, UpstreamCounts]] = {}
        self._targets: dict[str, list[tuple[str, bool]]] = {}
        for source, names in targets.items():
            group = mapped_group.get(source)
            together = [(name, group is not None and mapped_group.get(name) == group) for name in names]
            self._targets[source] = together
            for name, inside in together:
                if inside:
                    self._inside.setdefault(name, {})
                self._outside.setdefault(name, UpstreamCounts())

    def move(self, task_id: str, map_index: int, old: TaskState | None, new: TaskState | None) -> None:
        """Count that a task instance went from one state to another; None: that it was not there, or is no more."""
        targets = self._targets.get(task_id)
        if not targets:
            return
        is_setup = self._tasks[task_id].is_setup
        for name, inside in targets:
            counts = self._outside[name]
            if inside:
                counts = self._inside[name].setdefault(map_index, UpstreamCounts())
            _count(counts, old, -1, is_setup)
            _count(counts, new, 1, is_setup)

    def of(self, task_id: str, map_index: int) -> UpstreamCounts | None:
        """Return how the sources of a task instance stand (do not change it), None if its task has none."""
        counts = self._outside.get(task_id)
        by_index = self._inside.get(task_id)
        if counts is None or not by_index:
            return counts
        for index in by_index if map_index == _ALL else (_ALL, map_index):
            if (more := by_index.get(index)) is not None and more.total:
                counts = counts.plus(more) if counts.total else more
        return counts


def _count(counts: UpstreamCounts, state: TaskState | None, by: int, is_setup: bool) -> None:
    if state is None or state is TaskState.REMOVED:
        return
    counts.total += by
    if (name := _COUNTED.get(state)) is not None:
        setattr(counts, name, getattr(counts, name) + by)
    if is_setup:
        counts.setups += by
        if (name := _COUNTED_SETUPS.get(state)) is not None:
            setattr(counts, name, getattr(counts, name) + by)
