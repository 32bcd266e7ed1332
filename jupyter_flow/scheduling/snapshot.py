"""A DAG run in memory, with counters that make one change cost only its neighbours.

Built from rows, updated with the rows of committed changes; rebuilt when a transaction failed or lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ..model.rows import DagRun, TaskInstance
from ..model.slots import Ready
from ..model.spec import DagSpec, TaskSpec
from ..model.state import TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from .topology import Topology
from .trigger_rules import UpstreamCounts

Key = tuple[str, int]
"""Task id and map index."""

_COUNTED = {
    TaskState.SUCCESS: "success",
    TaskState.SKIPPED: "skipped",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "failed",
    TaskState.UPSTREAM_FAILED: "upstream_failed",
}
_TIMED = frozenset({TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE})


class RunSnapshot:
    """What is known of one DAG run: its row, the spec it runs under, its task instances and sums over them."""

    def __init__(self, run: DagRun, spec: DagSpec, tasks: Iterable[TaskInstance]) -> None:
        self.run = run
        self.spec = spec
        self.topology = Topology(spec)
        self.specs: dict[str, TaskSpec] = self.topology.tasks
        self.downstream = self.topology.downstream
        self.tasks: dict[Key, TaskInstance] = {}
        self.unfinished = 0
        self._indexes: dict[str, list[int]] = {}
        self._upstream: dict[str, UpstreamCounts] = {task.task_id: UpstreamCounts() for task in spec.tasks}
        self._ready: dict[Key, Ready] = {}
        self._timed: dict[Key, datetime] = {}
        self._active: set[Key] = set()
        self._skips: dict[Key, frozenset[str]] = {}
        self._skipped_by: dict[str, set[Key]] = {}
        self.update_tasks(tasks)

    def update_run(self, run: DagRun) -> None:
        """Take over a newer row of the run (another version of the DAG needs a new snapshot)."""
        if run.dag_version_id != self.run.dag_version_id:
            raise ValueError("the run has another DAG version now: build a new snapshot")
        if run.row_version > self.run.row_version:
            self.run = run

    def update_tasks(self, rows: Iterable[TaskInstance]) -> list[Key]:
        """Take over newer rows of task instances; return the keys of those that were news."""
        changed: list[Key] = []
        for row in rows:
            key = (row.task_id, row.map_index)
            old = self.tasks.get(key)
            if old is not None and old.row_version >= row.row_version:
                continue
            self._recount(row.task_id, None if old is None else old.state, row.state)
            self._file(key, row)
            self._file_follow(key, row)
            if old is None:
                self._indexes.setdefault(row.task_id, []).append(row.map_index)
            self.tasks[key] = row
            changed.append(key)
        return changed

    def task(self, key: Key) -> TaskInstance:
        """Return one task instance; KeyError if the run has none under ``key``."""
        return self.tasks[key]

    def upstream_counts(self, task_id: str) -> UpstreamCounts:
        """Return how the upstream task instances of a task stand (do not change it)."""
        return self._upstream[task_id]

    def instances(self, task_id: str) -> list[TaskInstance]:
        """Return the task instances of one task."""
        return [self.tasks[task_id, index] for index in self._indexes.get(task_id, ())]

    def skipped_by(self, key: Key) -> Key | None:
        """Return the branching task instance that does not let this one go on, None if there is none.

        One that is not mapped speaks for all instances, a mapped one for those of its own index.
        """
        task_id, index = key
        found = [source for source in self._skipped_by.get(task_id, ()) if source[1] in (-1, index)]
        return min(found, default=None)

    def affected(self, keys: Iterable[Key]) -> list[Key]:
        """Return ``keys`` and the task instances that they bear upon, in topological order.

        Those are the ones right downstream, and what a branching task skips.
        """
        found = {key for key in keys if key in self.tasks}
        skipped = {task_id for key in found for task_id in self._skips.get(key, ())}
        for task_id in skipped:
            found.update((task_id, index) for index in self._indexes.get(task_id, ()))
        for task_id in {task_id for task_id, _ in found}:
            for below in self.downstream.get(task_id, ()):
                found.update((below, index) for index in self._indexes.get(below, ()))
        return self.in_order(found)

    def in_order(self, keys: Iterable[Key]) -> list[Key]:
        """Return ``keys`` in topological order; tasks that the spec does not have come last."""
        order = self.topology.order
        return sorted(keys, key=lambda key: (order.get(key[0], len(order)), key))

    def due(self, now: datetime) -> list[Key]:
        """Return the task instances whose retry is due."""
        return [key for key, at in self._timed.items() if at <= now]

    def ready(self) -> list[Ready]:
        """Return what is ``scheduled`` and asks for slots (nothing once the run is to stop)."""
        if self.run.cancel_requested_at is not None or self.run.state is not RunState.RUNNING:
            return []
        return list(self._ready.values())

    def active(self) -> list[TaskInstance]:
        """Return the queued and running task instances."""
        return [self.tasks[key] for key in self._active]

    def timeout_at(self) -> datetime | None:
        """Return when ``dagrun_timeout`` ends the run, None if it does not."""
        if self.spec.dagrun_timeout is None or self.run.start_date is None:
            return None
        return self.run.start_date + timedelta(seconds=self.spec.dagrun_timeout)

    def next_check(self) -> datetime | None:
        """Return when time alone makes the next decision due, None if nothing waits for time."""
        instants = list(self._timed.values())
        if (timeout := self.timeout_at()) is not None:
            instants.append(timeout)
        return min(instants, default=None)

    def _recount(self, task_id: str, old: TaskState | None, new: TaskState) -> None:
        was_open = old is not None and old not in TASK_TERMINAL
        self.unfinished += (new not in TASK_TERMINAL) - was_open
        was_there = old is not None and old is not TaskState.REMOVED
        is_there = new is not TaskState.REMOVED
        for below in self.downstream.get(task_id, ()):
            counts = self._upstream[below]
            counts.total += is_there - was_there
            if old in _COUNTED:
                setattr(counts, _COUNTED[old], getattr(counts, _COUNTED[old]) - 1)
            if new in _COUNTED:
                setattr(counts, _COUNTED[new], getattr(counts, _COUNTED[new]) + 1)

    def _file_follow(self, key: Key, row: TaskInstance) -> None:
        for task_id in self._skips.pop(key, ()):
            self._skipped_by[task_id].discard(key)
        if row.follow is not None and row.state is TaskState.SUCCESS and row.task_id in self.specs:
            skipped = self._skips[key] = self.topology.skipped_by(row.task_id, row.follow)
            for task_id in skipped:
                self._skipped_by.setdefault(task_id, set()).add(key)

    def _file(self, key: Key, row: TaskInstance) -> None:
        self._ready.pop(key, None)
        self._timed.pop(key, None)
        self._active.discard(key)
        if row.state in TASK_ACTIVE:
            self._active.add(key)
        elif row.state in _TIMED and row.check_at is not None:
            self._timed[key] = row.check_at
        elif row.state is TaskState.SCHEDULED and row.task_id in self.specs and row.cancel_requested_at is None:
            self._ready[key] = self._ask(row, self.specs[row.task_id])

    def _ask(self, row: TaskInstance, task: TaskSpec) -> Ready:
        return Ready(
            task_instance_id=row.id,
            row_version=row.row_version,
            dag_run_id=row.dag_run_id,
            dag_version_id=self.run.dag_version_id,
            task_id=row.task_id,
            map_index=row.map_index,
            is_notebook=task.is_notebook,
            max_active_tasks=self.spec.max_active_tasks,
            pool=task.pool,
            pool_slots=task.pool_slots,
            priority_weight=task.priority_weight,
            run_after=self.run.run_after,
            scheduled_at=row.scheduled_at,
        )
