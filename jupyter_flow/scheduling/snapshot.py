"""A DAG run in memory, with counters that make one change cost only its neighbours.

Built from rows, updated with the rows of committed changes; rebuilt when a transaction failed or lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ..model.rows import DagRun, TaskInstance
from ..model.slots import Ready
from ..model.spec import DagSpec, TaskSpec
from ..model.state import TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from .lengths import XComLength
from .past import PastRun
from .tally import Tally
from .topology import Topology
from .trigger_rules import UpstreamCounts

Key = tuple[str, int]
"""Task id and map index."""

MAX_MAP_LENGTH = 1024
"""How many instances a mapped task may have, if nothing else is set (Airflow's)."""
_TIMED = frozenset({TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE})
_NONE = UpstreamCounts()


class RunSnapshot:
    """What is known of one DAG run: its row, the spec it runs under, its task instances and sums over them.

    ``lengths``: what was pushed under the keys of :attr:`.topology.Topology.length_sources`. ``past``: the run before
    it, if the DAG has a task that asks for it.
    """

    def __init__(
        self,
        run: DagRun,
        spec: DagSpec,
        tasks: Iterable[TaskInstance],
        lengths: Iterable[XComLength] = (),
        past: PastRun | None = None,
        max_map_length: int = MAX_MAP_LENGTH,
    ) -> None:
        self.run = run
        self.spec = spec
        self.past = past
        self.max_map_length = max_map_length
        self.topology = Topology(spec)
        self.specs: dict[str, TaskSpec] = self.topology.tasks
        self.downstream = self.topology.downstream
        self.tasks: dict[Key, TaskInstance] = {}
        self.unfinished = 0
        self.failed: set[Key] = set()
        self._indexes: dict[str, set[int]] = {}
        self._open: dict[str, int] = {}
        self._key_of: dict[int, Key] = {}
        group = self.topology.mapped_group
        self._upstream = Tally(self.specs, self.downstream, group)
        self._setups = Tally(self.specs, self.topology.indirect_setups, group)
        self._lengths: dict[tuple[str, str], dict[int, int | None]] = {}
        self._ready: dict[Key, Ready] = {}
        self._ready_changes: set[Key] = set()
        self._timed: dict[Key, datetime] = {}
        self._active: set[Key] = set()
        self._skips: dict[Key, frozenset[str]] = {}
        self._skipped_by: dict[str, set[Key]] = {}
        self.update_lengths(lengths)
        self.update_tasks(tasks)

    # --- news

    def update_run(self, run: DagRun) -> None:
        """Take over a newer row of the run (another version of the DAG needs a new snapshot)."""
        if run.dag_version_id != self.run.dag_version_id:
            raise ValueError("the run has another DAG version now: build a new snapshot")
        if run.row_version > self.run.row_version:
            self.run = run

    def update_lengths(self, lengths: Iterable[XComLength]) -> None:
        """Take over what task instances pushed; to be told before their rows."""
        for item in lengths:
            self._lengths.setdefault((item.task_id, item.key), {})[item.map_index] = item.length

    def update_tasks(self, rows: Iterable[TaskInstance]) -> list[Key]:
        """Take over newer rows of task instances; return the keys of those that were news.

        A row may have got another map index: the first instance of a mapped task is the row that stood for all.
        """
        changed: list[Key] = []
        for row in rows:
            key = (row.task_id, row.map_index)
            old_key = self._key_of.get(row.id, key)
            old = self.tasks.get(old_key)
            if old is not None and old.row_version >= row.row_version:
                continue
            if old is not None and old_key != key:
                self._forget(old_key, old)
                old = None
            self._recount(key, None if old is None else old.state, row.state)
            self.tasks[key] = row
            self._key_of[row.id] = key
            self._indexes.setdefault(row.task_id, set()).add(row.map_index)
            self._file(key, row)
            self._file_follow(key, row)
            changed.append(key)
        return changed

    def _forget(self, key: Key, row: TaskInstance) -> None:
        self._recount(key, row.state, None)
        self._unfile(key)
        del self.tasks[key]
        self._indexes[key[0]].discard(key[1])

    # --- questions

    def task(self, key: Key) -> TaskInstance:
        """Return one task instance; KeyError if the run has none under ``key``."""
        return self.tasks[key]

    def upstream_counts(self, task_id: str, map_index: int = -1) -> UpstreamCounts:
        """Return how the upstream task instances of a task instance stand (do not change it)."""
        return self._upstream.of(task_id, map_index) or _NONE

    def setup_counts(self, task_id: str, map_index: int = -1) -> UpstreamCounts | None:
        """Return how the setups around a task instance stand that are not right upstream; None if there are none."""
        return self._setups.of(task_id, map_index)

    def indexes(self, task_id: str) -> list[int]:
        """Return the map indexes of the task instances of one task."""
        return sorted(self._indexes.get(task_id, ()))

    def instances(self, task_id: str) -> list[TaskInstance]:
        """Return the task instances of one task."""
        return [self.tasks[task_id, index] for index in self.indexes(task_id)]

    def is_expanded(self, task_id: str) -> bool:
        """Tell whether a mapped task has its instances."""
        indexes = self._indexes.get(task_id, ())
        first = self.tasks.get((task_id, -1))
        return any(index >= 0 for index in indexes) and (first is None or first.state is TaskState.REMOVED)

    def skipped_by(self, key: Key) -> Key | None:
        """Return the branching task instance that does not let this one go on, None if there is none.

        One that is not mapped speaks for all instances, a mapped one for those of its own index.
        """
        task_id, index = key
        found = [source for source in self._skipped_by.get(task_id, ()) if source[1] in (-1, index)]
        return min(found, default=None)

    def is_open(self, task_id: str) -> bool:
        """Tell whether a task has an instance that has not ended."""
        return self._open.get(task_id, 0) > 0

    def is_mapped(self, task_id: str) -> bool:
        """Tell whether a task is mapped, itself or with its group."""
        return task_id in self.topology.expansions

    def pushed(self, task_id: str, key: str) -> Mapping[int, int | None]:
        """Return map index -> length of what the instances of a task pushed under ``key``."""
        found = self._lengths.get((task_id, key), {})
        if not self.is_mapped(task_id):
            return found
        return {index: length for index, length in found.items() if index >= 0}

    def succeeded(self, task_id: str) -> bool:
        """Tell whether an instance of a task succeeded."""
        return any(row.state is TaskState.SUCCESS for row in self.instances(task_id))

    def affected(self, keys: Iterable[Key]) -> list[Key]:
        """Return ``keys`` and the task instances that they bear upon, in topological order.

        Those are the ones right downstream, what a branching task skips, what a setup is for, what is mapped over
        them, and what is expanded with them. Within a mapped group only the same map index is looked at.
        """
        topology = self.topology
        found = {key for key in keys if key in self.tasks}
        whole: set[str] = set()
        for key in list(found):
            task_id, index = key
            whole.update(self._skips.get(key, ()))
            whole.update(topology.mapped_over.get(task_id, ()))
            if task_id in topology.expansions and self.tasks[key].state is TaskState.WAITING:
                whole.update(topology.expanded_with(task_id))  # it may be there since the last step only
            group = topology.mapped_group.get(task_id)
            for below in (*self.downstream.get(task_id, ()), *topology.indirect_setups.get(task_id, ())):
                if group is None or index == -1 or topology.mapped_group.get(below) != group:
                    whole.add(below)
                else:
                    found.update((below, at) for at in (-1, index) if (below, at) in self.tasks)
        for task_id in whole:
            found.update((task_id, index) for index in self._indexes.get(task_id, ()))
        return self.in_order(found)

    def in_order(self, keys: Iterable[Key]) -> list[Key]:
        """Return ``keys`` in topological order; tasks that the spec does not have come last."""
        order = self.topology.order
        return sorted(keys, key=lambda key: (order.get(key[0], len(order)), key))

    def due(self, now: datetime) -> list[Key]:
        """Return the task instances whose retry is due."""
        return [key for key, at in self._timed.items() if at <= now]

    def ready(self) -> list[Ready]:
        """Return what is ``scheduled`` and asks for slots (only teardowns once the run is to stop)."""
        return [ready for key in self._ready if (ready := self.asking(key)) is not None]

    def asking(self, key: Key) -> Ready | None:
        """Return what the task instance asks for if it is one of :meth:`ready`, else None."""
        is_running, is_to_stop = self.terms
        if not is_running or (is_to_stop and not self.specs[key[0]].is_teardown):
            return None
        return self._ready.get(key)

    @property
    def terms(self) -> tuple[bool, bool]:
        """What of the run itself bears upon what is ready: whether it runs, and whether it is to stop."""
        return self.run.state is RunState.RUNNING, self.run.cancel_requested_at is not None

    def ready_keys(self) -> set[Key]:
        """Return the task instances that are ``scheduled``."""
        return set(self._ready)

    def take_ready_changes(self) -> set[Key]:
        """Return the task instances that became ``scheduled``, or are it no more, since the last call."""
        changes, self._ready_changes = self._ready_changes, set()
        return changes

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

    # --- sums

    def _recount(self, key: Key, old: TaskState | None, new: TaskState | None) -> None:
        task_id, index = key
        was_open = old is not None and old not in TASK_TERMINAL
        is_open = new is not None and new not in TASK_TERMINAL
        if was_open != is_open:
            by = 1 if is_open else -1
            self.unfinished += by
            self._open[task_id] = self._open.get(task_id, 0) + by
        if new is TaskState.FAILED:
            self.failed.add(key)
        else:
            self.failed.discard(key)
        self._upstream.move(task_id, index, old, new)
        self._setups.move(task_id, index, old, new)

    def _file_follow(self, key: Key, row: TaskInstance) -> None:
        for task_id in self._skips.pop(key, ()):
            self._skipped_by[task_id].discard(key)
        if row.follow is not None and row.state is TaskState.SUCCESS and row.task_id in self.specs:
            skipped = self._skips[key] = self.topology.skipped_by(row.task_id, row.follow)
            for task_id in skipped:
                self._skipped_by.setdefault(task_id, set()).add(key)

    def _unfile(self, key: Key) -> None:
        if self._ready.pop(key, None) is not None:
            self._ready_changes.add(key)
        self._timed.pop(key, None)
        self._active.discard(key)

    def _file(self, key: Key, row: TaskInstance) -> None:
        self._unfile(key)
        if row.state in TASK_ACTIVE:
            self._active.add(key)
        elif row.state in _TIMED and row.check_at is not None:
            self._timed[key] = row.check_at
        elif row.state is TaskState.SCHEDULED and row.task_id in self.specs and row.cancel_requested_at is None:
            self._ready[key] = self._ask(row, self.specs[row.task_id])
            self._ready_changes.add(key)

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
            dag_id=row.dag_id,
            queue=task.queue,
            max_active_tis_per_dag=task.max_active_tis_per_dag,
            max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
            resource_group=task.resource_group,
            resources=task.resources,
        )
