"""Picking: which scheduled task instances may start now, and why the others wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..model.reason import Reason
from ..model.slots import Ready, SlotLimits, Usage


@dataclass(frozen=True)
class Picked:
    """``chosen`` in the order of starting, ``refused`` with reasons in the order they would have come."""

    chosen: list[Ready]
    refused: list[tuple[Ready, Reason]]


def pick(ready: Iterable[Ready], usage: Usage, limits: SlotLimits) -> Picked:
    """Give out free slots by priority weight, then age of the run, then waiting time. ``usage`` stays unchanged."""
    used = Usage(usage.total, usage.notebooks, dict(usage.runs), dict(usage.pools))
    picked = Picked([], [])
    for item in sorted(ready, key=lambda item: item.order):
        reason = used.take(item, limits)
        if reason is None:
            picked.chosen.append(item)
        else:
            picked.refused.append((item, reason))
    return picked
