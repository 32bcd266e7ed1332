"""``xcom_pull``: what a call means, with Airflow's arguments. Where XComs come from is told by ``look_up``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..authoring.runtime import NOT_GIVEN

LookUp = Callable[[str], list[tuple[int, Any]]]
"""``look_up(task_id)`` returns ``(map index, value)`` of what the task pushed, by map index."""


def pull(
    look_up: LookUp,
    task_ids: str | Iterable[str] | None,
    map_indexes: Any,
    default: Any,
    *,
    own: tuple[str, int],
    mapped: frozenset[str] | None,
) -> Any:
    """Return the value of one task, or a list of the values of several tasks or map indexes.

    ``task_ids``: None is the task that asks. ``map_indexes``: one index gives one value; several (a list, a range, a
    slice) a list; None is the index of tasks that are not mapped. Not given: a mapped task gives the list over its map
    indexes, every other one its value, a task of the same mapped group the value of the same index. What was not
    pushed is ``default``. ``own``: task id and map index of the task that asks. ``mapped``: the mapped tasks, None if
    that is not known (another DAG): then more than one index tells.

    Raises TypeError for arguments that mean nothing.
    """
    one_task = task_ids is None or isinstance(task_ids, str)
    names = [own[0] if task_ids is None else str(task_ids)] if one_task else _names(task_ids)
    if map_indexes is NOT_GIVEN:
        found: list[Any] = []
        for name in names:
            items = look_up(name)
            if (name in mapped) if mapped is not None else any(index >= 0 for index, _ in items):
                values = [value for _, value in items]
                if one_task:
                    return values
                found += values
            else:
                by_index = dict(items)
                found.append(by_index.get(own[1], by_index.get(-1, default)))
        return found[0] if one_task else found
    if isinstance(map_indexes, slice):
        return [value for name in names for _, value in look_up(name)[map_indexes]]
    one_index = map_indexes is None or (isinstance(map_indexes, int) and not isinstance(map_indexes, bool))
    indexes = [-1 if map_indexes is None else map_indexes] if one_index else _indexes(map_indexes)
    values = []
    for name in names:
        by_index = dict(look_up(name))
        values += [by_index.get(index, default) for index in indexes]
    return values[0] if one_task and one_index else values


def _names(task_ids: Any) -> list[str]:
    try:
        names = list(task_ids)
    except TypeError:
        names = [None]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"xcom_pull: task_ids must be a task id or a list of them, not {task_ids!r}")
    return names


def _indexes(map_indexes: Any) -> list[int]:
    try:
        indexes = list(map_indexes)
    except TypeError:
        indexes = [None]
    if not all(type(index) is int for index in indexes):
        raise TypeError(f"xcom_pull: map_indexes must be a number or a list of them, not {map_indexes!r}")
    return indexes
