"""The census: all processes of an attempt, wherever they went, by tag, session and descent."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import psutil  # type: ignore[import-untyped]

from . import identity
from .children import TAG_VARIABLE
from .identity import ProcessFacts


def processes_of(attempt_id: str, known: Iterable[int] = ()) -> list[ProcessFacts]:
    """Return the living processes of an attempt (never this one).

    Those with the attempt's tag in their environment, those in ``known`` (pids that the caller has just
    verified), and whatever descends from them or is in a session that one of them leads.
    """
    everyone = {found.pid: found for pid in _own_pids() if (found := identity.facts(pid)) and found.state not in "ZX"}
    everyone.pop(os.getpid(), None)
    tag = f"{TAG_VARIABLE}={attempt_id}"
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


def sweep(attempt_id: str, number: int, known: Iterable[int] = ()) -> int:
    """Send signal ``number`` to every process of an attempt; return how many got it."""
    return sum(identity.send_signal(found.pid, found.start_ticks, number) for found in processes_of(attempt_id, known))


def runner_of(attempt_id: str) -> ProcessFacts | None:
    """Return the runner of an attempt: its oldest tagged process that leads a session; None if there is none."""
    leaders = [found for found in processes_of(attempt_id) if found.session == found.pid]
    return min(leaders, key=lambda found: (found.start_ticks, found.pid), default=None)


def _own_pids() -> list[int]:
    if not sys.platform.startswith("linux"):
        return [process.pid for process in psutil.process_iter(["uids"]) if _is_own(process)]
    mine, uid = [], os.getuid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == uid:
                    mine.append(int(name))
            except OSError:
                continue
    return mine


def _is_own(process: psutil.Process) -> bool:
    uids = process.info["uids"]
    return uids is not None and uids.real == os.getuid()


def _is_tagged(pid: int, tag: str) -> bool:
    if not sys.platform.startswith("linux"):
        name, _, value = tag.partition("=")
        try:
            return psutil.Process(pid).environ().get(name) == value
        except psutil.Error:
            return False
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return tag.encode() in file.read().split(b"\0")
    except OSError:
        return False
