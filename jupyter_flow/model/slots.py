"""Slots: the one rule for how many task instances may be active at once.

The deciding core asks it to pick, the claim asks it again inside its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from .reason import Reason
from .resource_groups import Asked, GroupUse, ResourceGroup

DEFAULT_POOL = "default_pool"
"""The pool of tasks that name none."""
DEFAULT_QUEUE = "default"
"""The queue that every host serves."""
Order = tuple[int, datetime, datetime, int]
"""A sort key, see :attr:`Ready.order`; no two task instances have the same."""


@dataclass(frozen=True)
class SlotLimits:
    """Upper bounds over all runs. ``pools``: pool name -> slots (−1: no bound); an unknown pool has no slot.

    ``queues``: queue name -> slots of this host; an unknown queue has none here, ``default`` has no bound of its own.
    ``groups``: resource groups of this host; an unknown one has no slot here.
    """

    parallelism: int = 16
    notebook_parallelism: int = 2
    pools: Mapping[str, int] = field(default_factory=dict)
    queues: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, ResourceGroup] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """A ``scheduled`` task instance that asks for slots.

    ``max_active_tasks`` is its run's own limit, ``max_active_tis_per_dag`` and ``…_per_dagrun`` are its task's: how
    many instances of it may be active in all runs, and in one.
    """

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
    dag_id: str = ""
    queue: str = DEFAULT_QUEUE
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    resource_group: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def asked(self) -> Asked:
        """What it asks of its resource group."""
        return Asked.of(self.resources)

    @cached_property
    def order(self) -> Order:
        """Sort key: higher priority weight first, then older run, then longer waiting."""
        return (-self.priority_weight, self.run_after, self.scheduled_at or self.run_after, self.task_instance_id)


@dataclass
class Usage:
    """Slots in use by queued and running task instances. Counts grow by :meth:`take`.

    ``runs`` and ``pools`` count by surrogate key and name, ``tasks`` by DAG id and task id, ``run_tasks`` by the
    surrogate key of the run and task id.
    """

    total: int = 0
    notebooks: int = 0
    runs: dict[int, int] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)
    queues: dict[str, int] = field(default_factory=dict)
    tasks: dict[tuple[str, str], int] = field(default_factory=dict)
    run_tasks: dict[tuple[int, str], int] = field(default_factory=dict)
    groups: dict[str, GroupUse] = field(default_factory=dict)

    def copy(self) -> Usage:
        """Return the same counts, to be counted on apart."""
        counts = (dict(self.runs), dict(self.pools), dict(self.queues), dict(self.tasks), dict(self.run_tasks))
        return Usage(self.total, self.notebooks, *counts, {name: replace(use) for name, use in self.groups.items()})

    def add(
        self,
        dag_run_id: int,
        pool: str,
        pool_slots: int,
        is_notebook: bool,
        count: int = 1,
        *,
        dag_id: str = "",
        task_id: str = "",
        queue: str = DEFAULT_QUEUE,
        is_here: bool = True,
    ) -> None:
        """Count ``count`` active task instances of one task that hold ``pool_slots`` slots together.

        ``is_here``: on this host; its own bounds (``total``, ``notebooks``, ``queues``) count no others.
        """
        if is_here:
            self.total += count
            self.notebooks += count if is_notebook else 0
            self.queues[queue] = self.queues.get(queue, 0) + count
        self.runs[dag_run_id] = self.runs.get(dag_run_id, 0) + count
        self.pools[pool] = self.pools.get(pool, 0) + pool_slots
        self.tasks[dag_id, task_id] = self.tasks.get((dag_id, task_id), 0) + count
        self.run_tasks[dag_run_id, task_id] = self.run_tasks.get((dag_run_id, task_id), 0) + count

    def take(self, ready: Ready, limits: SlotLimits) -> Reason | None:
        """Give ``ready`` its slots and return None, or leave the counts alone and return why it has to wait."""
        reason = self.refusal(ready, limits)
        if reason is None:
            self._count(ready, 1)
        return reason

    def release(self, ready: Ready) -> None:
        """Give back the slots that ``ready`` took."""
        self._count(ready, -1)

    def _count(self, ready: Ready, by: int) -> None:
        slots = by * ready.pool_slots
        dag_id, task_id, queue = ready.dag_id, ready.task_id, ready.queue
        self.add(
            ready.dag_run_id, ready.pool, slots, ready.is_notebook, by, dag_id=dag_id, task_id=task_id, queue=queue
        )
        if ready.resource_group:
            self.groups.setdefault(ready.resource_group, GroupUse()).add(ready.asked, by)

    def refusal(self, ready: Ready, limits: SlotLimits) -> Reason | None:
        """Return why ``ready`` has to wait under ``limits``, or None if it may start."""
        return next(self.refusals(ready, limits), None)

    def refusals(self, ready: Ready, limits: SlotLimits) -> Iterator[Reason]:
        """Yield all reasons why ``ready`` has to wait under ``limits``."""
        if self.runs.get(ready.dag_run_id, 0) >= ready.max_active_tasks:
            yield self.run_refusal(ready)
        yield from self._task_refusals(ready)
        if self.total >= limits.parallelism:
            yield self.parallelism_refusal(limits)
        if ready.is_notebook and self.notebooks >= limits.notebook_parallelism:
            yield Reason("notebook_parallelism", {"active": self.notebooks, "limit": limits.notebook_parallelism})
        slots, used = limits.pools.get(ready.pool), self.pools.get(ready.pool, 0)
        if slots is None:
            yield Reason("pool_unknown", {"pool": ready.pool})
        elif 0 <= slots < used + ready.pool_slots:
            yield Reason("pool_full", {"pool": ready.pool, "used": used, "slots": slots, "needed": ready.pool_slots})
        yield from self._queue_refusals(ready, limits)
        yield from self._group_refusals(ready, limits)

    def _task_refusals(self, ready: Ready) -> Iterator[Reason]:
        bounds = (
            ("max_active_tis_per_dag", ready.max_active_tis_per_dag, self.tasks.get((ready.dag_id, ready.task_id), 0)),
            (
                "max_active_tis_per_dagrun",
                ready.max_active_tis_per_dagrun,
                self.run_tasks.get((ready.dag_run_id, ready.task_id), 0),
            ),
        )
        for code, limit, active in bounds:
            if limit is not None and active >= limit:
                yield Reason(code, {"active": active, "limit": limit, "task": ready.task_id})

    def _queue_refusals(self, ready: Ready, limits: SlotLimits) -> Iterator[Reason]:
        slots, active = limits.queues.get(ready.queue), self.queues.get(ready.queue, 0)
        if slots is None and ready.queue != DEFAULT_QUEUE:
            yield Reason("queue_unknown", {"queue": ready.queue})
        elif slots is not None and active >= slots:
            yield Reason("queue_full", {"queue": ready.queue, "active": active, "limit": slots})

    def _group_refusals(self, ready: Ready, limits: SlotLimits) -> Iterator[Reason]:
        name = ready.resource_group
        if not name:
            return
        if name not in limits.groups:
            yield Reason("resource_group_unknown", {"group": name})
            return
        yield from self.groups.get(name, GroupUse()).refusals(name, ready.asked, limits.groups[name])

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
