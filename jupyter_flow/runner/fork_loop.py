"""What the runner forkserver and its images of DAG files share: children are forked on request, reaped, and told of."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any, NoReturn

from ..model.faultpoint import faultpoint
from ..wire import processes
from ..wire.arming import arm_process
from .fork_hygiene import Baseline, EnvironmentTag
from .stamps import now_iso

END_WITHIN = 30.0
"""Seconds for which the end of orphans is waited for before this process ends itself."""


@dataclass(frozen=True)
class Child:
    """A running child."""

    key: str
    kind: str
    pid: int
    start_ticks: int

    def to_json(self) -> dict[str, Any]:
        """Return the child as part of a frame."""
        return {"key": self.key, "kind": self.kind, "pid": self.pid, "start_ticks": self.start_ticks}


class ForkLoop:
    """Forks children from this process and reaps them. What is to be said of them gathers in ``outgoing``."""

    def __init__(self, baseline: Baseline, tag: EnvironmentTag) -> None:
        self.baseline, self.tag = baseline, tag
        self.children: dict[int, Child] = {}
        self.outgoing: list[dict[str, Any]] = []
        self.selector = selectors.DefaultSelector()
        self._wakeup, wakeup_writer = socket.socketpair()
        self._wakeup.setblocking(False)
        wakeup_writer.setblocking(False)
        self._wakeup_writer = wakeup_writer
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wakeup_writer.fileno(), warn_on_full_buffer=False)
        self.selector.register(self._wakeup, selectors.EVENT_READ, self._on_child_signal)

    def fork(self, request: dict[str, Any]) -> None:
        """Start the child that ``request`` (a frame ``fork``) asks for."""
        key, kind = request["key"], request["kind"]
        try:
            faultpoint(f"{kind}.before_fork")
            pid = os.fork()
        except OSError as error:
            self.outgoing.append({"op": "failed", "key": key, "message": f"fork: {error.strerror}"})
            return
        if pid == 0:
            be_child(request, self.baseline, self.tag)
        faultpoint(f"{kind}.after_fork")
        child = Child(key, kind, pid, start_ticks(pid))
        self.children[pid] = child
        self.outgoing.append({"op": "forked", **child.to_json()})

    def _on_child_signal(self) -> None:
        try:
            self._wakeup.recv(4096)
        except BlockingIOError:
            pass
        self.reap()

    def reap(self) -> None:
        """Take leave of the children that have ended."""
        some_ended = False
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if ended is None:
                break
            if ended.si_pid not in self.children:
                self.hear()  # whose child it was may have been said already
            child = self.children.pop(ended.si_pid, None)
            if child is not None and child.kind == "parse":
                kill_group(child.pid)  # while its number is still its own: what a DAG file started must not stay
            _, status = os.waitpid(ended.si_pid, 0)
            some_ended = True  # one that we do not know may have left us its own children
            if child is not None:
                code = os.waitstatus_to_exitcode(status)
                self.outgoing.append(exited(child, *((None, -code) if code < 0 else (code, None))))
        if some_ended:
            self._end_orphans()

    def flush(self) -> None:
        """Say what is to be said."""
        raise NotImplementedError

    def own(self) -> set[int]:
        """Return the pids of the children that are meant to be here (this process is a subreaper)."""
        return set(self.children)

    def hear(self) -> None:
        """Take in what has been said of children by now."""

    def _end_orphans(self) -> bool:
        """SIGKILL what dead children have left: a living runner keeps its orphans itself, so ours have nobody.

        Return whether there was anything.
        """
        found = set(processes.children_of(os.getpid()))
        if found - self.own():
            self.hear()  # not what a dead process has told of: that is adopted, and lives on
        orphans = found - self.own()
        if orphans:
            self.flush()  # that a child has ended is news that must not wait
            processes.end_all(lambda: processes.members(None, orphans))
        return bool(orphans)

    def leave_nothing(self) -> None:
        """Before this process ends: wait for the end of orphans, which nobody would find any more."""
        deadline = time.monotonic() + END_WITHIN
        while self._end_orphans() and time.monotonic() < deadline:
            time.sleep(0.01)
            self.reap()


def exited(child: Child, exit_code: int | None, number: int | None) -> dict[str, Any]:
    """Return the frame that tells how a child ended; both None when nobody knows."""
    how = {"exit_code": exit_code, "signal": number}
    return {"op": "exited", "key": child.key, "kind": child.kind, "pid": child.pid, **how}


def be_child(request: dict[str, Any], baseline: Baseline, tag: EnvironmentTag) -> NoReturn:
    """Be the child that was forked for ``request``, to its end."""
    code = 70
    start_date = now_iso()
    try:
        os.setsid()
        is_task = request["kind"] == "task"
        # The tag comes before the house's connection is closed: when the house sees the end of a killed
        # forkserver's connection, a census finds every child that was forked.
        tag.write(request["key"]) if is_task else os.environ.pop("JUPYTER_FLOW_ATTEMPT", None)
        baseline.restore()
        arm_process("runner" if is_task else "parser")
        faultpoint(f"{request['kind']}.in_fork")
        limit(resource.RLIMIT_AS, request.get("memory"))
        limit(resource.RLIMIT_CPU, request.get("cpu"))
        spool = request["spool"]
        if is_task:
            from . import attempt

            sys.argv = [str(attempt.__file__), spool]
            code = attempt.main_in_fork(spool, request["token"], start_date)
        else:
            from . import parse_child

            sys.argv = [str(parse_child.__file__), spool]
            code = parse_child.main_in_fork(spool)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        flush_standard_streams()
        os._exit(code if isinstance(code, int) else 0)


def start_ticks(pid: int) -> int:
    """Return when ``pid`` started, in clock ticks since boot (field 22 of ``/proc/PID/stat``)."""
    file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(file, 4096).rpartition(b") ")[2].split()[19])
    finally:
        os.close(file)


def kill_group(pid: int) -> None:
    """SIGKILL the group that ``pid`` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def limit(which: int, value: int | None) -> None:
    """Bound a resource of this process, never above its hard limit."""
    if value is not None:
        hard = resource.getrlimit(which)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (bound, hard))


def flush_standard_streams() -> None:
    """Flush stdout and stderr of a child that ends by ``_exit``."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
