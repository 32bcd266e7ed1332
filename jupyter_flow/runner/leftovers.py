"""What an attempt has started and left running is ended with it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from .fork_hygiene import TAG_VARIABLE

_STEP = 0.005


def end_leftovers(attempt_id: str | None, grace: float, *, thorough: bool) -> int:
    """End the processes that this attempt (None: this untagged process) left behind; return how many there were.

    They get SIGTERM and, ``grace`` seconds later, SIGKILL. As a child subreaper this process inherits its
    orphans, so that having no children means that none is left; ``thorough`` looks at the tag of every process
    all the same (a forked kernel's children are not ours). Where there is no /proc only children are ended.
    """
    if not _have_children() and not thorough:
        return 0
    found = set(_processes(attempt_id))
    for pid in found:
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _have_children() or any(_alive(pid) for pid in found):
        time.sleep(_STEP)
        if time.monotonic() >= deadline:
            found |= set(_processes(attempt_id))
            for pid in found:
                _send(pid, signal.SIGKILL)
            if time.monotonic() >= deadline + grace:
                break
    return len(found)


def _have_children() -> bool:
    """Reap what has ended; whether a child still runs."""
    try:
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
    except ChildProcessError:
        return False


def _processes(attempt_id: str | None) -> list[int]:
    """Return the living processes that carry the attempt's tag or descend from this one."""
    own = os.getpid()
    tag = None if attempt_id is None else f"{TAG_VARIABLE}={attempt_id}".encode()
    parents: dict[int, int] = {}
    tagged = []
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for pid in pids:
        folder = Path("/proc", str(pid))
        try:
            if folder.stat().st_uid != os.getuid():
                continue
            fields = folder.joinpath("stat").read_bytes().rpartition(b") ")[2].split()
            if fields[0] in (b"Z", b"X"):
                continue
            parents[pid] = int(fields[1])
            if tag is not None and tag in folder.joinpath("environ").read_bytes().split(b"\0"):
                tagged.append(pid)
        except (OSError, IndexError, ValueError):
            continue
    return [pid for pid in parents if pid != own and (pid in tagged or _descends(pid, own, parents))]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    for _ in range(len(parents)):
        pid = parents.get(pid, 0)
        if pid == ancestor:
            return True
        if pid <= 1:
            break
    return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
