"""Slots: the one rule for how many task instances may be active at once.

The deciding core asks it to pick, the claim asks it again inside its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from .reason import Reason


@dataclass(frozen=True)
class SlotLimits:
    """Upper bounds over all runs. ``pools``: pool name -> slots; an unknown pool has no slot."""

    parallelism: int = 16
    notebook_parallelism: int = 2
    pools: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """A ``scheduled`` task instance that asks for slots. ``max_active_tasks`` is its run's own limit."""

    task_instance_id: int
    row_version: int
    dag_run_id: int
    dag_version_id: int
    task_id: str
    map_index: int
    is_notebook: bool
    max_active_tasks: int
    pool: str
    pool_slots: int
    priority_weight: int
    run_after: datetime
    scheduled_at: datetime | None

    @cached_property
    def order(self) -> tuple[int, datetime, datetime, int]:
        """Sort key: higher priority weight first, then older run, then longer waiting."""
        return (-self.priority_weight, self.run_after, self.scheduled_at or self.run_after, self.task_instance_id)


@dataclass
class Usage:
    """Slots in use by queued and running task instances. Counts grow by :meth:`take`."""

    total: int = 0
    notebooks: int = 0
    runs: dict[int, int] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)

    def add(self, dag_run_id: int, pool: str, pool_slots: int, is_notebook: bool, count: int = 1) -> None:
        """Count ``count`` active task instances that hold ``pool_slots`` slots together."""
        self.total += count
        self.notebooks += count if is_notebook else 0
        self.runs[dag_run_id] = self.runs.get(dag_run_id, 0) + count
        self.pools[pool] = self.pools.get(pool, 0) + pool_slots

    def take(self, ready: Ready, limits: SlotLimits) -> Reason | None:
        """Give ``ready`` its slots and return None, or leave the counts alone and return why it has to wait."""
        reason = self.refusal(ready, limits)
        if reason is None:
            self.add(ready.dag_run_id, ready.pool, ready.pool_slots, ready.is_notebook)
        return reason

    def refusal(self, ready: Ready, limits: SlotLimits) -> Reason | None:
        """Return why ``ready`` has to wait under ``limits``, or None if it may start."""
        if self.runs.get(ready.dag_run_id, 0) >= ready.max_active_tasks:
            return self.run_refusal(ready)
        if self.total >= limits.parallelism:
            return self.parallelism_refusal(limits)
        if ready.is_notebook and self.notebooks >= limits.notebook_parallelism:
            return Reason("notebook_parallelism", {"active": self.notebooks, "limit": limits.notebook_parallelism})
        slots, used = limits.pools.get(ready.pool), self.pools.get(ready.pool, 0)
        if slots is None:
            return Reason("pool_unknown", {"pool": ready.pool})
        if used + ready.pool_slots > slots:
            return Reason("pool_full", {"pool": ready.pool, "used": used, "slots": slots, "needed": ready.pool_slots})
        return None

    def run_refusal(self, ready: Ready) -> Reason:
        """Return the reason of a run that has as many active tasks as it may."""
        in_run = self.runs.get(ready.dag_run_id, 0)
        return Reason("max_active_tasks", {"active": in_run, "limit": ready.max_active_tasks})

    def parallelism_refusal(self, limits: SlotLimits) -> Reason:
        """Return the reason when all slots are in use."""
        return Reason("parallelism", {"active": self.total, "limit": limits.parallelism})


@dataclass(frozen=True)
class RunCounts:
    """How many DAG runs of one DAG are not finished."""

    queued: int = 0
    running: int = 0
