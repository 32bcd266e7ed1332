"""Creates the scheduled runs that are due, says when to look again, and keeps what was missed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ..model.changes import NewRun, RunInfo
from ..model.errors import Conflict
from ..model.grids import MOMENT
from ..model.ids import run_id_for
from ..model.reason import Reason
from ..model.rows import Dag, DagRun
from ..model.slots import RunCounts
from ..model.state import RunType
from ..model.timetable import Missed
from ..scheduling.due_runs import due_runs, missed_before, next_for, timetable_of
from ..storage import dags, queries, runs, timetables

log = logging.getLogger(__name__)

STEP = timedelta(seconds=2)
"""A clock that goes back by more was set anew."""


class ClockWatch:
    """Notices that the wall clock was set back. ``began``: when this host began to schedule.

    ``earlier``: what the clock showed an earlier host. ``is_back``: it went back, and nobody has seen to that yet.
    """

    def __init__(self, began: datetime, earlier: datetime | None = None) -> None:
        self.began = began
        self.is_back = False
        self._seen = began if earlier is None else max(began, earlier)

    def look(self, now: datetime) -> bool:
        """Look at the clock; True if it was set back since the last look."""
        went_back = now < self._seen - STEP
        self.is_back = self.is_back or went_back
        self._seen = now
        self.began = min(self.began, now)
        return went_back


def create_due(connection: Connection, now: datetime, began: datetime | None = None) -> list[DagRun]:
    """Create the runs of all DAGs that are due at ``now`` and note their next ones; returns the new runs.

    Dates that are passed over are recorded. ``began``: since when this host schedules.
    """
    due = dags.due_dags(connection, now)
    if not due:
        return []
    counts = queries.run_counts(connection, backfills=False)
    created: list[DagRun] = []
    for dag in due:
        try:
            plan = due_runs(dag, counts.get(dag.dag_id, RunCounts()), now=now, **past_of(connection, dag, now))
        except Exception:
            log.exception("the schedule of DAG %s cannot be read: it gets no run", dag.dag_id)
            continue
        if plan.missed is not None:
            was_off = began is not None and dag.next_run_after is not None and dag.next_run_after < began
            _record(connection, dag, plan.missed, "missed_host_off" if was_off else "missed_late", now)
        for info in plan.new:
            run = _create(connection, dag, info, now)
            if run is not None:
                created.append(run)
        dags.set_next_run(connection, dag.dag_id, plan.next)
    return created


def has_notebooks(connection: Connection, at: datetime) -> bool:
    """Tell whether a run that is due at ``at`` has a notebook task."""
    return any(
        task.is_notebook
        for dag in dags.due_dags(connection, at)
        for task in dags.load_spec(dags.get_version(connection, dag.version_id)).tasks
    )


def refresh_next(connection: Connection, dag: Dag, now: datetime, cause: str = "missed_new") -> RunInfo | None:
    """Compute the next run of ``dag`` anew and return it: it is new, its schedule changed, or it was unpaused.

    ``cause``: reason code of the dates that are passed over. With the same schedule (``missed_paused``) they count from
    the run that was said to be next.
    """
    past = past_of(connection, dag, now)
    expected = dag.next_logical_date if cause == "missed_paused" else None
    following = next_for(dag, now=now, **past)
    missed = missed_before(dag, following, now=now, expected=expected, **past)
    if missed is not None:
        _record(connection, dag, missed, cause, now)
    dags.set_next_run(connection, dag.dag_id, following)
    return following


def refresh_all(connection: Connection, now: datetime) -> None:
    """Compute the next runs of all DAGs anew: the clock was set back."""
    log.warning("the clock went back: the next runs of all DAGs are computed anew")
    for dag in dags.list_dags(connection):
        try:
            following = refresh_next(connection, dag, now, "missed_clock")
            _look_again_at_missed(connection, dag, following, now)
        except Exception:
            log.exception("the schedule of DAG %s cannot be read: it gets no run", dag.dag_id)


def _look_again_at_missed(connection: Connection, dag: Dag, following: RunInfo | None, now: datetime) -> None:
    """Let dates no longer count as missed that are still to come: the clock was ahead when they were noticed."""
    timetable = timetable_of(dag)
    for slot in timetables.missed_noticed_after(connection, dag.dag_id, now):
        until = slot.last_logical_date + MOMENT
        if following is not None:
            until = min(until, following.logical_date)
        missed = timetable.missed(slot.first_logical_date, until, now, dag.start_date, dag.end_date)
        if missed is None:
            timetables.forget_missed(connection, dag.dag_id, slot.first_logical_date)
        else:
            timetables.record_missed(connection, dag.dag_id, missed, slot.reason, now)


def past_of(connection: Connection, dag: Dag, now: datetime) -> Mapping[str, Any]:
    """Return what :mod:`..scheduling.due_runs` has to know of the past of ``dag``, as keyword arguments."""
    by_dates = dag.schedule.kind != "continuous"  # its intervals follow on each other, whatever the clock shows
    last = timetables.last_run(connection, dag.dag_id, *([now] if by_dates else []))
    return {
        "last_logical": None if last is None else last.logical_date,
        "last_end": None if last is None else last.end,
        "known": _known(connection, dag, now) if dag.schedule.kind == "custom" else (),
    }


def _known(connection: Connection, dag: Dag, now: datetime) -> Sequence[RunInfo]:
    """Return what the custom timetable has answered: nothing if the last run due is perhaps not among it."""
    known = timetables.known_runs(connection, dag.version_id)
    goes_on = known.ended_at is None and bool(known.infos) and known.infos[-1].run_after <= now
    return () if goes_on and not dag.catchup else known.infos


def manual_interval(dag: Dag, instant: datetime) -> tuple[datetime, datetime] | tuple[None, None]:
    """Return the data interval of a manual run at ``instant``; (None, None): its timetable has to be asked."""
    return (None, None) if dag.schedule.kind == "custom" else timetable_of(dag).manual_interval(instant)


def _record(connection: Connection, dag: Dag, missed: Missed, cause: str, now: datetime) -> None:
    policy = "catchup is off"
    if dag.catchup:
        policy = f"the catchup window is {timedelta(seconds=dag.catchup_window or 0)}"
    timetables.record_missed(connection, dag.dag_id, missed, Reason(cause, {"policy": policy}), now)


def _create(connection: Connection, dag: Dag, info: RunInfo, now: datetime) -> DagRun | None:
    version = dags.latest_version(connection, dag.dag_id)
    new = NewRun(
        dag_id=dag.dag_id,
        run_id=run_id_for(RunType.SCHEDULED, info.logical_date),
        run_type=RunType.SCHEDULED,
        run_after=info.run_after,
        logical_date=info.logical_date,
        data_interval_start=info.data_interval_start,
        data_interval_end=info.data_interval_end,
        triggered_by="schedule",
        actor="host",
        timezone=timetable_of(dag).zone_name,
    )
    try:
        return runs.create_run(connection, new, version.id, dags.load_spec(version), now).run
    except Conflict as taken:
        log.info("scheduled run of %s left out: %s", dag.dag_id, taken)
        _note_taken(connection, dag, info, str(taken), now)
        return None


def _note_taken(connection: Connection, dag: Dag, info: RunInfo, why: str, now: datetime) -> None:
    """Record a date that gets no run. Scheduled runs and those of backfills that have it are what it was for."""
    run = timetables.run_at(connection, dag.dag_id, info.logical_date)
    if run is not None and run.run_type in (RunType.SCHEDULED, RunType.BACKFILL):
        return
    missed = Missed(info.logical_date, info.logical_date, 1)
    reason = Reason("missed_taken", {"run_id": run.run_id}) if run else Reason("missed_refused", {"message": why})
    timetables.record_missed(connection, dag.dag_id, missed, reason, now)
