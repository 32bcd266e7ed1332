"""What an attempt has started and left running is ended with it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

from ..wire import processes
from ..wire.processes import Process
from .fork_hygiene import TAG_VARIABLE

_STEP = 0.005
_REAP_WITHIN = 2.0
"""Seconds for which the end of killed processes is waited for."""


def end_leftovers(attempt_id: str | None, grace: float, *, thorough: bool) -> int:
    """End the processes that this attempt (None: this untagged process) left behind; return how many there were.

    They get SIGTERM and, ``grace`` seconds later, SIGKILL (at once if it is 0). As a child subreaper this process
    inherits its orphans, so that having no children means that none is left; ``thorough`` looks at the tag of every
    process all the same (a forked kernel's children are not ours). Where there is no /proc only children are ended.
    """
    if not _have_children() and not thorough:
        return 0
    if grace <= 0:
        return _kill(attempt_id)
    found = terminate(attempt_id)
    deadline = time.monotonic() + grace
    while _have_children() or any(_lives(*name) for name in found):
        if time.monotonic() >= deadline:
            return max(_kill(attempt_id), len(found))
        time.sleep(_STEP)
    return len(found)


def terminate(attempt_id: str | None) -> set[tuple[int, int]]:
    """Send SIGTERM to everything that this attempt has started, stopped processes too; return pids with start ticks."""
    found = {(item.pid, item.start_ticks) for item in _members(attempt_id)}
    for name in found:
        processes.send(*name, signal.SIGTERM)
        processes.send(*name, signal.SIGCONT)
    return found


def _kill(attempt_id: str | None) -> int:
    """SIGKILL everything again and again until nothing is left; return how many there were."""
    count, patience = 0, time.monotonic() + _REAP_WITHIN
    while True:
        killed = processes.end_all(lambda: _members(attempt_id))
        count = max(count, killed)
        if (killed == 0 and not _have_children()) or time.monotonic() >= patience:
            return count
        time.sleep(_STEP)


def _members(attempt_id: str | None) -> Iterator[Process]:
    mark = None if attempt_id is None else f"{TAG_VARIABLE}={attempt_id}".encode()
    return processes.members(mark, {os.getpid()})


def _have_children() -> bool:
    """Reap what has ended; whether a child still runs."""
    try:
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
    except ChildProcessError:
        return False


def _lives(pid: int, start_ticks: int) -> bool:
    found = processes.look(pid)
    return found is not None and found.start_ticks == start_ticks and found.is_alive
