"""How many workers a cluster of our own has: Dask's adaptive scaling, driven by a smoothed load."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from distributed.deploy.adaptive import Adaptive

HALF_LIFE = 2.0
"""Polling intervals in which half of a fall of the load arrives. A rise counts at once."""


class Load:
    """Tasks that wait or run, smoothed: short gaps do not end workers that are needed again at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.smoothed = 0.0

    def look(self) -> float:
        """Return the smoothed load of this polling interval."""
        if self.now >= self.smoothed:
            self.smoothed = self.now
        else:
            keep = 0.5 ** (1.0 / HALF_LIFE)
            self.smoothed = keep * self.smoothed + (1.0 - keep) * self.now
            if self.smoothed - self.now < 0.05:
                self.smoothed = self.now
        return self.smoothed

    def workers(self, threads: int) -> int:
        """Return how many workers of ``threads`` tasks each carry the smoothed load."""
        return math.ceil(self.look() / threads)


class SmoothedAdaptive(Adaptive):
    """Adapts a cluster to a :class:`Load`; a worker with an attempt is never closed. ``say`` hears each decision."""

    def __init__(self, cluster: Any, *, load: Load, threads: int, say: Callable[[str], None], **options: Any) -> None:
        self._load, self._threads, self._say = load, threads, say
        self._last = -1
        super().__init__(cluster, **options)

    async def target(self) -> int:
        """Return how many workers the load needs (the bounds are applied by Dask)."""
        wanted = self._load.workers(self._threads)
        bounded = int(max(self.minimum, min(self.maximum, wanted)))
        if bounded != self._last:
            self._say(f"workers: {max(self._last, 0)} → {bounded} because load {self._load.smoothed:.1f}")
        self._last = bounded
        return wanted

    async def workers_to_close(self, target: int) -> list[str]:
        """Return workers to close: only those that have nothing to do."""
        chosen = await super().workers_to_close(target)
        workers = self.cluster.scheduler.workers  # type: ignore[attr-defined]  # it is in this process
        busy = {state.name for state in workers.values() if state.processing}
        return [name for name in chosen if name not in busy]
