"""What an author, an operator or the loader raises, with Airflow's names as aliases."""

from __future__ import annotations

from datetime import UTC, datetime

from ..model.errors import InvalidInput
from ..model.reason import Reason


class FlowException(Exception):
    """Base of what a task raises to steer its own outcome."""


class FlowSkipException(FlowException):
    """End the task instance as ``skipped``; the text is the reason."""


class FlowFailException(FlowException):
    """Fail the task instance at once, without another try."""


class FlowRescheduleException(FlowException):
    """End this attempt and start the task again at ``reschedule_date`` (a naive one is UTC), within the same try.

    The slot is free until then.
    """

    def __init__(self, reschedule_date: datetime) -> None:
        if not isinstance(reschedule_date, datetime):
            raise TypeError(f"reschedule_date must be a datetime, not {reschedule_date!r}")
        moment = reschedule_date if reschedule_date.tzinfo is not None else reschedule_date.replace(tzinfo=UTC)
        super().__init__(f"to be started again at {moment.isoformat()}")
        self.reschedule_date = moment


class FlowSensorTimeout(FlowException):
    """What a sensor waited for did not come in its ``timeout``: failed at once, without another try."""


class FlowTaskTimeout(BaseException):
    """Raised in the author's code when ``execution_timeout`` is over (no ``Exception``, so that few swallow it)."""


class FlowNotFoundException(FlowException):
    """Something that the task names does not exist."""


class DagNotFound(FlowNotFoundException):
    """The DAG that the task names does not exist."""


class DagRunNotFound(FlowNotFoundException):
    """The DAG run that the task names does not exist."""


class DagRunAlreadyExists(FlowException):
    """A run with this id or logical date exists already."""


class DagIsPaused(FlowException):
    """The DAG that the task wants to run is paused."""


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


class DagTestFailed(FlowException):
    """The run of ``dag.test()`` did not succeed."""


class FlowWarning(UserWarning):
    """A DAG file loads, but something in it has no effect or looks wrong."""


AirflowException = FlowException
AirflowSkipException = FlowSkipException
AirflowFailException = FlowFailException
