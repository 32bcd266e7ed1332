"""The census: all processes of an attempt, wherever they went, by tag, session and descent."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping

import psutil  # type: ignore[import-untyped]

from ..wire import processes
from . import identity
from .children import TAG_VARIABLE
from .identity import ProcessFacts


def processes_of(
    attempt_id: str, known: Collection[int] = (), sessions: Mapping[int, int] | None = None
) -> list[ProcessFacts]:
    """Return the living processes of an attempt (never this one).

    Those with the attempt's tag in their environment, those in ``known`` (pids that the caller has just
    verified), and whatever descends from them or is in a session that one of them leads. ``sessions``: of leaders
    that may have ended, with their start ticks.
    """
    tag = f"{TAG_VARIABLE}={attempt_id}"
    if not processes.IS_LINUX:
        return _portable(tag, known)
    found = processes.members(tag.encode(), known, sessions)
    return sorted((_facts(item) for item in found), key=lambda item: item.pid)


def sweep(attempt_id: str, number: int, known: Collection[int] = (), sessions: Mapping[int, int] | None = None) -> int:
    """Send signal ``number`` to every process of an attempt; return how many there were.

    SIGKILL comes after a SIGSTOP to all, so that none starts another one meanwhile.
    """
    if number == signal.SIGKILL and processes.IS_LINUX:
        tag = f"{TAG_VARIABLE}={attempt_id}".encode()
        return processes.end_all(lambda: processes.members(tag, known, sessions))
    found = processes_of(attempt_id, known, sessions)
    return sum(identity.send_signal(item.pid, item.start_ticks, number) for item in found)


def runner_of(attempt_id: str) -> ProcessFacts | None:
    """Return the runner of an attempt: its oldest tagged process that leads a session; None if there is none."""
    leaders = [found for found in processes_of(attempt_id) if found.session == found.pid]
    return min(leaders, key=lambda found: (found.start_ticks, found.pid), default=None)


def _facts(item: processes.Process) -> ProcessFacts:
    return ProcessFacts(item.pid, item.state, item.parent, item.session, item.start_ticks)


def _portable(tag: str, known: Collection[int]) -> list[ProcessFacts]:
    """As :func:`processes_of` where there is no /proc: by psutil."""
    pids = [process.pid for process in psutil.process_iter(["uids"]) if _is_own(process)]
    everyone = {found.pid: found for pid in pids if (found := identity.facts(pid)) and found.state not in "ZX"}
    everyone.pop(os.getpid(), None)
    members = {pid for pid in everyone if pid in known or _is_tagged(pid, tag)}
    while True:
        more = {
            pid
            for pid, found in everyone.items()
            if pid not in members and (found.parent in members or found.session in members)
        }
        if not more:
            return [everyone[pid] for pid in sorted(members)]
        members |= more


def _is_own(process: psutil.Process) -> bool:
    uids = process.info["uids"]
    return uids is not None and uids.real == os.getuid()


def _is_tagged(pid: int, tag: str) -> bool:
    name, _, value = tag.partition("=")
    try:
        return bool(psutil.Process(pid).environ().get(name) == value)
    except psutil.Error:
        return False
