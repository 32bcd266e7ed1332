"""The guard beside an outpost: ends its attempts when the outpost dies or stops, or its lease runs out.

``python -m jupyter_flow.execution.guard``; standard input has a line for each thing that it must know: ``+ID`` and
``-ID`` (an attempt comes, goes), ``lease AT`` (until instant AT of :func:`.lease_clock.now` the house counts these
attempts as running; 0: for ever), ``end`` (all is well: leave). At the end of the input, or when the lease has run out,
it kills every process of every attempt that it knows, until none is left.

It is a process of its own so that an outpost that was killed, is stopped or hangs cannot keep attempts running that
the house has given up and starts elsewhere.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from . import census
from .lease_clock import now

PATIENCE = 30.0
"""Seconds that processes are killed again and again while new ones appear."""


class Guard:
    """What the guard knows. ``deadline``: when the lease runs out, None for never."""

    def __init__(self) -> None:
        self.attempts: set[str] = set()
        self.deadline: float | None = None
        self.is_over = False

    def hear(self, line: str) -> None:
        """Take one line."""
        if line.startswith("+"):
            self.attempts.add(line[1:])
        elif line.startswith("-"):
            self.attempts.discard(line[1:])
        elif line.startswith("lease "):
            self.deadline = float(line[6:]) or None
        elif line == "end":
            self.attempts.clear()
            self.is_over = True

    def is_due(self) -> bool:
        """Tell whether the lease has run out while there are attempts."""
        return bool(self.attempts) and self.deadline is not None and now() >= self.deadline

    def sweep(self) -> None:
        """Kill all processes of all attempts, until there is none; forget the attempts."""
        until = time.monotonic() + PATIENCE
        for attempt in self.attempts:
            while census.sweep(attempt, signal.SIGKILL) and time.monotonic() < until:
                time.sleep(0.02)
        self.attempts.clear()


def watch(descriptor: int) -> None:
    """Hear lines from ``descriptor`` and act, until its end."""
    guard, rest = Guard(), b""
    while not guard.is_over:
        wait = None
        if guard.attempts and guard.deadline is not None:
            wait = max(0.0, guard.deadline - now())
        if select.select([descriptor], [], [], wait)[0]:
            data = os.read(descriptor, 1 << 16)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                guard.hear(line.decode("ascii", "replace"))
            if not data:
                guard.sweep()
                return
        elif guard.is_due():  # nothing more stands in the pipe: what came in time was heard
            guard.sweep()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with its outpost, and never before
    watch(sys.stdin.fileno())
