"""How an attempt is ended from outside: cancel (SIGTERM) and ``execution_timeout`` (an alarm), and their ladder.

Rung 1 interrupts what runs: the hook that a command or the notebook engine has set, else an exception in the
author's code. Rung 2, ``grace`` seconds later, the same again, for code that swallowed the first. Rung 3 gives
up on the author's code: the ``last_resort`` writes the result and ends the process.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from ..authoring.exceptions import FlowTaskTimeout

Cause = Literal["cancel", "timeout"]
Hook = Callable[[Cause], None]


class Interrupted(BaseException):
    """Raised in the author's code when its attempt must end. Not an Exception, so that few swallow it."""

    def __init__(self, cause: Cause) -> None:
        super().__init__("cancelled" if cause == "cancel" else "execution_timeout is over")
        self.cause = cause


class TimeIsUp(Interrupted, FlowTaskTimeout):
    """``execution_timeout`` is over."""

    def __init__(self) -> None:
        super().__init__("timeout")


class Interrupts:
    """Signal handlers of one attempt; lives in the main thread. ``grace`` is seconds between rungs."""

    def __init__(self, grace: float, last_resort: Callable[[Cause], None]) -> None:
        self._grace = grace
        self._last_resort = last_resort
        self._hook: Hook | None = None
        self._rung = 0
        self._deadline: float | None = None
        self._closed = False
        self.cause: Cause | None = None

    def arm(self, execution_timeout: float | None) -> None:
        """Install the handlers and start the clock of ``execution_timeout`` (seconds, None = none)."""
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGALRM, self._on_alarm)
        if execution_timeout is not None:
            self._deadline = time.monotonic() + execution_timeout
            signal.setitimer(signal.ITIMER_REAL, max(execution_timeout, 0.001))

    def disarm(self) -> None:
        """The author's code has ended: from now on nothing interrupts the writing of the result."""
        self._closed = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)

    @contextmanager
    def hook(self, hook: Hook) -> Iterator[None]:
        """Within the block ``hook(cause)`` is called instead of raising; it climbs its own ladder."""
        self._hook, before = hook, self._hook
        try:
            if self.cause is not None:
                hook(self.cause)
            yield
        finally:
            self._hook = before

    def _on_term(self, *_: object) -> None:
        self._interrupt("cancel")

    def _on_alarm(self, *_: object) -> None:
        if self.cause is None:
            if self._deadline is not None and time.monotonic() < self._deadline:
                # the author's code used the alarm for itself: ours comes later
                signal.setitimer(signal.ITIMER_REAL, max(self._deadline - time.monotonic(), 0.001))
                return
            self._interrupt("timeout")
        else:
            self._climb()

    def _interrupt(self, cause: Cause) -> None:
        if self.cause is None and not self._closed:
            self.cause = cause
            self._climb()

    def _climb(self) -> None:
        if self._closed or self.cause is None:
            return
        self._rung += 1
        if self._rung >= (5 if self._hook is not None else 3):
            # a hook has a ladder of its own (three rungs); it gets two more before we give up on it
            self._closed = True
            self._last_resort(self.cause)
            return
        signal.setitimer(signal.ITIMER_REAL, max(self._grace, 0.01))
        if self._hook is None:
            raise TimeIsUp if self.cause == "timeout" else Interrupted(self.cause)
        if self._rung == 1:
            self._hook(self.cause)
