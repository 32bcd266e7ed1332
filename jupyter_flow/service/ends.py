"""From the end of a child process to what is written: a report with its change, or a loss."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ..execution.children import Exited
from ..execution.executor import Executor, Problem
from ..execution.salvage import Salvaged, salvage
from ..model.instants import to_iso
from ..model.reason import Reason
from ..model.records import Report
from ..model.rows import TaskInstance
from ..model.spec import TaskSpec
from ..model.state import TaskState
from ..scheduling.asset_runs import outlet_events
from ..scheduling.outcomes import after_loss, after_report
from ..storage.reports import LostAttempt, ReportedEnd
from .active import Active

CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})
"""Signals that a process brings upon itself."""


@dataclass(frozen=True)
class Ended:
    """The end of one attempt as gathered outside the transaction."""

    active: Active
    result: Report | Problem
    exit_code: int | None = None
    signal: int | None = None
    problem: str = ""
    salvaged: Salvaged = Salvaged()


def gather(executor: Executor, active: Active, notice: Exited | None, spool: Path, now: datetime) -> Ended:
    """Read the result of an attempt whose process is gone (``notice`` None: found gone by adoption).

    ``spool``: its folder. If it left no result, its log and its notebook are made to say how it ended.
    """
    result = executor.collect(active.attempt_id)
    if isinstance(result, Report) and result.attempt_id != active.attempt_id:
        result = Problem("bad", f"it names attempt {result.attempt_id}")
    ended = Ended(active, result)
    if notice is not None:
        ended = Ended(active, result, notice.exit_code, notice.signal, notice.problem)
    if isinstance(result, Report) or result.kind == "gone" or not active.started:
        return ended
    why = active.ended_for
    if why is None and active.overdue:
        why = Reason("timeout", {"seconds": active.execution_timeout})
    lines = [notice.note if notice is not None else "", f"failed: {why}" if why else _how(ended) or result.message]
    ended = replace(ended, salvaged=salvage(spool, [line for line in lines if line], to_iso(now)))
    if why is not None and result.kind == "missing":
        return replace(ended, result=_own_report(ended, "failed", why, now))
    return ended


def to_end(
    ended: Ended,
    row: TaskInstance,
    task: TaskSpec,
    cancelled_by: str | None,
    infra_retries: int,
    spool: str,
    now: datetime,
) -> ReportedEnd | LostAttempt:
    """Decide what the end of an attempt means for its task instance ``row``.

    A result is taken as it is. Without one a task that was asked to stop is cancelled; one whose own process died
    of a signal or left by itself (a user's ``os._exit``) has failed; all else is a loss that does not count as a try.
    """
    attempt_id, result = ended.active.attempt_id, ended.result
    if isinstance(result, Problem):
        if cancelled_by is not None:
            result = _own_report(ended, "cancelled", Reason("cancel", {"actor": cancelled_by}), now)
        elif result.kind == "bad" or (result.kind == "gone" and ended.active.started):
            result = _own_report(ended, "failed", Reason("bad_result", {"message": result.message}), now)
        elif (reason := _own_fault(ended)) is not None:
            result = _own_report(ended, "failed", reason, now)
    elif cancelled_by is not None and result.outcome == "cancelled" and result.reason.code == "cancel":
        result = replace(result, reason=Reason("cancel", {"actor": cancelled_by}))  # a runner does not know by whom
    if isinstance(result, Report):
        change = after_report(row, task, result, now, cancel_requested=cancelled_by is not None)
        folder = f"{spool}/{attempt_id}"
        notebook = f"{folder}/{result.notebook}" if result.notebook else None
        told = tuple(outlet_events(row, task, result)) if task.outlets and change.state is TaskState.SUCCESS else ()
        return ReportedEnd(replace(change, attempt_id=attempt_id), result, f"{folder}/log.jsonl", notebook, told)
    message = ended.problem or _how(ended) or result.message
    change = after_loss(row, message, infra_retries, now, cancel_requested=False)
    reason = change.reason or Reason("infra", {"message": message, "attempt": row.attempt_count})
    return LostAttempt(replace(change, attempt_id=attempt_id), attempt_id, reason, ended.exit_code, ended.signal)


def _own_fault(ended: Ended) -> Reason | None:
    """Tell how a task ended its own process; None if somebody else may have done it (an operator, the OOM killer)."""
    if not ended.active.started or ended.active.is_notebook:
        return None
    if ended.exit_code is not None:
        return Reason("process_exit", {"exit_code": ended.exit_code})
    return Reason("signal", {"signal": ended.signal}) if ended.signal in CRASHES else None


def _how(ended: Ended) -> str:
    if ended.signal is not None:
        return f"its process was ended by signal {ended.signal}"
    return "" if ended.exit_code is None else f"its process ended with exit code {ended.exit_code} and left no result"


def _own_report(ended: Ended, outcome: str, reason: Reason, now: datetime) -> Report:
    """The report that the host writes for a runner that could not."""
    active = ended.active
    return Report(
        attempt_id=active.attempt_id,
        outcome=outcome,  # type: ignore[arg-type]
        reason=reason,
        start_date=to_iso(active.row.start_date or now),
        end_date=to_iso(now),
        exit_code=ended.exit_code,
        signal=ended.signal,
        **vars(ended.salvaged),
    )
