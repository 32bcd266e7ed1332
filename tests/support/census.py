"""Which processes belong to a house under test: by tag, by path in environment or command line, by working folder."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from .waiting import growing_pauses

TAG_VARIABLE = "JUPYTER_FLOW_TEST_TAG"


@dataclass(frozen=True)
class Found:
    """A living process of the census."""

    pid: int
    ppid: int
    sid: int
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} (parent {self.ppid}, session {self.sid}): {self.command[:300]}"


def census(*marks: str) -> list[Found]:
    """Return our processes (not this one, no zombies) that carry one of ``marks``.

    A mark counts when it occurs in the process's environment or command line, or when its working folder is the
    mark or lies beneath it.
    """
    wanted = [os.fsencode(mark) for mark in marks if mark]
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        process = _look(int(entry.name), wanted)
        if process is not None:
            found.append(process)
    return found


def attempt_processes(attempt_id: str) -> list[Found]:
    """Return the processes of one attempt (runner, kernel, their children)."""
    return census(f"JUPYTER_FLOW_ATTEMPT={attempt_id}")


def wait_until_gone(*marks: str, timeout: float = 20.0) -> list[Found]:
    """Wait until no process carries a mark; return those that are still there at the deadline."""
    deadline, pauses = time.monotonic() + timeout, growing_pauses()
    while (left := census(*marks)) and time.monotonic() < deadline:
        time.sleep(next(pauses))
    return left


def kill_all(processes: list[Found]) -> None:
    """SIGKILL exactly these processes."""
    for process in processes:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _look(pid: int, marks: list[bytes]) -> Found | None:
    folder = Path("/proc") / str(pid)
    try:
        if folder.stat().st_uid != os.getuid():
            return None
        stat = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        command = (folder / "cmdline").read_bytes()
        environ = (folder / "environ").read_bytes()
        cwd = os.fsencode(os.readlink(folder / "cwd"))
    except (OSError, ValueError):
        return None  # it ended meanwhile
    if stat[0] in ("Z", "X"):
        return None
    hit = any(
        mark in environ or mark in command or cwd == mark or cwd.startswith(mark.rstrip(b"/") + b"/") for mark in marks
    )
    if not hit:
        return None
    text = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return Found(pid, int(stat[1]), int(stat[3]), text)
