"""What an author, an operator or the loader raises, with Airflow's names as aliases."""

from __future__ import annotations

from ..model.errors import InvalidInput
from ..model.reason import Reason


class FlowException(Exception):
    """Base of what a task raises to steer its own outcome."""


class FlowSkipException(FlowException):
    """End the task instance as ``skipped``; the text is the reason."""


class FlowFailException(FlowException):
    """Fail the task instance at once, without another try."""


class TaskFailure(FlowException):
    """A failure whose reason is known exactly; the runner reports ``reason`` as it stands.

    ``no_retry``: another try would fail the same way.
    """

    def __init__(self, reason: Reason, *, no_retry: bool = False) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.no_retry = no_retry


class XComNotFound(FlowException):
    """A task argument names an XCom that its task did not push."""


class DagError(InvalidInput):
    """A DAG is not usable as written: one sentence. ``location``: the author's file and line, where known."""

    def __init__(self, message: str, location: tuple[str, int] | None = None) -> None:
        super().__init__(message)
        self.location = location if location and location[1] else None


class FlowWarning(UserWarning):
    """A DAG file loads, but something in it has no effect or looks wrong."""


AirflowException = FlowException
AirflowSkipException = FlowSkipException
AirflowFailException = FlowFailException
