"""Which process is meant: boot id and start time tell a process from a later one with the same pid."""

from __future__ import annotations

import functools
import os
import sys
import time
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from ..wire import processes

_LINUX = sys.platform.startswith("linux")


@dataclass(frozen=True)
class ProcessFacts:
    """One line of ``/proc/PID/stat``. ``start_ticks``: clock ticks since boot."""

    pid: int
    state: str
    parent: int
    session: int
    start_ticks: int


@functools.cache
def boot_id() -> str:
    """Return what changes with each boot of this machine."""
    if _LINUX:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    return f"boot-{psutil.boot_time():.0f}"


def facts(pid: int) -> ProcessFacts | None:
    """Return the facts of process ``pid``, None if there is none."""
    if not _LINUX:
        return _portable_facts(pid)
    found = processes.look(pid)
    if found is None:
        return None
    return ProcessFacts(pid, found.state, found.parent, found.session, found.start_ticks)


def _portable_facts(pid: int) -> ProcessFacts | None:
    try:
        process = psutil.Process(pid)
        state = "Z" if process.status() == psutil.STATUS_ZOMBIE else "S"
        return ProcessFacts(pid, state, process.ppid(), os.getsid(pid), round(process.create_time() * 100))
    except (psutil.Error, OSError):
        return None


def start_ticks(pid: int) -> int | None:
    """Return when ``pid`` started (clock ticks since boot), None if there is no such process."""
    found = facts(pid)
    return None if found is None else found.start_ticks


def is_running(pid: int, ticks: int, boot: str | None = None) -> bool:
    """Tell whether the process that had ``pid`` and ``ticks`` (in boot ``boot``) still runs; a zombie does not."""
    if boot is not None and boot != boot_id():
        return False
    found = facts(pid)
    return found is not None and found.start_ticks == ticks and found.state not in "ZX"


def send_signal(pid: int, ticks: int, number: int) -> bool:
    """Send ``number`` to the process that had ``pid`` and ``ticks``; False if it is gone."""
    if _LINUX:
        return processes.send(pid, ticks, number)
    if not is_running(pid, ticks):
        return False
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def age(ticks: int) -> float:
    """Return for how many seconds a process runs that started at ``ticks`` (0.0 where nobody can tell).

    All that the machine slept since its boot is left out, for it may have slept since then: never more than is true.
    """
    if not _LINUX:
        return 0.0
    with open("/proc/uptime", encoding="ascii") as file:
        uptime = float(file.read().split()[0])
    return max(0.0, min(uptime, time.monotonic()) - ticks / os.sysconf("SC_CLK_TCK"))


def is_stopped(pid: int, ticks: int) -> bool:
    """Tell whether the process that had ``pid`` and ``ticks`` is stopped (SIGSTOP) and does nothing."""
    found = facts(pid)
    return found is not None and found.start_ticks == ticks and found.state in "Tt"
