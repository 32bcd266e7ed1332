"""BaseSensorOperator: a task that looks, again and again, whether something is so."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import (
    DagError,
    FlowFailException,
    FlowRescheduleException,
    FlowSensorTimeout,
    FlowSkipException,
    TaskFailure,
)
from ..authoring.location import warn
from ..authoring.operator import BaseOperator

WEEK = 7 * 86_400.0
MODES = ("poke", "reschedule")
FIELDS = (
    "poke_interval",
    "timeout",
    "soft_fail",
    "never_fail",
    "silent_fail",
    "mode",
    "exponential_backoff",
    "max_wait",
)
"""Arguments of every sensor, for ``spec_fields``."""
_STEERING = (FlowSkipException, FlowFailException, FlowRescheduleException, FlowSensorTimeout, TaskFailure)


@dataclass(frozen=True)
class PokeReturnValue:
    """What ``poke`` may return instead of a bool: whether it is so, and a value for the ``return_value`` XCom."""

    is_done: bool
    xcom_value: Any = None

    def __bool__(self) -> bool:
        return bool(self.is_done)


class BaseSensorOperator(BaseOperator):
    """Calls ``poke(context)`` every ``poke_interval`` seconds until it is true.

    ``mode``: ``poke`` keeps its slot and sleeps in between, ``reschedule`` gives its slot back and is started again.
    ``timeout``: seconds from the first poke of the try, whatever happened to the host meanwhile (7 days).
    ``exponential_backoff``: the interval doubles with each poke, up to ``max_wait``.

    Over its timeout a sensor fails without another try; with ``soft_fail`` it is skipped, as for any failure of a poke.
    ``never_fail``: any exception of a poke skips. ``silent_fail``: exceptions are shown and the poke counts as false.
    ``deferrable`` is accepted and means ``mode="reschedule"``. Durations are seconds or timedeltas.
    """

    needs_dag_file: ClassVar[bool] = True
    spec_fields: ClassVar[Sequence[str]] = FIELDS

    def __init__(
        self,
        task_id: str,
        *,
        poke_interval: float | timedelta = 60.0,
        timeout: float | timedelta = WEEK,
        soft_fail: bool = False,
        never_fail: bool = False,
        silent_fail: bool = False,
        mode: str = "poke",
        exponential_backoff: bool = False,
        max_wait: float | timedelta | None = None,
        deferrable: bool = False,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        if mode not in MODES:
            raise DagError(f"{where}: mode {mode!r}{checks.suggestion(str(mode), MODES) or ': use poke or reschedule'}")
        if soft_fail and never_fail:
            raise DagError(f"{where}: soft_fail and never_fail contradict each other: give one")
        if deferrable and mode == "poke":
            warn(
                f"{where}: deferrable=True waits as mode='reschedule' does: without a slot, in a process for each poke"
            )
            mode = "reschedule"
        self.mode = mode
        self.poke_interval = checks.positive_seconds(where, "poke_interval", poke_interval) or 60.0
        self.timeout = checks.seconds(where, "timeout", timeout)
        self.soft_fail = bool(soft_fail)
        self.never_fail = bool(never_fail)
        self.silent_fail = bool(silent_fail)
        self.exponential_backoff = bool(exponential_backoff)
        self.max_wait = checks.positive_seconds(where, "max_wait", max_wait)

    @property
    def reschedule(self) -> bool:
        """Whether the slot is free between two pokes."""
        return self.mode == "reschedule"

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Tell whether it is so. Sensors define this."""
        raise NotImplementedError(f"{type(self).__name__} does not define poke(context)")

    def next_poke(self, now: datetime, pokes: int) -> datetime:
        """Return when to look again after ``pokes`` pokes in this try; sensors that know the instant name it."""
        wait = self.poke_interval
        if self.exponential_backoff:
            wait = min(wait * 2.0 ** min(pokes - 1, 40), self.max_wait or WEEK)
        return now + timedelta(seconds=wait)

    def execute(self, context: Context) -> Any:
        """Poke until it is so, or until the time is over."""
        runtime = context["runtime"]
        first = first_start(context)
        pokes = int(context["task_reschedule_count"])
        while True:
            pokes += 1
            answer = self._poked(context)
            if answer:
                self.log.info("it is so, after %d pokes", pokes)
                return answer.xcom_value if isinstance(answer, PokeReturnValue) else None
            now = runtime.now()
            waited = (now - first).total_seconds()
            if waited >= self.timeout:
                self._time_out(waited)
            at = min(self.next_poke(now, pokes), first + timedelta(seconds=self.timeout))
            at = max(at, now + timedelta(milliseconds=1))
            if self.reschedule:
                raise FlowRescheduleException(at)
            time.sleep((at - now).total_seconds())

    def _poked(self, context: Context) -> bool | PokeReturnValue:
        try:
            return self.poke(context)
        except _STEERING as error:
            if self.soft_fail and isinstance(error, (FlowFailException, TaskFailure)):
                raise FlowSkipException(f"soft_fail: {error}") from error
            raise
        except Exception as error:
            if self.silent_fail:
                traceback.print_exception(error)
                self.log.warning("silent_fail: this poke counts as false")
                return False
            if self.soft_fail or self.never_fail:
                name = "soft_fail" if self.soft_fail else "never_fail"
                traceback.print_exception(error)
                raise FlowSkipException(f"{name}: {type(error).__name__}: {error}") from error
            raise

    def _time_out(self, waited: float) -> None:
        message = f"sensor timed out: not so after {waited:.0f} s (timeout {self.timeout:g} s)"
        if self.soft_fail:
            raise FlowSkipException(f"soft_fail: {message}")
        raise FlowSensorTimeout(message)


def first_start(context: Context) -> datetime:
    """Return when the first attempt of this try began: the timeout counts from there."""
    first: datetime | None = context["ti"].first_start_date
    return (first or context["ti"].start_date).astimezone(UTC)
