"""The ends of attempts: state, attempt row and XComs in one go, fenced by the attempt id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from ..model.assets import NewAssetEvent
from ..model.changes import TaskChange
from ..model.reason import Reason
from ..model.records import Report
from ..model.rows import TaskInstance
from .assets import append_events
from .runs import Applied, LockedTasks, transition_many
from .schema import attempt
from .xcoms import forget_earlier_tries, put

STALE = "stale"
"""``outcome`` of an attempt whose report came after somebody else had decided."""
LOST = "lost"
"""``outcome`` of an attempt that ended without a report."""
RESCHEDULED = "rescheduled"
"""``outcome`` of an attempt that asked to be started again later."""

_FIELDS = [
    "finished_at",
    "outcome",
    "reason",
    "failing_cell",
    "exit_code",
    "signal",
    "source_sha256",
    "kernelspec",
    "interpreter",
    "packages_hash",
    "log_path",
    "log_size",
    "log_sha256",
    "notebook_path",
    "notebook_size",
    "notebook_sha256",
    "peak_rss",
    "cpu_time",
    "rendered",
    "metrics",
]
_FINISH = (
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.finished_at.is_(None))
    .values({name: bindparam(f"b_{name}") for name in _FIELDS})
)
_FINISH_LOST = (
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.finished_at.is_(None))
    .values({name: bindparam(f"b_{name}") for name in ("finished_at", "outcome", "reason", "exit_code", "signal")})
)


@dataclass(frozen=True)
class ReportedEnd:
    """A report and the change it leads to (with ``attempt_id`` as its fence). Paths as the doors show them."""

    change: TaskChange
    report: Report
    log_path: str | None = None
    notebook_path: str | None = None
    asset_events: tuple[NewAssetEvent, ...] = ()


@dataclass(frozen=True)
class LostAttempt:
    """An attempt that ended without a report, and the change that follows from it."""

    change: TaskChange
    attempt_id: str
    reason: Reason
    exit_code: int | None = None
    signal: int | None = None


@dataclass(frozen=True)
class AppliedReports:
    """Task instances as they are now, the reports that came too late, and the starts that did."""

    tasks: list[TaskInstance]
    stale: list[ReportedEnd]
    late_starts: list[TaskChange]


def apply_reports(
    connection: Connection,
    ends: Sequence[ReportedEnd],
    now: datetime,
    starts: Sequence[TaskChange] = (),
    locked: LockedTasks | None = None,
) -> AppliedReports:
    """Apply reports together. A stale one changes nothing but its own attempt row (outcome ``stale``).

    ``starts``: changes that come before, of the same task instances or others; ``locked``: the rows of all of them.
    Raises :class:`..model.errors.IllegalTransition`; ``change.attempt_id`` must be the report's.
    """
    for end in ends:
        if end.change.attempt_id != end.report.attempt_id:
            raise ValueError(f"change of attempt {end.change.attempt_id} with report of {end.report.attempt_id}")
    applied = transition_many(connection, [*starts, *(end.change for end in ends)], now, locked=locked)
    late = {change.attempt_id for change in applied.lost}
    if ends:
        connection.execute(_FINISH, [_attempt_values(end, now, end.change.attempt_id in late) for end in ends])
    by_id = {task.id: task for task in applied.tasks}
    for end in ends:
        task = by_id.get(end.change.id)
        if task is not None and task.try_number > 1 and end.change.attempt_id not in late:
            forget_earlier_tries(connection, task)
        if end.report.xcoms and task is not None and end.change.attempt_id not in late:
            items = end.report.xcoms
            put(connection, task.dag_run_id, task.task_id, task.map_index, items, end.report.attempt_id, now)
        if end.asset_events and end.change.attempt_id not in late:
            append_events(connection, end.asset_events, now)
    stale = [end for end in ends if end.change.attempt_id in late]
    return AppliedReports(applied.tasks, stale, [change for change in starts if change.attempt_id in late])


def record_losses(connection: Connection, losses: Iterable[LostAttempt], now: datetime) -> Applied:
    """Apply what follows from attempts that were lost, and close their rows with outcome ``lost``."""
    losses = list(losses)
    applied = transition_many(connection, [loss.change for loss in losses], now)
    values = [
        {
            "b_id": loss.attempt_id,
            "b_finished_at": now,
            "b_outcome": LOST,
            "b_reason": loss.reason.to_json(),
            "b_exit_code": loss.exit_code,
            "b_signal": loss.signal,
        }
        for loss in losses
    ]
    if values:
        connection.execute(_FINISH_LOST, values)
    return applied


def _attempt_values(end: ReportedEnd, now: datetime, late: bool) -> dict[str, Any]:
    report = end.report
    outcome = RESCHEDULED if report.outcome == "up_for_reschedule" else report.outcome
    special = {
        "finished_at": end.change.at or now,
        "outcome": STALE if late else outcome,
        "reason": report.reason.to_json(),
        "log_path": end.log_path,
        "notebook_path": end.notebook_path,
        "rendered": dict(report.rendered),
        "metrics": [dict(metric) for metric in report.metrics],
    }
    return {"b_id": report.attempt_id} | {
        f"b_{name}": special[name] if name in special else getattr(report, name) for name in _FIELDS
    }
