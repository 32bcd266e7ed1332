"""Processes as ``/proc`` shows them (Linux): which ones belong together, and how all of them are ended for certain.

For both sides of the wall. Standard library only: the kernel forkserver loads this file by its path.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

IS_LINUX = sys.platform.startswith("linux")
PASSES = 50
"""How often at most the processes to be ended are looked for again, because they start others meanwhile."""


class Process(NamedTuple):
    """One line of ``/proc/PID/stat``. ``start_ticks``: clock ticks since boot; with the pid they name a process."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    start_ticks: int

    @property
    def is_alive(self) -> bool:
        """Whether it is more than an entry that its parent has not read yet."""
        return self.state not in "ZX"


def look(pid: int) -> Process | None:
    """Return what is known of process ``pid``, None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
        return Process(pid, fields[0].decode(), *(int(fields[index]) for index in (1, 2, 3, 19)))
    except (OSError, IndexError, ValueError):
        return None


def send(pid: int, start_ticks: int, number: int) -> bool:
    """Send signal ``number`` to the process that had ``pid`` and ``start_ticks``; False if it is gone.

    The process is held by a pidfd while it is looked at, so that a reused pid is never hit.
    """
    try:
        held = os.pidfd_open(pid)
    except AttributeError:  # not Linux, or too old a one
        held = -1
    except OSError:
        return False
    try:
        found = look(pid)
        if found is None or found.start_ticks != start_ticks or not found.is_alive:
            return False
        if held < 0:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(held, number)
    except OSError:  # it has ended, or is somebody else's
        return False
    finally:
        if held >= 0:
            os.close(held)
    return True


def children_of(pid: int) -> list[int]:
    """Return the pids of the children of ``pid``; of those, too, that it did not start but took over as a reaper."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except (OSError, ValueError):
        return []


def has_mark(pid: int, mark: bytes) -> bool:
    """Tell whether the environment with which ``pid`` was started has the entry ``mark`` (``NAME=value``)."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def members(
    mark: bytes | None, roots: Container[int] = (), sessions: Mapping[int, int] | None = None
) -> Iterator[Process]:
    """Yield the living processes of ours that belong together (never this one), each as soon as it is found.

    Those with ``mark`` in their environment, those whose pid is in ``roots``, and whatever descends from them or is in
    a session that one of them leads. ``sessions``: sessions that belong to them as well, with the start ticks of the
    leader, who may have ended.
    """
    own, uid = os.getpid(), os.getuid()
    rest: dict[int, Process] = {}
    inside = {own} if own in roots else set()
    for pid in _pids_of(uid):
        found = look(pid)
        if found is None or not found.is_alive or pid == own:
            continue
        if pid in roots or (mark is not None and has_mark(pid, mark)) or _is_in(found, sessions or {}):
            inside.add(pid)
            yield found
        else:
            rest[pid] = found
    leaders = inside - {own}  # our own session is our affair only as far as we have started it
    while True:
        more = [found for found in rest.values() if found.parent in inside or found.session in leaders]
        if not more:
            return
        for found in more:
            del rest[found.pid]
            inside.add(found.pid)
            leaders.add(found.pid)
            yield found


def end_all(find: Callable[[], Iterable[Process]]) -> int:
    """SIGKILL all processes that ``find`` gives, and what they start meanwhile; return how many there were.

    Each is stopped as soon as it is found, until a whole look finds no other: then none can start another one, and
    all are killed.
    """
    stopped: dict[tuple[int, int], None] = {}
    for _ in range(PASSES):
        new = False
        for found in find():
            name = (found.pid, found.start_ticks)
            if name not in stopped:
                stopped[name] = None
                new = send(*name, signal.SIGSTOP) or new
        if not new:
            break
    for name in stopped:
        send(*name, signal.SIGKILL)
    return len(stopped)


def _is_in(found: Process, sessions: Mapping[int, int]) -> bool:
    """Tell whether ``found`` is in one of ``sessions``, and not in a later one of the same number."""
    begun = sessions.get(found.session)
    if begun is None or found.start_ticks < begun:
        return False
    leader = look(found.session)
    return leader is None or leader.start_ticks == begun


def _pids_of(uid: int) -> Iterator[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == uid:
                    yield int(name)
            except OSError:
                continue
