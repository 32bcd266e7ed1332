"""From how a task ended to what the report says: outcome and reason."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..authoring.exceptions import (
    FlowFailException,
    FlowRescheduleException,
    FlowSensorTimeout,
    FlowSkipException,
    TaskFailure,
)
from ..model.reason import Reason
from ..model.records import Outcome
from .interrupts import Cause, Interrupted

_PACKAGE = str(Path(__file__).parent.parent)
_LONGEST = 2_000


@dataclass(frozen=True)
class Verdict:
    """Outcome, reason, and whether another try is of no use.

    ``reschedule_at``: of ``up_for_reschedule``, ISO 8601. ``retry_delay``: seconds until the next try, if not the
    task's own.
    """

    outcome: Outcome
    reason: Reason
    no_retry: bool = False
    reschedule_at: str | None = None
    retry_delay: float | None = None


_FINAL = (FlowFailException, FlowSensorTimeout)
SUCCESS = Verdict("success", Reason("ok"))


def interrupted(cause: Cause, execution_timeout: float | None) -> Verdict:
    """Return the verdict of an attempt that was cancelled or went over its time."""
    if cause == "cancel":
        return Verdict("cancelled", Reason("cancel", {"actor": "a request"}))
    return Verdict("failed", Reason("timeout", {"seconds": execution_timeout or 0.0}))


def of_exception(error: BaseException, execution_timeout: float | None) -> Verdict:
    """Return what ``error``, raised by the task, means; unexpected ones are printed with their traceback."""
    if isinstance(error, Interrupted):
        return interrupted(error.cause, execution_timeout)
    if isinstance(error, FlowSkipException):
        return Verdict("skipped", Reason("skip", {"message": str(error) or "by the task itself"}))
    if isinstance(error, FlowRescheduleException):
        at = error.reschedule_date.isoformat()
        return Verdict("up_for_reschedule", Reason("reschedule", {"at": at}), reschedule_at=at)
    if isinstance(error, TaskFailure):
        sys.stderr.write(f"{error}\n")
        return Verdict("failed", error.reason, error.no_retry)
    traceback.print_exception(type(error), error, _authors_frames(error))
    reason = Reason("exception", {"type": type(error).__name__, "message": str(error)[:_LONGEST]})
    if isinstance(error, SystemExit):
        reason = Reason("exception", {"type": "SystemExit", "message": f"the task called sys.exit({error.code!r})"})
    return Verdict("failed", reason, isinstance(error, _FINAL))


def _authors_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback from the author's first frame on; all of it if none is the author's."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        frames = frames.tb_next
    return frames or error.__traceback__
