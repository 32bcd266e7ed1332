"""What running attempts use: sampled now and then, kept with the attempt, and held to the limits of their group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ..execution.sampling import IS_SUPPORTED, TreeSampler, confine, proportional_size
from ..model.config import FlowConfig
from ..model.reason import Reason
from ..model.resource_groups import ResourceGroup
from ..storage import attempts
from .active import Active, ActiveAttempts

MOST_SAMPLES = 240
"""Samples kept of one attempt: then every second one goes, and from then on half as many are kept."""

Point = tuple[float, float, int, int]
"""Seconds since the first sample, CPU seconds so far, resident bytes, processes."""


@dataclass
class Series:
    """The samples of one attempt."""

    began: float
    points: list[Point] = field(default_factory=list)
    stride: int = 1
    seen: int = 0
    is_new: bool = False

    def add(self, point: Point) -> None:
        """Add a sample; thin them out when there are many."""
        self.seen += 1
        if (self.seen - 1) % self.stride:
            return
        self.points.append(point)
        self.is_new = True
        if len(self.points) > MOST_SAMPLES:
            self.points = self.points[::2]
            self.stride *= 2


class Sampler:
    """Looks at the active attempts every ``resource_sampling`` seconds.

    ``end(active, reason)``: called for an attempt that is over a limit of its group.
    """

    def __init__(self, config: FlowConfig, active: ActiveAttempts, end: Callable[[Active, Reason], None]) -> None:
        self._interval = config.resource_sampling if IS_SUPPORTED else 0.0
        self._groups = config.resource_groups
        self._active = active
        self._end = end
        self._walk = TreeSampler()
        self._series: dict[str, Series] = {}
        self._next = 0.0

    def next_tick(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`; None while nothing runs."""
        return self._next if self._interval > 0 and len(self._active) else None

    def tick(self, now: float) -> None:
        """Take a sample of every attempt that runs, if it is time."""
        if self._interval <= 0 or now < self._next or not len(self._active):
            return
        self._next = now + self._interval
        running = {item.attempt_id: item for item in self._active if item.started}
        for attempt_id, tree in self._walk.sample(running.keys()).items():
            if not tree.rss:
                continue  # its processes are just ending
            series = self._series.setdefault(attempt_id, Series(now))
            series.add((round(now - series.began, 1), round(tree.cpu, 2), tree.rss, len(tree.pids)))
            group = self._groups.get(running[attempt_id].resource_group)
            if group is not None:
                self._hold(running[attempt_id], group, tree.rss, tree.pids)
        for attempt_id in self._series.keys() - {item.attempt_id for item in self._active}:
            del self._series[attempt_id]

    def _hold(self, active: Active, group: ResourceGroup, rss: int, pids: list[int]) -> None:
        if group.task_cpu is not None:
            confine(pids, group.task_cpu)
        limit = group.task_memory
        if limit is None or rss <= limit or (size := proportional_size(pids)) <= limit:
            return
        values = {"group": active.resource_group, "mb": round(size / 1e6), "limit_mb": round(limit / 1e6)}
        self._end(active, Reason("memory_limit", values))

    def save(self, connection: Connection, attempt_ids: Iterable[str] | None = None) -> None:
        """Write what is new, of these attempts or of all."""
        wanted = self._series.keys() if attempt_ids is None else self._series.keys() & set(attempt_ids)
        fresh = {name: self._series[name] for name in wanted if self._series[name].is_new}
        attempts.set_samples(connection, {name: series.points for name, series in fresh.items()})
        for series in fresh.values():
            series.is_new = False
