"""Keeps what custom timetables say ahead of the scheduler: asks in children, stores the answers, says what is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from ..execution.children import Launcher
from ..model.changes import RunChange, RunInfo
from ..model.errors import FlowError, NotFound
from ..model.instants import from_iso, iso_or_none, to_iso
from ..model.reason import Reason
from ..model.rows import Dag, DagRun, ImportProblem
from ..model.state import RunState
from ..model.timetable_records import TimetableReport, TimetableRequest
from ..parsing.timetables import TimetableLoop
from ..storage import dag_files, dags, queries, runs, timetables
from . import due
from .house import House

log = logging.getLogger(__name__)

LOW = 16
"""When fewer runs than this are known ahead, more are asked for."""
COUNT = 64
MANY = 2000
"""How many runs are asked for at once; so many if what is known lies all in the past."""
SOON = timedelta(seconds=5)
ASK_AGAIN = timedelta(hours=1)
"""A timetable that has said "nothing more" is asked again after this time."""

Answer = Callable[[Connection, datetime], set[str]]
"""Writes an answer and returns the ids of the DAGs that it touched."""


class CustomTimetables:
    """Asks and stores. ``changed(dag_ids)`` is called after a commit.

    The owner calls :meth:`look_again` when DAGs or runs have changed, :meth:`turn` in every turn.
    """

    def __init__(self, house: House, launcher: Launcher, changed: Callable[[set[str]], None]) -> None:
        self._house = house
        self._changed = changed
        self.loop = TimetableLoop(house.config, launcher, house.spool)
        self._must_look = True
        self._look_at: datetime | None = None
        self._asked: set[str] = set()
        self._refused: dict[str, int] = {}
        self._answers: list[Answer] = []
        self._runs_asked: set[int] = set()

    @property
    def busy(self) -> bool:
        """Tell whether an answer is awaited or not written yet."""
        return self._must_look or self.loop.busy or bool(self._answers)

    def look_again(self, parsed: Iterable[str] = ()) -> None:
        """Look in the next turn what has to be asked. ``parsed``: DAGs of files that were read again."""
        self._must_look = True
        for dag_id in parsed:
            self._refused.pop(dag_id, None)

    def next_instant(self) -> float | None:
        """Return the monotonic instant of the next turn if nothing happens before."""
        if self._must_look:
            return self._house.clock.monotonic()
        instants = [at for at in (self.loop.next_deadline(),) if at is not None]
        if self._look_at is not None:
            ahead = (self._look_at - self._house.clock.wall()).total_seconds()
            instants.append(self._house.clock.monotonic() + max(0.0, ahead))
        return min(instants, default=None)

    def turn(self) -> bool:
        """Write what was answered, ask what is to be asked; True if something was committed."""
        wrote = self._write()
        now = self._house.clock.wall()
        if self._must_look or (self._look_at is not None and self._look_at <= now):
            self._must_look, self._look_at = False, None
            with self._house.reading() as connection:
                self._look(connection, now)
        self.loop.pump(self._house.clock.monotonic())
        return wrote

    def ask_upcoming(
        self, dag: Dag, after: datetime, count: int, answered: Callable[[list[RunInfo] | FlowError], None]
    ) -> None:
        """Ask which ``count`` runs start later than ``after``, whatever has been run; nothing is stored."""
        with self._house.reading() as connection:
            whole = self._request(connection, dag)
        request = upcoming_request(whole, dag.start_date, after, count, self._house.clock.wall())

        def take(report: TimetableReport) -> None:
            if report.error is not None:
                answered(FlowError(report.error))
            else:
                answered(infos_of(report))

        self.loop.ask(request, take)

    def close(self) -> None:
        """End what runs."""
        self.loop.close()

    # --- asking

    def _look(self, connection: Connection, now: datetime) -> None:
        for dag in timetables.custom_dags(connection):
            if dag.dag_id in self._asked or self._refused.get(dag.dag_id) == dag.version_id:
                continue
            known = timetables.known_runs(connection, dag.version_id)
            last = timetables.last_run(connection, dag.dag_id, now)
            left = [info for info in known.infos if last is None or info.logical_date > last.logical_date]
            self._plan(connection, dag, known, left, last, now)
        for run in timetables.runs_without_interval(connection):
            if run.id not in self._runs_asked:
                self._ask_interval(connection, run)

    def _plan(
        self,
        connection: Connection,
        dag: Dag,
        known: timetables.KnownRuns,
        left: list[RunInfo],
        last: timetables.LastRun | None,
        now: datetime,
    ) -> None:
        """Ask for more runs now, or note when to. ``left``: those that are known and not made yet."""
        if known.ended_at is not None and (left or known.ended_at + ASK_AGAIN > now):
            return self._at(max(known.ended_at + ASK_AGAIN, left[-1].run_after if left else now))
        ahead = [info for info in left if info.run_after > now]
        if len(ahead) >= LOW:
            return self._at(ahead[-LOW].run_after)
        if dag.catchup and len(left) >= LOW:  # they come into being as there is room for them
            return self._at(now + SOON)
        basis: dict[str, str] | None = None
        if left:
            basis = _interval(left[-1].data_interval_start, left[-1].data_interval_end)
        elif last is not None:
            basis = _interval(last.logical_date, last.end)
        behind = bool(known.infos) and not ahead
        request = self._request(
            connection, dag, last=basis, catchup=dag.catchup, now=to_iso(now), count=MANY if behind else COUNT
        )
        self._asked.add(dag.dag_id)
        return self.loop.ask(request, partial(self._take_runs, dag, basis))

    def _at(self, instant: datetime) -> None:
        self._look_at = instant if self._look_at is None else min(self._look_at, instant)

    def _request(self, connection: Connection, dag: Dag, **more: Any) -> TimetableRequest:
        version = dags.get_version(connection, dag.version_id)
        values: dict[str, Any] = {
            "dag_folder": dag.dag_folder,
            "dag_file": dag.dag_file,
            "bundle": str(self._house.bundles / version.bundle_hash),
            "dag_id": dag.dag_id,
            "home": "",
            "spool": "",
            "start_date": iso_or_none(dag.start_date),
            "end_date": iso_or_none(dag.end_date),
        }
        return TimetableRequest(**(values | more))

    def _ask_interval(self, connection: Connection, run: DagRun) -> None:
        self._runs_asked.add(run.id)
        try:
            dag = dags.get_dag(connection, run.dag_id)
        except NotFound:
            return
        request = self._request(connection, dag, manual_at=iso_or_none(run.logical_date))
        self.loop.ask(request, partial(self._take_interval, run))

    # --- answers: kept until a transaction has written them

    def _take_runs(self, dag: Dag, basis: dict[str, str] | None, report: TimetableReport) -> None:
        self._answers.append(partial(self._store_runs, dag, basis, report))

    def _take_interval(self, run: DagRun, report: TimetableReport) -> None:
        self._answers.append(partial(self._store_interval, run, report))

    def _write(self) -> bool:
        if not self._answers:
            return False
        answers = list(self._answers)
        now = self._house.clock.wall()
        touched: set[str] = set()
        with self._house.writing("timetables") as connection:
            for answer in answers:
                touched |= answer(connection, now)
        del self._answers[: len(answers)]
        self._must_look = True
        self._changed(touched)
        return True

    def _store_runs(
        self,
        asked: Dag,
        basis: dict[str, str] | None,
        report: TimetableReport,
        connection: Connection,
        now: datetime,
    ) -> set[str]:
        self._asked.discard(asked.dag_id)
        try:
            dag = dags.get_dag(connection, asked.dag_id)
        except NotFound:
            return set()
        if dag.version_id != asked.version_id or not dag.is_active:
            return set()
        if report.error is not None:
            return self._refuse(connection, dag, report.error, now)
        infos = infos_of(report)
        after = None if basis is None else from_iso(basis["start"])
        timetables.store_runs(connection, dag.version_id, after, infos, report.ended, now)
        last = timetables.last_run(connection, dag.dag_id, now)
        if last is not None:
            timetables.forget_runs_before(connection, dag.version_id, last.logical_date)
        if dag.next_run_after is None:
            due.refresh_next(connection, dag, now, "missed_late" if last is not None else "missed_new")
        return {dag.dag_id}

    def _refuse(self, connection: Connection, dag: Dag, message: str, now: datetime) -> set[str]:
        log.warning("the timetable of DAG %s cannot be asked: %s", dag.dag_id, message)
        self._refused[dag.dag_id] = dag.version_id
        problem = ImportProblem(
            dag.dag_folder, dag.dag_file, None, f"DAG {dag.dag_id!r}: {message}", None, now, "error", dag.dag_id
        )
        dag_files.add_problem(connection, problem, now)
        return {dag.dag_id}

    def _store_interval(
        self, asked: DagRun, report: TimetableReport, connection: Connection, now: datetime
    ) -> set[str]:
        try:
            run = queries.run_by_id(connection, asked.id)
        except NotFound:
            return set()
        if report.interval is not None:
            start, end = map(from_iso, report.interval)
            timetables.set_interval(connection, run.id, start, end)
        elif run.state == RunState.QUEUED:
            reason = Reason("timetable_failed", {"message": report.error or "it gave no answer"})
            runs.transition_run(connection, RunChange(run.id, RunState.FAILED, reason, run.row_version), now)
        self._house.effects.run_changed(run.id)
        return {run.dag_id}


def infos_of(report: TimetableReport) -> list[RunInfo]:
    """Return the runs of an answer. Raises :class:`InvalidInput` for what is no instant."""
    found = []
    for run_after, start, end in report.runs:
        begin = from_iso(start)
        found.append(RunInfo(from_iso(run_after), begin, begin, from_iso(end)))
    return found


def upcoming_request(
    request: TimetableRequest, start_date: datetime | None, after: datetime, count: int, now: datetime
) -> TimetableRequest:
    """Return the question which runs start later than ``after``: from the start date on, none passed over.

    Without a start date, dates of a year before count.
    """
    earliest = start_date or min(after, now) - timedelta(days=366)
    return replace(
        request, start_date=to_iso(earliest), catchup=True, after=to_iso(after), count=count, now=to_iso(now)
    )


def _interval(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": to_iso(start), "end": to_iso(end)}
