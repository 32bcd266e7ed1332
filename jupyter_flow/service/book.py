"""The host's memory of open runs: a snapshot per running one, the queued ones per DAG. Rebuilt from rows at will."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from ..model.errors import NotFound
from ..model.rows import DagRun, TaskInstance
from ..model.state import RUN_TERMINAL, RunState
from ..scheduling.ready_queue import ReadyQueue
from ..scheduling.snapshot import MAX_MAP_LENGTH, RunSnapshot
from ..storage import dags, holding, queries, runs
from .run_snapshots import lengths_of, make_snapshot, read_past
from .workloads import RunBasis

log = logging.getLogger(__name__)

Key = tuple[str, int]
"""Task id and map index."""


class Holder(Protocol):
    """Which host this is."""

    host_id: str
    is_shared: bool


class RunBook:
    """Open runs by surrogate key; ``running`` holds queued ones with a cancel request too.

    ``touched``: run -> keys that changed since it was last decided (None: decide it as a whole). ``holder``: who may
    keep running runs of its own only, beside other hosts. ``past_changed``: DAGs whose tasks ask for the run before,
    which has changed. ``read_dags``: DAGs of what was read by the last :meth:`refresh`.
    """

    def __init__(self, max_map_length: int = MAX_MAP_LENGTH, holder: Holder | None = None) -> None:
        self.max_map_length = max_map_length
        self.holder = holder
        self.past_changed: set[str] = set()
        self.read_dags: set[str] = set()
        self.running: dict[int, RunSnapshot] = {}
        self.queued: dict[str, dict[int, DagRun]] = {}
        self.touched: dict[int, set[Key] | None] = {}
        self._ready = ReadyQueue({})
        self._ready_touched: set[int] = set()
        self._starts: dict[str, datetime] = {}
        self._bases: dict[int, RunBasis] = {}
        self._check_at: dict[int, datetime] = {}
        self._asking_past: dict[str, set[int]] = {}
        self._seen_due: dict[int, datetime] = {}
        self._old_past: set[int] = set()
        self._unread: set[int] = set()
        self._all_unread = True

    def distrust(self, dag_run_id: int | None = None) -> None:
        """Read this run (or everything) again before the next decision."""
        if dag_run_id is None:
            self._all_unread = True
        else:
            self._unread.add(dag_run_id)

    @property
    def is_current(self) -> bool:
        """Tell whether nothing has to be read again."""
        return not self._all_unread and not self._unread

    def refresh(self, connection: Connection) -> set[int]:
        """Read again what is distrusted; returns the surrogate keys of the runs that were read."""
        if self._all_unread:
            self.running.clear()
            self.queued.clear()
            self.touched.clear()
            self._ready_touched.clear()
            self._ready = ReadyQueue(self._ready.preferred)
            self._starts.clear()
            self._bases.clear()
            self._check_at.clear()
            self._asking_past.clear()
            found = queries.open_runs(connection, self._own())
            read = {run.id for run in found} | self._unread
            self.read_dags = {run.dag_id for run in found}
        else:
            read = set(self._unread)
            found = []
            self.read_dags = {dag_id for dag_id, waiting in self.queued.items() if not read.isdisjoint(waiting)}
            self.read_dags |= {self.running[key].run.dag_id for key in read if key in self.running}
            for dag_run_id in read:
                self._forget(dag_run_id)
                try:
                    found.append(queries.run_by_id(connection, dag_run_id))
                except NotFound:
                    continue
        for run in found:
            self.read_dags.add(run.dag_id)
            self.place(connection, run)
        self._all_unread = False
        self._unread.clear()
        return read

    def _own(self) -> str | None:
        """Return the id of this host if other hosts may hold runs, else None: all runs are ours."""
        return self.holder.host_id if self.holder is not None and self.holder.is_shared else None

    def read_queued(self, connection: Connection, dag_id: str) -> None:
        """Read the queued runs of a DAG again: another host may have started one."""
        found = queries.queued_runs(connection, dag_id)
        self.queued[dag_id] = {run.id: run for run in found}

    def place(self, connection: Connection, run: DagRun, tasks: Iterable[TaskInstance] | None = None) -> None:
        """Put a run where its state says: queued, running (to be decided as a whole), or nowhere."""
        self._forget(run.id)
        self._past_changed(run)
        if run.state == RunState.QUEUED and run.cancel_requested_at is None:
            self.queued.setdefault(run.dag_id, {})[run.id] = run
        elif run.state not in RUN_TERMINAL and self._holds(connection, run):
            spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
            rows = tasks if tasks is not None else queries.task_instances(connection, run.id)
            snapshot = self.running[run.id] = make_snapshot(connection, run, spec, rows, self.max_map_length)
            if snapshot.topology.asked_of_past:
                self._asking_past.setdefault(run.dag_id, set()).add(run.id)
            self._note_check(snapshot)
            self.touched[run.id] = None
            self._ready_touched.add(run.id)

    def _holds(self, connection: Connection, run: DagRun) -> bool:
        own = self._own()
        if own is None or run.held_by == own:
            return True
        if run.state != RunState.QUEUED or run.held_by != runs.SCHEDULER:
            return False
        holding.hold(connection, [run.id], own, run.queued_at)  # to be cancelled, which any host can do
        return True

    def _forget(self, dag_run_id: int) -> None:
        snapshot = self.running.pop(dag_run_id, None)
        if snapshot is not None:
            self._asking_past.get(snapshot.run.dag_id, set()).discard(dag_run_id)
        self._check_at.pop(dag_run_id, None)
        self.touched.pop(dag_run_id, None)
        self._ready_touched.discard(dag_run_id)
        self._ready.drop(dag_run_id)
        self._bases.pop(dag_run_id, None)
        self._seen_due.pop(dag_run_id, None)
        for waiting in self.queued.values():
            waiting.pop(dag_run_id, None)

    def _past_changed(self, run: DagRun, task_ids: Collection[str] | None = None) -> None:
        """Note which runs have to look at the run before them again, because ``run`` (these tasks of it) changed."""
        if run.logical_date is None:
            return
        own = self.running.get(run.id)
        if own is None or own.topology.asked_of_past:
            self.past_changed.add(run.dag_id)
        for dag_run_id in self._asking_past.get(run.dag_id, ()):
            snapshot = self.running[dag_run_id]
            date = snapshot.run.logical_date
            if date is None or date <= run.logical_date:
                continue
            if task_ids is None or not snapshot.topology.asked_of_past.isdisjoint(task_ids):
                self._old_past.add(dag_run_id)

    def touch_past(self, dag_ids: Collection[str]) -> None:
        """Note that runs of these DAGs have to look at the run before them again: another host has changed it."""
        self._old_past.update(key for key, snapshot in self.running.items() if snapshot.run.dag_id in dag_ids)

    def refresh_past(self, connection: Connection) -> None:
        """Read again what changed in the runs before; runs for which it did are touched as a whole."""
        for dag_run_id in sorted(self._old_past):
            snapshot = self.running.get(dag_run_id)
            if snapshot is None:
                continue
            past = read_past(connection, snapshot.run, snapshot.topology)
            if past != snapshot.past:
                snapshot.past = past
                self.touched[dag_run_id] = None
        self._old_past.clear()

    def take_lengths(self, connection: Connection, rows: Iterable[TaskInstance]) -> None:
        """Take over what mapped tasks need of what these task instances pushed; before :meth:`update_tasks`."""
        by_run: dict[int, set[str]] = {}
        for row in rows:
            snapshot = self.running.get(row.dag_run_id)
            if snapshot is not None and row.task_id in snapshot.topology.length_sources:
                by_run.setdefault(row.dag_run_id, set()).add(row.task_id)
        for dag_run_id, task_ids in by_run.items():
            snapshot = self.running[dag_run_id]
            snapshot.update_lengths(lengths_of(connection, snapshot, task_ids))

    def update_tasks(self, rows: Iterable[TaskInstance]) -> None:
        """Take committed-to-be task instances into their snapshots and note them as touched."""
        by_run: dict[int, list[TaskInstance]] = {}
        for row in rows:
            by_run.setdefault(row.dag_run_id, []).append(row)
        for dag_run_id, changed in by_run.items():
            snapshot = self.running.get(dag_run_id)
            if snapshot is None:
                continue
            keys = snapshot.update_tasks(changed)
            self._note_check(snapshot)
            known = self.touched.setdefault(dag_run_id, set())
            if known is not None:
                known.update(keys)
            self._ready_touched.add(dag_run_id)
            self._past_changed(snapshot.run, {task_id for task_id, _ in keys})

    @property
    def has_ready(self) -> bool:
        """Tell whether something may be ready."""
        return bool(self._ready) or bool(self._ready_touched)

    def ready(self, preferred: Mapping[str, int]) -> ReadyQueue:
        """Return all that is ready now. ``preferred``: what the priority of resource groups adds to weights."""
        if preferred != self._ready.preferred:
            self._ready = ReadyQueue(preferred)
            self._ready_touched.update(self.running)
        for dag_run_id in self._ready_touched:
            if (snapshot := self.running.get(dag_run_id)) is not None:
                self._ready.take_in(snapshot)
        self._ready_touched.clear()
        return self._ready

    def basis(self, connection: Connection, snapshot: RunSnapshot) -> RunBasis:
        """Return what the workloads of a run share (gathered once)."""
        found = self._bases.get(snapshot.run.id)
        if found is None:
            found = self._bases[snapshot.run.id] = RunBasis.gather(connection, snapshot.run, snapshot.spec)
        return found

    def touch_due(self, now: datetime) -> None:
        """Note runs whose next retry or timeout is due as touched as a whole (once for each instant)."""
        for dag_run_id, at in self._checks():
            if at <= now:
                self.touched[dag_run_id] = None
                self._seen_due[dag_run_id] = at

    def not_before(self, dag_id: str, at: datetime | None) -> None:
        """Note when the next queued run of a DAG may start at the earliest, None if none waits for its time."""
        self._starts.pop(dag_id, None)
        if at is not None:
            self._starts[dag_id] = at

    def dags_to_start(self, now: datetime) -> set[str]:
        """Return the DAGs with a queued run whose time has come."""
        return {dag_id for dag_id, at in self._starts.items() if at <= now}

    def next_start(self) -> datetime | None:
        """Return the earliest instant at which a queued run's time comes."""
        return min(self._starts.values(), default=None)

    def next_check(self) -> datetime | None:
        """Return the earliest instant at which time alone changes a decision."""
        return min((at for _, at in self._checks()), default=None)

    def _checks(self) -> list[tuple[int, datetime]]:
        return [(key, at) for key, at in self._check_at.items() if at != self._seen_due.get(key)]

    def _note_check(self, snapshot: RunSnapshot) -> None:
        at = snapshot.next_check()
        if at is None:
            self._check_at.pop(snapshot.run.id, None)
        else:
            self._check_at[snapshot.run.id] = at

    def running_count(self, dag_id: str, backfill_id: int | None = None) -> int:
        """Return how many runs of a DAG are running: those of one backfill, or those of none."""
        started = (snapshot.run for snapshot in self.running.values() if snapshot.run.state == RunState.RUNNING)
        return sum(run.dag_id == dag_id and run.backfill_id == backfill_id for run in started)
