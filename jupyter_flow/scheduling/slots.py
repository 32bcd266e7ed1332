"""Picking: which scheduled task instances may start now, and why the others wait."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ..model.reason import Reason
from ..model.slots import Ready, SlotLimits, Usage


@dataclass(frozen=True)
class Picked:
    """``chosen`` in the order of starting, ``refused`` with their reasons in no order."""

    chosen: list[Ready]
    refused: list[tuple[Ready, Reason]]


def pick(ready: Iterable[Ready], usage: Usage, limits: SlotLimits) -> Picked:
    """Give out free slots by priority weight, then age of the run, then waiting time. ``usage`` stays unchanged.

    Asked after every change, often with thousands waiting and nothing free: full runs are set aside by one look
    each, and only what may start is put in order.
    """
    used = usage.copy()
    picked = Picked([], [])
    heap: list[tuple[tuple[int, datetime, datetime, int], int, Ready]] = []
    full: dict[int, Reason] = {}
    for item in ready:
        run = item.dag_run_id
        if used.runs.get(run, 0) >= item.max_active_tasks:
            if run not in full:
                full[run] = used.run_refusal(item)
            picked.refused.append((item, full[run]))
        else:
            heap.append((item.order, len(heap), item))
    heapq.heapify(heap)
    while heap and used.total < limits.parallelism:
        _, _, item = heapq.heappop(heap)
        reason = used.take(item, limits)
        if reason is None:
            picked.chosen.append(item)
        else:
            picked.refused.append((item, reason))
    if heap:
        reason = used.parallelism_refusal(limits)
        picked.refused.extend((item, reason) for _, _, item in heap)
    return picked
