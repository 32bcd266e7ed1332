"""The launcher that works everywhere: each child is a new Python process."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model.faultpoint import faultpoint
from . import identity
from .children import TAG_VARIABLE, ChildKind, DagImage, Exited, Notice, Profile, Started
from .watcher import ExitWatcher

MODULES: dict[ChildKind, str] = {"task": "jupyter_flow.runner.attempt", "parse": "jupyter_flow.runner.parse_child"}
OUTPUT_FILE = "child.txt"
"""What a spawned child prints before it captures its output itself, e.g. a traceback at import (in its spool)."""


@dataclass(frozen=True)
class ParseLimits:
    """Bounds of one parse child: address space in bytes, CPU time in seconds."""

    memory: int = 1024**3
    cpu: int = 30


@dataclass
class _Child:
    kind: ChildKind
    pid: int
    start_ticks: int
    process: subprocess.Popen[bytes] | None  # None: adopted, not our child


class SpawnLauncher:
    """Starts ``python -m jupyter_flow.runner.attempt SPOOL`` (token on stdin) or ``…parse_child SPOOL``."""

    def __init__(
        self, environment: Mapping[str, str], limits: ParseLimits | None = None, pidfds: bool | None = None
    ) -> None:
        self._environment = dict(environment)
        self._limits = limits or ParseLimits()
        self._watcher = ExitWatcher(pidfds)
        self._children: dict[str, _Child] = {}
        self._notices: list[Notice] = []

    @property
    def must_poll(self) -> bool:
        """Whether :meth:`notices` has to be asked from time to time (no pidfd on this platform)."""
        return self._watcher.must_poll

    def wake(self) -> None:
        """Make the descriptor readable: somebody has news for the owner's loop."""
        self._watcher.wake()

    def warm(self, profile: Profile) -> None:
        """Nothing can be made ready: every child is a new process."""

    def retire(self, profile: Profile) -> None:
        """Nothing is kept."""

    def launch(
        self,
        key: str,
        kind: ChildKind,
        spool: Path,
        token: str | None,
        profile: Profile = "light",
        image: DagImage | None = None,
    ) -> None:
        """Start a process; its ``Started`` or ``Exited`` comes with the next :meth:`notices`."""
        try:
            process = self._spawn(key, kind, spool, token)
        except OSError as error:
            self._notices.append(Exited(key, kind, None, None, None, f"cannot start a process: {error}"))
            self.wake()
            return
        ticks = identity.start_ticks(process.pid) or 0
        self._children[key] = _Child(kind, process.pid, ticks, process)
        self._notices.append(Started(key, kind, process.pid, ticks, identity.boot_id()))
        self.wake()
        if not self._watcher.watch(key, process.pid, ticks):
            self._end(key)

    def _spawn(self, key: str, kind: ChildKind, spool: Path, token: str | None) -> subprocess.Popen[bytes]:
        environment = {**self._environment, TAG_VARIABLE: key} if kind == "task" else self._environment
        with open(spool / OUTPUT_FILE, "ab") as output:
            faultpoint(f"{kind}.before_start")
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULES[kind], str(spool)],
                stdin=subprocess.DEVNULL if token is None else subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        faultpoint(f"{kind}.after_start")
        if process.stdin is not None and token is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(token.encode() + b"\n")
                process.stdin.close()
        if kind == "parse" and hasattr(resource, "prlimit"):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (self._limits.memory, self._limits.memory))
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (self._limits.cpu, self._limits.cpu + 1))
        return process

    def adopt(self, key: str, kind: ChildKind, pid: int, ticks: int) -> bool:
        """Watch a process that an earlier host started; False if it does not run any more."""
        if not self._watcher.watch(key, pid, ticks):
            return False
        self._children[key] = _Child(kind, pid, ticks, None)
        return True

    def signal(self, key: str, number: int) -> bool:
        """Send ``number`` to the child's process; False if it is gone."""
        child = self._children.get(key)
        return child is not None and identity.send_signal(child.pid, child.start_ticks, number)

    def kill(self, key: str) -> None:
        """SIGKILL the child and its process group."""
        child = self._children.get(key)
        if child is not None and identity.is_running(child.pid, child.start_ticks):
            _kill_group(child.pid)
            self.signal(key, signal.SIGKILL)

    def fileobjs(self) -> Sequence[int]:
        """One descriptor, which stands for all pidfds."""
        return (self._watcher.fileno(),)

    def notices(self) -> list[Notice]:
        """Return starts and ends since the last call."""
        for key in self._watcher.ended():
            self._end(key)
        notices, self._notices = self._notices, []
        return notices

    def _end(self, key: str) -> None:
        child = self._children.pop(key)
        exit_code = number = None
        if child.process is not None:
            if child.kind == "parse":  # not reaped yet, so its number is its own: what a DAG file started must go
                _kill_group(child.pid)
            code = child.process.wait()
            exit_code, number = (None, -code) if code < 0 else (code, None)
        self._notices.append(Exited(key, child.kind, child.pid, exit_code, number))

    def close(self) -> None:
        """Let go of all children; those of ours that still run are reaped by init after us."""
        for child in self._children.values():
            if child.process is not None:
                child.process.returncode = 0  # keeps Popen from warning about a child that shall run on
        self._children.clear()
        self._watcher.close()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
