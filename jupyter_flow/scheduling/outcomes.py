"""From the end of an attempt to the next state of its task instance: retries, losses, cancel requests."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from ..model.changes import TaskChange
from ..model.errors import InvalidInput
from ..model.instants import from_iso
from ..model.reason import Reason
from ..model.records import LONGEST_DELAY, Report
from ..model.rows import TaskInstance
from ..model.spec import TaskSpec
from ..model.state import TaskState

MAX_RETRY_DELAY = 86_400.0
"""Upper bound of a growing retry delay in seconds (Airflow's)."""


def after_report(
    task_instance: TaskInstance,
    task: TaskSpec,
    report: Report,
    now: datetime,
    cancel_requested: bool = False,
) -> TaskChange:
    """Return the change that ``report`` leads to, fenced by its attempt id.

    A failure is tried again while tries are left, unless the author or a cancel request says no. A request to be
    started again later is granted unless a cancel request says no.
    ``cancel_requested``: of the run (a request for the task instance itself is seen in its row).
    """
    at = _end(report, now)
    stop = cancel_requested or task_instance.cancel_requested_at is not None
    if report.outcome == "failed" and not stop and not report.no_retry:
        return _retry_or_fail(task_instance, task, report, now, at)
    state = TaskState(report.outcome)
    if state is TaskState.UP_FOR_RESCHEDULE and not stop:
        return _change(task_instance, state, report.reason, report, at, check_at=_start_again(report, now))
    if state is TaskState.UP_FOR_RESCHEDULE:
        state = TaskState.CANCELLED
    if state is TaskState.FAILED and stop:
        state = TaskState.CANCELLED
    return _change(task_instance, state, report.reason, report, at)


def after_loss(
    task_instance: TaskInstance, message: str, infra_retries: int, now: datetime, cancel_requested: bool = False
) -> TaskChange:
    """Return the change for an attempt that ended without a report (host, machine or runner lost).

    Within the budget ``infra_retries`` the same try starts again; afterwards the task instance is failed.
    """
    losses = task_instance.infra_losses + 1
    facts = {"message": message, "attempt": task_instance.attempt_count, "count": losses}
    state, reason = TaskState.SCHEDULED, Reason("infra", facts)
    if cancel_requested or task_instance.cancel_requested_at is not None:
        state = TaskState.CANCELLED
    elif losses > infra_retries:
        state, reason = TaskState.FAILED, Reason("infra_exhausted", facts)
    return TaskChange(
        task_instance.id,
        task_instance.task_id,
        task_instance.map_index,
        state,
        reason,
        attempt_id=task_instance.attempt_id,
        at=now,
        infra_loss=True,
    )


def retry_delay_for(task: TaskSpec, try_number: int, key: str) -> float:
    """Return the seconds between the failed try ``try_number`` (from 1) and the next one.

    With a backoff factor the delay grows by it with every try, in whole seconds and at least one, and is spread over
    [delay, 2 * delay) by ``key``, always alike for the same key; it is a day at most. ``max_retry_delay`` bounds it.
    """
    delay = task.retry_delay
    if task.retry_exponential_backoff not in (0.0, 1.0):
        try:
            base = max(math.ceil(delay * task.retry_exponential_backoff ** (try_number - 1)), 1)
        except OverflowError:
            base = int(MAX_RETRY_DELAY)
        digest = hashlib.sha256(f"{key}#{task.task_id}#{try_number}".encode()).digest()
        delay = min(base + int.from_bytes(digest, "big") % base, MAX_RETRY_DELAY)
    return delay if task.max_retry_delay is None else min(delay, task.max_retry_delay)


def _retry_or_fail(
    task_instance: TaskInstance, task: TaskSpec, report: Report, now: datetime, at: datetime
) -> TaskChange:
    if task_instance.try_number >= task_instance.max_tries:
        return _change(task_instance, TaskState.FAILED, report.reason, report, at)
    key = f"{task_instance.dag_id}#{task_instance.run_id}#{task_instance.map_index}"
    own = report.retry_delay
    delay = retry_delay_for(task, task_instance.try_number, key) if own is None else own
    due = at + timedelta(seconds=delay)  # after the end of the try, however late the house hears of it
    return _change(task_instance, TaskState.UP_FOR_RETRY, report.reason, report, at, check_at=due)


def _change(
    task_instance: TaskInstance,
    state: TaskState,
    reason: Reason,
    report: Report,
    at: datetime,
    check_at: datetime | None = None,
) -> TaskChange:
    return TaskChange(
        task_instance.id,
        task_instance.task_id,
        task_instance.map_index,
        state,
        reason,
        attempt_id=report.attempt_id,
        check_at=check_at,
        at=at,
        failing_cell=report.failing_cell,
        follow=report.follow if state is TaskState.SUCCESS else None,
        label=report.label,
    )


def _start_again(report: Report, now: datetime) -> datetime:
    """When the child asks to be started again, if that is a date within a year; else at once."""
    try:
        asked = from_iso(report.reschedule_at or "")
    except InvalidInput:
        return now
    return min(max(asked, now), now + timedelta(seconds=LONGEST_DELAY))


def _end(report: Report, now: datetime) -> datetime:
    """When the child says it ended, if that can be true: it may have ended long ago, but not in the future."""
    try:
        return min(from_iso(report.end_date), now)
    except InvalidInput:
        return now
