"""How many instances a mapped task gets: the lengths of what it is mapped over, by the LENGTH tree of its spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol

from ..model.reason import Reason
from ..model.state import TaskState


class XComLength(NamedTuple):
    """That a task instance pushed ``key``, and how many items it has; None: nothing maps over it."""

    task_id: str
    map_index: int
    key: str
    length: int | None


class Unknown(Enum):
    """A length that is not known yet: what is mapped over has not ended."""

    YET = "yet"


NOT_YET: Final = Unknown.YET


@dataclass(frozen=True)
class Unusable:
    """That there will be no length, why, and the state in which the mapped task ends."""

    reason: Reason
    state: TaskState = TaskState.FAILED


class Sources(Protocol):
    """What is known of the tasks that others are mapped over."""

    def is_open(self, task_id: str) -> bool:
        """Whether the task has an instance that has not ended."""
        ...

    def is_mapped(self, task_id: str) -> bool:
        """Whether the task is mapped itself."""
        ...

    def pushed(self, task_id: str, key: str) -> Mapping[int, int | None]:
        """Return map index -> length of what the instances of the task pushed under ``key``."""
        ...

    def succeeded(self, task_id: str) -> bool:
        """Whether an instance of the task succeeded."""
        ...


Length = int | Unknown | Unusable


def total_length(expand: Mapping[str, Any], sources: Sources, limit: int) -> Length:
    """Return how many instances a task with this ``expand`` has: the product over its inputs, at most ``limit``."""
    found = [_length(item, sources) for item in expand["inputs"].values()]
    total = _combined(found, math.prod)
    if isinstance(total, int) and total > limit:
        return Unusable(Reason("map_too_long", {"length": total, "limit": limit}))
    return total


def input_lengths(expand: Mapping[str, Any], sources: Sources) -> dict[str, int]:
    """Return input -> length of an ``expand`` whose lengths are all known; ValueError if one is not any more."""
    found = {name: _length(item, sources) for name, item in expand["inputs"].items()}
    for name, length in found.items():
        if isinstance(length, Unusable):
            raise ValueError(str(length.reason))
        if isinstance(length, Unknown):
            raise ValueError(f"what input {name!r} is mapped over runs again")
    return {name: length for name, length in found.items() if isinstance(length, int)}


def _length(item: Mapping[str, Any], sources: Sources) -> Length:
    if "const" in item:
        return int(item["const"])
    if "zip" in item:
        return _combined([_length(part, sources) for part in item["zip"]], max if item.get("longest") else min)
    if "concat" in item:
        return _combined([_length(part, sources) for part in item["concat"]], sum)
    task_id, key = item["xcom"]
    return _of_xcom(task_id, key, sources)


def _combined(found: list[Length], combine: Any) -> Length:
    for item in found:
        if isinstance(item, Unusable):
            return item
    if NOT_YET in found:
        return NOT_YET
    return int(combine(found))


def _of_xcom(task_id: str, key: str, sources: Sources) -> Length:
    if sources.is_open(task_id):
        return NOT_YET
    pushed = sources.pushed(task_id, key)
    if sources.is_mapped(task_id):
        return len(pushed)
    names = {"task": task_id, "key": key}
    if -1 not in pushed:
        if sources.succeeded(task_id):
            return Unusable(Reason("map_not_pushed", names))
        return Unusable(Reason("map_source_failed", names), TaskState.UPSTREAM_FAILED)
    length = pushed[-1]
    return Unusable(Reason("map_no_list", names)) if length is None else length
