"""Starts queued runs: as far as the limits of their DAG and backfill, counted over all hosts, and free slots allow."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ..model.config import FlowConfig
from ..model.reason import Reason
from ..model.rows import DagRun
from ..model.spec import DagSpec
from ..scheduling.backfills import backfill_runs_to_start
from ..scheduling.due_runs import StartRuns, runs_to_start
from ..storage import backfills, dags, edits, queries, runs
from .active import Active
from .book import RunBook
from .holding import Holding, queues_of


@dataclass
class Room:
    """Slots of this host that no attempt holds. Where other hosts live too, it starts no more runs than it has."""

    tasks: int
    notebooks: int

    @classmethod
    def left(cls, config: FlowConfig, active: Iterable[Active], is_full: bool) -> Room:
        """Return what ``active`` attempts leave; nothing if tasks wait for slots (``is_full``)."""
        kinds = [item.is_notebook for item in active]
        return cls(0 if is_full else config.parallelism - len(kinds), config.notebook_parallelism - sum(kinds))

    def take(self, spec: DagSpec) -> bool:
        """Take the slot of a run's first task; False if there is none."""
        is_notebook = any(task.is_notebook for task in spec.tasks)
        if self.tasks <= 0 or (is_notebook and self.notebooks <= 0):
            return False
        self.tasks -= 1
        self.notebooks -= is_notebook
        return True


class RunStarts:
    """``held_back``: DAGs with a run that waits until this host or another one has a free slot."""

    def __init__(self, book: RunBook, holding: Holding) -> None:
        self._book = book
        self._holding = holding
        self.held_back: set[str] = set()

    def start(
        self,
        connection: Connection,
        dag_id: str,
        now: datetime,
        room: Room | None,
        ignore_pause: Collection[int],
        only: Collection[int] | None,
    ) -> list[DagRun]:
        """Start what may start of the queued runs of a DAG and return it. ``room`` None: this host is the only one.

        ``ignore_pause``: runs that start although their DAG is paused, and whoever has slots. ``only``: no others.
        """
        if self._book.queued.get(dag_id) and self._holding.is_shared:
            self._book.read_queued(connection, dag_id)
        self.held_back.discard(dag_id)
        waiting = list(self._book.queued.get(dag_id, {}).values())
        # only a clock that was set back makes the time of a queued run come later
        self._book.not_before(dag_id, min((run.run_after for run in waiting if run.run_after > now), default=None))
        if not waiting:
            return []
        wanted, refused = self._servable(connection, [run for run in waiting if only is None or run.id in only])
        plan = self._plan(connection, dag_id, wanted, now, ignore_pause)
        for run, reason in [*plan.waiting, *refused]:
            self._note(connection, run, reason)
        started = []
        for change in plan.start:
            run = self._book.queued[dag_id][change.id]
            spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
            if room is not None and run.id not in ignore_pause and not room.take(spec):
                self.held_back.add(dag_id)
                self._note(connection, run, Reason("hosts_full"))
                continue
            run = runs.transition_run(connection, change, now, host_id=self._holding.host_id)
            self._book.place(connection, run)
            started.append(run)
        return started

    def _plan(
        self, connection: Connection, dag_id: str, wanted: list[DagRun], now: datetime, ignore_pause: Collection[int]
    ) -> StartRuns:
        own = [run for run in wanted if run.backfill_id is None]
        plan = runs_to_start(
            dags.get_dag(connection, dag_id), own, self._running(connection, dag_id), now, frozenset(ignore_pause)
        )
        numbers = {run.backfill_id for run in wanted if run.backfill_id is not None}
        for number, backfill in backfills.by_ids(connection, sorted(numbers)).items():
            queued = [run for run in wanted if run.backfill_id == number]
            more = backfill_runs_to_start(backfill, queued, self._running(connection, dag_id, number))
            plan = StartRuns([*plan.start, *more.start], [*plan.waiting, *more.waiting])
        return plan

    def _running(self, connection: Connection, dag_id: str, backfill_id: int | None = None) -> int:
        if self._holding.is_shared:
            return queries.running_count(connection, dag_id, backfill_id)
        return self._book.running_count(dag_id, backfill_id)

    def _servable(
        self, connection: Connection, waiting: list[DagRun]
    ) -> tuple[list[DagRun], list[tuple[DagRun, Reason]]]:
        """Leave runs to other hosts that this one does not serve; say so of those that none does."""
        wanted: list[DagRun] = []
        refused: list[tuple[DagRun, Reason]] = []
        for run in waiting:
            if self._holding.may_take(connection, run):
                wanted.append(run)
                continue
            queues = queues_of(connection, run)
            own = self._holding.house.config.queues
            if not self._holding.serves(queues, own) and not self._holding.is_served_by_other(queues):
                refused.append((run, Reason("queues_unserved", {"queues": ", ".join(sorted(queues))})))
        return wanted, refused

    def _note(self, connection: Connection, run: DagRun, reason: Reason) -> None:
        """Write why a run waits, if that is news."""
        if run.reason != reason:
            edits.set_run_reason(connection, run.id, reason)
            self._book.place(connection, queries.run_by_id(connection, run.id))
