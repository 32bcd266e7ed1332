"""The one file that reads time. Everything else gets a :class:`Clock` or an instant as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Three ways to ask for the time: of day, since some start, and since boot with suspend counted."""

    def wall(self) -> datetime:
        """Return the time of day, aware, in UTC, to the microsecond."""

    def monotonic(self) -> float:
        """Return seconds that never go back and stand still while the machine sleeps."""

    def boottime(self) -> float:
        """Return seconds that never go back and count while the machine sleeps."""


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return :func:`time.monotonic`."""
        return time.monotonic()

    def boottime(self) -> float:
        """Return the boot-time clock where the machine has one, else the monotonic one."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
