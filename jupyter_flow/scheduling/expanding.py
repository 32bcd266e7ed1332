"""From one mapped task to its instances: when lengths are known, a task (or all tasks of a mapped group) expands."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..model.changes import ExpandChange
from ..model.state import TASK_TERMINAL, TaskState
from .lengths import Length, total_length
from .snapshot import RunSnapshot


@dataclass(frozen=True)
class Expansion:
    """That ``task_id``, and what is expanded with it, is to have ``length`` instances."""

    task_id: str
    length: int


def expansion_of(snapshot: RunSnapshot, task_id: str) -> Length:
    """Return how many instances a mapped task has to have."""
    return total_length(snapshot.topology.expansions[task_id], snapshot, snapshot.max_map_length)


def expand_changes(
    snapshot: RunSnapshot, expansions: Iterable[Expansion], changed: Collection[int]
) -> list[ExpandChange]:
    """Return one change for each task that an expansion takes in; rows that are ``changed`` otherwise are left out."""
    wanted = {name: item.length for item in expansions for name in snapshot.topology.expanded_with(item.task_id)}
    found: list[ExpandChange] = []
    for name in sorted(wanted, key=snapshot.topology.order.__getitem__):
        change = _change(snapshot, name, wanted[name])
        if change is not None and change.id not in changed:
            found.append(change)
    return found


def _change(snapshot: RunSnapshot, name: str, length: int) -> ExpandChange | None:
    rows = [row for row in snapshot.instances(name) if row.map_index >= 0 or row.state is not TaskState.REMOVED]
    if not rows:
        return None
    row = rows[0]
    if row.map_index == -1:
        if row.state in TASK_TERMINAL:
            return None
    else:
        last = snapshot.tasks.get((name, length - 1))
        if last is not None and last.state is not TaskState.REMOVED:
            return None
    return ExpandChange(row.dag_run_id, name, row.id, row.row_version, length, snapshot.specs[name].retries + 1)
