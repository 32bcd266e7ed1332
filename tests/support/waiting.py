"""Waiting on conditions, with a deadline that says what was missed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], what: str | Callable[[], str], timeout: float = 60.0, pause: float = 0.05
) -> T:
    """Call ``condition`` until it returns something true and return that; fail with ``what`` at the deadline.

    ``what`` may be a function: then it tells how things are at the deadline, not at the start.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout:g} s: {words} (last answer: {value!r})")
        time.sleep(pause)
