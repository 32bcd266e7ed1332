"""Which task instances run again when somebody clears some: what comes after them, their setups and teardowns."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..model.rows import TaskInstance
from ..model.state import TASK_TERMINAL, TaskState
from .snapshot import Key
from .topology import Topology

_AGAIN = TASK_TERMINAL - {TaskState.REMOVED}


def named_instances(rows: Iterable[TaskInstance], task_id: str, map_index: int) -> list[TaskInstance]:
    """Return the task instances that are meant: the one with this map index, or for −1 all of a mapped task."""
    present = [row for row in rows if row.task_id == task_id and row.state is not TaskState.REMOVED]
    exact = [row for row in present if row.map_index == map_index]
    return exact or (present if map_index == -1 else [])


def to_clear(topology: Topology, rows: Collection[TaskInstance], keys: Collection[Key], downstream: bool) -> list[Key]:
    """Return ``keys`` and what has to run again with them; of what did not end yet nothing is added.

    ``downstream``: what comes after them too. Within one mapped group only the same map indexes are taken.
    """
    wanted = set(keys)
    if downstream:
        for key in keys:
            below = topology.below(key[0])
            ended = (row for row in rows if row.task_id in below and row.state in _AGAIN)
            wanted |= {found for row in ended if _belong(topology, key, found := (row.task_id, row.map_index))}
    if topology.scopes:
        named = {name for name, _ in wanted}
        needed = topology.with_setups_and_teardowns(named) - named
        groups = topology.mapped_group
        indexes: dict[str, set[int]] = {}
        for name, index in wanted:
            if name in groups:
                indexes.setdefault(groups[name], set()).add(index)
        for row in rows:
            at = indexes.get(groups.get(row.task_id, ""))
            is_meant = at is None or row.map_index in at or -1 in (row.map_index, *at)
            if row.task_id in needed and row.state in _AGAIN and is_meant:
                wanted.add((row.task_id, row.map_index))
    return sorted(wanted)


def _belong(topology: Topology, one: Key, other: Key) -> bool:
    group = topology.mapped_group.get(one[0])
    apart = group is not None and topology.mapped_group.get(other[0]) == group and -1 not in (one[1], other[1])
    return not apart or one[1] == other[1]
