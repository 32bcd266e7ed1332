"""How an attempt is ended from outside: cancel (SIGTERM) and ``execution_timeout`` (an alarm), and their ladder.

Rung 1 interrupts what runs: the hook that the notebook engine has set, else an exception in the author's code.
Rung 2, ``grace`` seconds later, the same again, for code that swallowed the first, and SIGTERM to what it started.
Rung 3 gives up on the author's code: the ``last_resort`` writes the result and ends the process. A hook climbs a
ladder of its own as long as that, and is given up a moment later.

Who else may end the attempt comes later still: the watchdog (:data:`WATCHDOG_AFTER`), at last the host.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from ..authoring.exceptions import FlowTaskTimeout

Cause = Literal["cancel", "timeout"]
HOOK_OVERTIME = 2.0
"""Seconds beyond its own ladder that a hook may take, to save what there is."""
WATCHDOG_AFTER = 1.0
"""Seconds beyond two graces after which a process that does not see its signals is ended by the watchdog."""
Hook = Callable[[Cause], None]


WORDS: dict[Cause, str] = {"cancel": "cancelled", "timeout": "execution_timeout is over"}


class Interrupted(BaseException):
    """Raised in the author's code when its attempt must end. Not an Exception, so that few swallow it."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(WORDS[cause])
        self.cause = cause


class TimeIsUp(Interrupted, FlowTaskTimeout):
    """``execution_timeout`` is over."""

    def __init__(self) -> None:
        super().__init__("timeout")


class Interrupts:
    """Signal handlers of one attempt; lives in the main thread. ``grace`` is seconds between rungs.

    ``say(text)`` hears of each rung. ``terminate()`` asks everything that the author's code has started to end.
    """

    def __init__(
        self,
        grace: float,
        last_resort: Callable[[Cause], None],
        say: Callable[[str], None] = lambda text: None,
        terminate: Callable[[], object] = lambda: None,
    ) -> None:
        self._grace = grace
        self._last_resort = last_resort
        self._say = say
        self._terminate = terminate
        self._begun = 0.0
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

    def grace_left(self) -> float:
        """Return for how many seconds what is left running may be asked to end before it is killed."""
        if self.cause is None:
            return self._grace
        return min(self._grace, max(0.0, self._begun + 2 * self._grace - time.monotonic()))

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
            self.cause, self._begun = cause, time.monotonic()
            self._climb()

    def _climb(self) -> None:
        if self._closed or self.cause is None:
            return
        self._rung += 1
        waited = time.monotonic() - self._begun
        if self._rung > 1 and waited >= 2 * self._grace + (HOOK_OVERTIME if self._hook is not None else 0.0) - 0.01:
            self._closed = True
            self._last_resort(self.cause)
            return
        if self._hook is not None:
            self._ring_after(2 * self._grace + HOOK_OVERTIME - waited)
            if self._rung == 1:
                self._hook(self.cause)
            return
        self._ring_after(self._grace)
        if self._rung == 1:
            self._say(f"{WORDS[self.cause]}: the task is interrupted")
        else:
            self._say(f"it has not ended within {waited:.0f} s: interrupted again, with SIGTERM to its processes")
            self._terminate()
        raise TimeIsUp if self.cause == "timeout" else Interrupted(self.cause)

    @staticmethod
    def _ring_after(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))
