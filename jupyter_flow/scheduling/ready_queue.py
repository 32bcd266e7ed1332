"""All that is ready on a host, kept in order, so that giving out a slot does not look at everything that waits.

What asks for the same (pool and slots of it, queue, resources …) stands in one lane: when the first in a lane has to
wait, so have all behind it. In a lane each run has its own line, so that a run with as many active tasks as it may
have is passed by at one look. :func:`.slots.pick` is the same rule over a plain list.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.slots import Order, Ready, SlotLimits, Usage
from .snapshot import Key, RunSnapshot

OWN_BOUND = frozenset({"max_active_tasks", "max_active_tis_per_dagrun"})
"""Reasons that hold for one run and no other in the lane."""


@dataclass(frozen=True)
class Chosen:
    """What may start, in this order; and ``refused``: codes of the reasons why others wait, not all of each."""

    ready: list[Ready]
    refused: set[str]


class _Lane:
    """Ready tasks that differ in run and order only. ``lines``: run -> its tasks in order; ``heads``: their firsts."""

    def __init__(self) -> None:
        self.lines: dict[int, list[tuple[Order, Ready]]] = {}
        self.heads: list[tuple[Order, int]] = []

    def add(self, item: Ready) -> None:
        line = self.lines.setdefault(item.dag_run_id, [])
        first = line[0][0] if line else None
        insort(line, (item.order, item), key=_order)
        self._move_head(item.dag_run_id, first)

    def remove(self, item: Ready) -> None:
        line = self.lines[item.dag_run_id]
        first = line[0][0]
        del line[bisect_left(line, item.order, key=_order)]
        self._move_head(item.dag_run_id, first)
        if not line:
            del self.lines[item.dag_run_id]

    def _move_head(self, dag_run_id: int, was: Order | None) -> None:
        line = self.lines[dag_run_id]
        now = line[0][0] if line else None
        if was == now:
            return
        if was is not None:
            del self.heads[bisect_left(self.heads, (was, dag_run_id))]
        if now is not None:
            insort(self.heads, (now, dag_run_id))


class _Walk:
    """Goes through a lane in order, as far as it is asked to. Runs that were passed by are not met again."""

    def __init__(self, lane: _Lane) -> None:
        self._lane = lane
        self._met = 0
        self._on: list[tuple[Order, int, int]] = []  # the next of runs of which one was taken, with its place

    def next(self) -> Order | None:
        """Return the order of what :meth:`pop` gives, None at the end."""
        fresh = self._lane.heads[self._met][0] if self._met < len(self._lane.heads) else None
        if self._on and (fresh is None or self._on[0][0] < fresh):
            return self._on[0][0]
        return fresh

    def pop(self) -> tuple[Ready, int]:
        """Return the next, and its place in the line of its run."""
        if self._on and self._on[0][0] == self.next():
            _, dag_run_id, place = heapq.heappop(self._on)
        else:
            dag_run_id, place = self._lane.heads[self._met][1], 0
            self._met += 1
        return self._lane.lines[dag_run_id][place][1], place

    def go_on(self, item: Ready, place: int) -> None:
        """Let the rest of the run of ``item``, which was taken, be met."""
        line = self._lane.lines[item.dag_run_id]
        if place + 1 < len(line):
            heapq.heappush(self._on, (line[place + 1][0], item.dag_run_id, place + 1))


class ReadyQueue:
    """What is ready in the runs that were told of by :meth:`take_in`.

    ``preferred``: resource group -> what its priority adds to the weight of its tasks.
    """

    def __init__(self, preferred: Mapping[str, int]) -> None:
        self.preferred = preferred
        self._lanes: dict[tuple[Any, ...], _Lane] = {}
        self._known: dict[int, tuple[RunSnapshot, object, dict[Key, Ready]]] = {}

    def __len__(self) -> int:
        return sum(len(items) for _, _, items in self._known.values())

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def take_in(self, snapshot: RunSnapshot) -> None:
        """Follow what changed in a run since it was taken in last."""
        dag_run_id, terms = snapshot.run.id, snapshot.terms
        changed = snapshot.take_ready_changes()
        known, earlier, items = self._known.get(dag_run_id, (None, None, {}))
        if known is not snapshot or earlier != terms:
            self.drop(dag_run_id)
            items = {}
            self._known[dag_run_id] = (snapshot, terms, items)
            changed = snapshot.ready_keys()
        for key in changed:
            if (old := items.pop(key, None)) is not None:
                self._remove(old)
            if (new := snapshot.asking(key)) is not None:
                more = self.preferred.get(new.resource_group, 0)
                item = replace(new, priority_weight=new.priority_weight + more) if more else new
                items[key] = item
                self._lanes.setdefault(_lane_of(item), _Lane()).add(item)

    def drop(self, dag_run_id: int) -> None:
        """Forget a run."""
        for item in self._known.pop(dag_run_id, (None, None, {}))[2].values():
            self._remove(item)

    def _remove(self, item: Ready) -> None:
        name = _lane_of(item)
        lane = self._lanes[name]
        lane.remove(item)
        if not lane.lines:
            del self._lanes[name]

    def pick(self, usage: Usage, limits: SlotLimits, only: Collection[int] | None = None) -> Chosen:
        """Give out free slots as :func:`.slots.pick` does, to the runs ``only`` if given. ``usage`` stays unchanged."""
        used = usage.copy()
        chosen: list[Ready] = []
        refused: set[str] = set()
        walks = [_Walk(lane) for lane in self._lanes.values()]
        heap = [(order, number) for number, walk in enumerate(walks) if (order := walk.next()) is not None]
        heapq.heapify(heap)
        while heap:
            _, number = heapq.heappop(heap)
            walk = walks[number]
            item, place = walk.pop()
            reason = None if only is None or item.dag_run_id in only else "other"
            if reason is None and (found := used.take(item, limits)) is not None:
                reason = found.code
                refused.add(reason)
            if reason == "parallelism":
                break
            if reason is None:
                chosen.append(item)
                walk.go_on(item, place)
            elif reason != "other" and reason not in OWN_BOUND:
                continue  # all behind it in this lane ask for the same
            if (order := walk.next()) is not None:
                heapq.heappush(heap, (order, number))
        return Chosen(chosen, refused)


def _order(entry: tuple[Order, Ready]) -> Order:
    return entry[0]


def _lane_of(item: Ready) -> tuple[Any, ...]:
    """Return all by which a task may have to wait, but for its run."""
    bounds = (item.max_active_tis_per_dag, item.max_active_tis_per_dagrun)
    own = (item.dag_id, item.task_id, *bounds) if bounds != (None, None) else ()
    asked = item.asked if item.resource_group else None
    return (item.is_notebook, item.pool, item.pool_slots, item.queue, item.resource_group, asked, own)
