"""The clock by which leases count: seconds that go on while the machine sleeps, so that a lease ends in its sleep."""

from __future__ import annotations

import time


def now() -> float:
    """Return the instant, comparable between processes of this machine until its next boot."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
