"""Waiting on conditions, with a deadline that says what was missed."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


def growing_pauses(shortest: float = 0.03, longest: float = 0.15, growth: float = 1.2) -> Iterator[float]:
    """Seconds to wait between two looks: to look costs, and tests that wait beside each other share a machine."""
    while True:
        yield shortest
        shortest = min(longest, shortest * growth)


def is_crowded() -> bool:
    """Whether so much wants to run on this machine that seconds say nothing about one process."""
    return os.getloadavg()[0] > 2 * (os.cpu_count() or 1)


def wait_for(
    condition: Callable[[], T], what: str | Callable[[], str], timeout: float = 60.0, pause: float | None = None
) -> T:
    """Call ``condition`` until it returns something true and return that; fail with ``what`` at the deadline.

    ``what`` may be a function: then it tells how things are at the deadline, not at the start.
    ``pause``: seconds between two looks; by default they grow a little.
    """
    deadline = time.monotonic() + timeout
    pauses = growing_pauses() if pause is None else itertools.repeat(pause)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout:g} s: {words} (last answer: {value!r})")
        time.sleep(next(pauses))
