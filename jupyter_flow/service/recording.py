"""Writes starts and ends of attempts, in the transaction of a turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
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


def record_starts(
    connection: Connection, starts: Sequence[Start], now: datetime, *, again: bool = False
) -> list[TaskInstance]:
    """Write processes and ``running``; returns the task instances as they are now (fenced-off ones left out).

    ``again``: some may stand there already, by a commit that was not answered.
    """
    if not starts:
        return []
    known: list[TaskInstance] = []
    if again:
        ids = {start.active.row.id: start.notice.key for start in starts}
        found = queries.task_instances_by_id(connection, list(ids))
        known = [row for row in found if row.state is TaskState.RUNNING and row.attempt_id == ids[row.id]]
        starts = [start for start in starts if start.notice.key not in {row.attempt_id for row in known}]
    rows = [
        attempts.AttemptStart(item.key, item.pid, item.start_ticks, item.boot_id, start.at, item.worker)
        for start in starts
        for item in [start.notice]
    ]
    attempts.started(connection, rows)
    changes = [
        TaskChange(row.id, row.task_id, row.map_index, TaskState.RUNNING, attempt_id=start.notice.key, at=start.at)
        for start in starts
        for row in [start.active.row]
    ]
    return known + runs.transition_many(connection, changes, now).tasks


def record_ends(
    connection: Connection, house: House, book: RunBook, ends: Sequence[Ended], now: datetime
) -> Iterator[list[TaskInstance]]:
    """Write reports and losses; yields the task instances as they are now. Stale reports change no state."""
    if not ends:
        return
    current = {row.id: row for row in queries.task_instances_by_id(connection, [end.active.row.id for end in ends])}
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
    applied = reports.apply_reports(connection, found, now)
    for stale in applied.stale:
        log.warning("attempt %s: its report came too late and was refused", stale.report.attempt_id)
    late = {stale.report.attempt_id for stale in applied.stale}
    _notify(connection, current, [end for end in found if end.report.attempt_id not in late], now)
    book.take_lengths(connection, applied.tasks)
    yield applied.tasks
    yield reports.record_losses(connection, lost, now).tasks


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
