"""What the first look shows: DAGs as rows of a list, what needs attention, what runs, and a day on one time axis."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ..model.errors import InvalidInput
from ..model.instants import from_iso, iso_or_none
from ..model.records import Actor
from ..model.rows import Dag, DagRun, TaskInstance
from ..model.state import TASK_TERMINAL
from ..scheduling.due_runs import timetable_of
from ..storage import dags, front
from .authorize import readable
from .documents import Document
from .house import House
from .page_limit import check_limit
from .schedule_words import asset_words, schedule_text, spoken_schedule

BARS = 12
"""Runs of each row."""
FORMER = 20
"""Runs that tell how long one usually takes."""
MOST_ROWS = 500
MOST_RUNS = 1_000
USUAL_SIDE = timedelta(hours=12)
LONGEST_SPAN = timedelta(days=8)
COMING_OF_DAG = 100
"""Coming runs of one DAG in a timeline: one that runs each minute must not hide the others."""


def list_dag_rows(
    house: House, actor: Actor, limit: int = 100, after: str | None = None, dag_ids: Sequence[str] = ()
) -> Document:
    """DAGs by id, each as short as a row of a list shows it; ``next`` is the ``after`` of the following page."""
    check_limit(limit, MOST_ROWS)
    with house.reading() as connection:
        found, cursor = front.page_of_dags(connection, limit, after, dag_ids)
        rows = readable(house.policy, actor, found)
        names = front.display_names(connection, [row.version_id for row in rows])
        bars = front.run_bars(connection, [row.dag_id for row in rows], BARS)
        states = front.state_counts(connection, [runs[-1].id for runs in bars.values() if runs])
    return {"dags": [_row(row, names[row.version_id], bars[row.dag_id], states) for row in rows], "next": cursor}


def list_attention(house: House, actor: Actor, limit: int = 50, before: str | None = None) -> Document:
    """The last ended runs of DAGs that failed, newest first, each with the failure that came first."""
    check_limit(limit, MOST_ROWS)
    with house.reading() as connection:
        found, cursor = front.last_ended_failed(connection, limit, before)
        runs = readable(house.policy, actor, found)
        names = front.display_names(connection, {run.dag_version_id for run in runs})
        failures = front.first_failures(connection, [run.id for run in runs])
    return {
        "failed": [_failed(run, names[run.dag_version_id], failures.get(run.id)) for run in runs],
        "next": cursor,
    }


def list_running(house: House, actor: Actor, limit: int = 100, before: str | None = None) -> Document:
    """Unfinished runs, newest first, with how many tasks are done and how long the run usually takes."""
    check_limit(limit, MOST_ROWS)
    with house.reading() as connection:
        found, cursor = front.runs_in_progress(connection, limit, before)
        runs = readable(house.policy, actor, found)
        names = front.display_names(connection, {run.dag_version_id for run in runs})
        states = front.state_counts(connection, [run.id for run in runs])
        former = front.success_seconds(connection, {run.dag_id for run in runs}, FORMER)
    return {
        "runs": [_running(run, names[run.dag_version_id], states[run.id], former[run.dag_id]) for run in runs],
        "next": cursor,
    }


def timeline(
    house: House,
    actor: Actor,
    start: str | None = None,
    end: str | None = None,
    limit: int = 500,
    before: str | None = None,
) -> Document:
    """Runs that were there between two instants, and those that the schedules will bring until the second one.

    Twelve hours to either side of now if not given. ``failed``: how many runs have failed since ``start``.
    ``next`` goes on with older runs.
    """
    check_limit(limit, MOST_RUNS)
    now = house.clock.wall()
    since = from_iso(start) if start is not None else now - USUAL_SIDE
    until = from_iso(end) if end is not None else now + USUAL_SIDE
    if not timedelta() < until - since <= LONGEST_SPAN:
        raise InvalidInput(f"end must be later than start, by {LONGEST_SPAN.days} days at most")
    with house.reading() as connection:
        found, cursor = front.runs_since(connection, since, limit, before)
        runs = [run for run in readable(house.policy, actor, found) if run.queued_at <= until]
        known = readable(house.policy, actor, dags.list_dags(connection))
        failed = front.failed_count(connection, [dag.dag_id for dag in known], since)
        coming = _coming(connection, known, max(now, since), until, limit)
    return {"runs": [_bar(run) for run in runs], "coming": coming, "failed": failed, "next": cursor}


def _row(dag: Dag, name: str, bars: Sequence[front.RunBar], states: dict[int, dict[str, int]]) -> Document:
    return {
        "dag_id": dag.dag_id,
        "dag_display_name": name,
        "description": dag.description,
        "owner": dag.owner,
        "tags": list(dag.tags),
        "is_paused": dag.is_paused,
        "schedule": schedule_text(dag.schedule),
        "schedule_words": spoken_schedule(dag.schedule),
        "schedule_assets": asset_words(dag.schedule.assets),
        "schedule_timezone": dag.schedule.timezone or dag.timezone,
        "next_run_after": iso_or_none(dag.next_run_after),
        "runs": [_bar(bar) for bar in bars],
        "last_states": states[bars[-1].id] if bars else {},
    }


def _bar(run: front.RunBar | DagRun) -> Document:
    document: Document = {
        "run_id": run.run_id,
        "state": str(run.state),
        "start_date": iso_or_none(run.start_date),
        "end_date": iso_or_none(run.end_date),
    }
    return document if isinstance(run, front.RunBar) else {"dag_id": run.dag_id, **document}


def _failed(run: DagRun, name: str, failure: TaskInstance | None) -> Document:
    reason = run.reason if failure is None or failure.reason is None else failure.reason
    return {
        "dag_id": run.dag_id,
        "dag_display_name": name,
        "run_id": run.run_id,
        "run_type": str(run.run_type),
        "end_date": iso_or_none(run.end_date),
        "task_id": None if failure is None else failure.task_id,
        "map_index": -1 if failure is None else failure.map_index,
        "failing_cell": None if failure is None else failure.failing_cell,
        "cause": "" if reason is None else str(reason),
    }


def _running(run: DagRun, name: str, states: dict[str, int], former: Sequence[float]) -> Document:
    return {
        "dag_id": run.dag_id,
        "dag_display_name": name,
        "run_id": run.run_id,
        "run_type": str(run.run_type),
        "state": str(run.state),
        "actor": run.actor,
        "queued_at": iso_or_none(run.queued_at),
        "start_date": iso_or_none(run.start_date),
        "states": states,
        "ended": sum(count for state, count in states.items() if state in TASK_TERMINAL),
        "total": sum(states.values()),
        "usual_duration": statistics.median(former) if former else None,
    }


def _coming(connection: Connection, known: Sequence[Dag], now: datetime, until: datetime, limit: int) -> list[Document]:
    """Return the scheduled runs of unpaused DAGs until ``until``, the soonest first."""
    found: list[tuple[datetime, str]] = []
    for dag in known:
        due = dag.next_run_after
        if dag.is_paused or due is None or due > until:
            continue
        found.append((due, dag.dag_id))
        if dag.schedule.kind != "custom":
            following = timetable_of(dag).upcoming(max(now, due), COMING_OF_DAG, dag.start_date, dag.end_date)
            found += [(info.run_after, dag.dag_id) for info in following if due < info.run_after <= until]
    return [{"dag_id": dag_id, "run_after": iso_or_none(at)} for at, dag_id in sorted(found)[:limit]]
