"""Bounds on the memory and the processor time of a piece of work in this process."""

from __future__ import annotations

import gc
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class TimeUp(BaseException):
    """The work took longer than allowed. No ``Exception``: what runs meanwhile must not swallow it."""


@contextmanager
def bounded(seconds: float, memory: int) -> Iterator[None]:
    """Let the block use at most ``seconds`` of processor time and ``memory`` bytes more than now.

    Raises :class:`TimeUp` or MemoryError within the block. Waiting (for the house) is not counted. The time is
    bounded in the main thread only, where Python runs signal handlers; the memory where the system can (Linux).
    """
    with _memory_bound(memory), _time_bound(seconds):
        yield


@contextmanager
def _memory_bound(memory: int) -> Iterator[None]:
    size = _address_space()
    if size is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = size + memory
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return None
    return pages * resource.getpagesize()


@contextmanager
def _time_bound(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    active = True

    def on_signal(*_: Any) -> None:
        if active:
            raise TimeUp

    collecting = gc.isenabled()
    gc.disable()  # an exception raised within a callback of the collector would be swallowed
    before = signal.signal(signal.SIGPROF, on_signal)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.1)
    try:
        yield
    finally:
        active = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        if collecting:
            gc.enable()
