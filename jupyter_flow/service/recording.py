"""Writes starts and ends of attempts, in the transaction of a turn."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ..execution.children import Started
from ..model.changes import TaskChange
from ..model.rows import TaskInstance
from ..model.state import TaskState
from ..storage import attempts, dags, events, queries, reports, runs
from .active import Active
from .book import RunBook
from .ends import Ended, to_end
from .house import House

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """The start of an attempt's process, as noticed at ``at``."""

    active: Active
    notice: Started
    at: datetime


@dataclass(frozen=True)
class Recorded:
    """Task instances as they are now: those that ``run``, those of which an attempt has ``ended``.

    ``begun``: the attempts whose start counts, the others were fenced off. ``made_assets``: some ends had asset events.
    """

    running: list[TaskInstance]
    ended: list[TaskInstance]
    begun: set[str]
    made_assets: bool = False


def record(
    connection: Connection,
    house: House,
    book: RunBook,
    starts: Sequence[Start],
    ends: Sequence[Ended],
    now: datetime,
    *,
    again: bool = False,
) -> Recorded:
    """Write processes and ``running``, reports and losses. What is stale changes no state.

    A start and an end that come together are one change of the row (and an event each). ``again``: some starts may
    stand there already, by a commit that was not answered.
    """
    if not starts and not ends:
        return Recorded([], [], set())
    locked = runs.lock_tasks(
        connection, {start.active.row.id for start in starts} | {ended.active.row.id for ended in ends}
    )
    current = locked.tasks()
    known = [start for start in starts if again and _stands_there(current.get(start.active.row.id), start)]
    changes = _record_processes(connection, [start for start in starts if start not in known])
    found: list[reports.ReportedEnd] = []
    lost: list[reports.LostAttempt] = []
    for ended in ends:
        row = current.get(ended.active.row.id)
        if row is None:
            continue  # the DAG was deleted meanwhile
        end = _judge(connection, house, book, ended, row, now)
        if isinstance(end, reports.ReportedEnd):
            found.append(end)
        else:
            lost.append(end)
    applied = reports.apply_reports(connection, found, now, changes, locked)
    for stale in applied.stale:
        log.warning("attempt %s: its report came too late and was refused", stale.report.attempt_id)
    late = {stale.report.attempt_id for stale in applied.stale}
    _notify(connection, current, [end for end in found if end.report.attempt_id not in late], now)
    reported = {end.change.id for end in found}
    running = [row for row in applied.tasks if row.id not in reported]
    ended_now = [row for row in applied.tasks if row.id in reported]
    book.take_lengths(connection, ended_now)
    if known:
        running += [current[start.active.row.id] for start in known if start.active.row.id not in reported]
    begun = {change.attempt_id or "" for change in changes if change not in applied.late_starts}
    begun |= {start.notice.key for start in known}
    made = any(end.asset_events and end.report.attempt_id not in late for end in found)
    return Recorded(running, ended_now + reports.record_losses(connection, lost, now).tasks, begun, made)


def _stands_there(row: TaskInstance | None, start: Start) -> bool:
    return row is not None and row.state is TaskState.RUNNING and row.attempt_id == start.notice.key


def _record_processes(connection: Connection, starts: Sequence[Start]) -> list[TaskChange]:
    """Write the processes of attempts; return the changes of their task instances."""
    rows = [
        attempts.AttemptStart(item.key, item.pid, item.start_ticks, item.boot_id, start.at, item.worker)
        for start in starts
        for item in [start.notice]
    ]
    attempts.started(connection, rows)
    return [
        TaskChange(row.id, row.task_id, row.map_index, TaskState.RUNNING, attempt_id=start.notice.key, at=start.at)
        for start in starts
        for row in [start.active.row]
    ]


def _notify(
    connection: Connection, rows: Mapping[int, TaskInstance], ends: Sequence[reports.ReportedEnd], now: datetime
) -> None:
    """Write the notifications of reports as events."""
    told = [
        events.notification(row.dag_run_id, row.dag_id, row.run_id, note, row.task_id, row.map_index)
        for end in ends
        for row in [rows[end.change.id]]
        for note in end.report.notifications
    ]
    events.append_run_events(connection, told, now, None)


def _judge(
    connection: Connection, house: House, book: RunBook, ended: Ended, row: TaskInstance, now: datetime
) -> reports.ReportedEnd | reports.LostAttempt:
    snapshot = book.running.get(row.dag_run_id)
    run = snapshot.run if snapshot else queries.run_by_id(connection, row.dag_run_id)
    spec = snapshot.spec if snapshot else dags.load_spec(dags.get_version(connection, run.dag_version_id))
    task = snapshot.specs.get(row.task_id) if snapshot else None
    try:
        task = task or spec.task(row.task_id)
    except KeyError:  # cleared to a version without this task: the report is stale in any case
        attempt = attempts.get_attempt(connection, ended.active.attempt_id)
        task = dags.load_spec(dags.get_version(connection, attempt.dag_version_id)).task(row.task_id)
    spool = str(ended.active.spool.parent if ended.active.spool is not None else house.spool)
    # teardowns of a cancelled run do their work
    cancelled_by = row.cancel_requested_by or (None if task.is_teardown else run.cancel_requested_by)
    return to_end(ended, row, task, cancelled_by, house.config.infra_retries, spool, now)
