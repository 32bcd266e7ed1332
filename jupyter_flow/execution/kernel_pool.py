"""The house's hand on a kernel forkserver: started when first needed, replaced when its interpreter changes.

The pool of waiting kernels is empty unless asked for: the host says :meth:`KernelPool.warm` shortly before the
next due run and at a first trigger, and :meth:`KernelPool.idle` after a while without work.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import selectors
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..model.config import FlowConfig
from ..wire.paths import ensure_private_dir, runtime_dir
from .environment import child_environment
from .forkserver_process import ForkserverProcess
from .probe import can_fork

log = logging.getLogger(__name__)

PROGRAM = Path(__file__).parents[1] / "runner" / "kernel_forkserver.py"
PROGRAM_FILES = (
    *(PROGRAM.parent / name for name in ("kernel_forkserver.py", "kernel_child.py", "fork_hygiene.py", "leash.py")),
    *(PROGRAM.parents[1] / "wire" / name for name in ("framing.py", "processes.py", "armed_faults.py")),
    PROGRAM.parents[1] / "model" / "faultpoint.py",
)
MAX_DEATHS = 3
LOOK_PAUSE = 1.0
"""Seconds for which the look at the interpreter and its packages holds."""


@dataclass(frozen=True)
class PoolCounts:
    """Kernels of the pool: ready to be lent, on their way to that, lent to a runner."""

    waiting: int = 0
    starting: int = 0
    lent: int = 0


class KernelPool:
    """Kernels of one interpreter. Single-threaded; nothing blocks.

    The owner's loop watches :meth:`fileobjs` for reading and calls :meth:`service` when one is readable.
    ``refusal``: why there is no kernel forkserver (all kernels start cold then), "" otherwise. ``pid``: the
    forkserver's, once it has greeted us. ``preload``: modules that its kernels find imported.
    """

    def __init__(self, config: FlowConfig, python: str = sys.executable, preload: Sequence[str] = ()) -> None:
        self.refusal = ""
        if not config.forkservers:
            self.refusal = "forkservers are switched off"
        elif not can_fork():
            self.refusal = "this platform cannot fork safely"
        self.counts = PoolCounts()
        self.pid: int | None = None
        self._folder = ensure_private_dir(runtime_dir(config.home))
        self._home, self._python, self._preload = config.home, python, tuple(preload)
        self._environment = child_environment(os.environ, config.profile)
        self._selector = selectors.DefaultSelector()
        self._key = self._seen_key = ""
        self._look_again = 0.0
        self._server: ForkserverProcess | None = None
        self._is_greeted = False
        self._wanted = 0
        self._deaths = 0

    def socket(self) -> str | None:
        """Return the path for ``Workload.kernels``; starts the forkserver if needed. None: there is none."""
        if self.refusal:
            return None
        key = self._current_key()
        if self._server is not None and key != self._key:
            log.info("the interpreter %s or its packages changed: its kernel forkserver is replaced", self._python)
            self._retire()
        path = self._folder / f"kernels-{key}.sock"
        if self._server is None:
            self._key = key
            command = [self._python, str(PROGRAM), "--key", key, *(f"--preload={name}" for name in self._preload)]
            log_path = self._home / "forkservers.log"
            self._server = ForkserverProcess(command, path, self._environment, log_path, self._selector)
        if self._server.state == "absent" and not self._server.connect():
            self._server.start()
        self._progress()
        return None if self.refusal else str(path)

    def _current_key(self) -> str:
        now = time.monotonic()
        if now >= self._look_again:
            self._seen_key, self._look_again = (
                pool_key(self._python, self._environment, self._preload),
                now + LOOK_PAUSE,
            )
        return self._seen_key

    def warm(self, count: int) -> None:
        """Keep ``count`` kernels waiting from now on (refilled unless all cores are busy)."""
        self._wanted = count
        if self.socket() is not None and self._is_greeted:
            self._say({"op": "warm", "count": count})

    def idle(self) -> None:
        """End the waiting kernels; the forkserver stays, and forks on demand."""
        self._wanted = 0
        if self._server is not None and self._is_greeted:
            self._say({"op": "idle"})

    def retire(self) -> None:
        """Let the forkserver end with its last lent kernel; it is started again when it is needed."""
        self._wanted = 0
        if self._is_greeted:
            self._retire()

    def fileobjs(self) -> Sequence[int]:
        """One descriptor, the same for ever."""
        return (self._selector.fileno(),)

    def tick(self, now: float) -> None:
        """Start the forkserver again if it died while kernels are to wait."""
        if self._wanted and self._server is not None and self._server.state == "absent":
            self.socket()

    def service(self) -> None:
        """Take in what the forkserver said, without waiting."""
        for ready, _ in self._selector.select(0):
            ready.data()
        self._progress()

    def _progress(self) -> None:
        server = self._server
        if server is None:
            return
        for frame in server.frames():
            if frame["op"] == "hello":
                self.pid = frame["pid"]
            elif frame["op"] == "pool":
                self.counts = PoolCounts(frame["waiting"], frame["starting"], frame["lent"])
                self._deaths = 0 if frame["waiting"] else self._deaths
        if server.state == "refused":
            self.refusal = server.why
        elif server.state == "connected" and not self._is_greeted:
            self._is_greeted = True
            self._say({"op": "house"})
            if self._wanted:
                self._say({"op": "warm", "count": self._wanted})
        elif server.state == "absent" and self._is_greeted:
            self._is_greeted, self.counts, self.pid = False, PoolCounts(), None
            self._deaths += 1
            log.warning("the kernel forkserver is gone; running kernels go on")
            if self._deaths >= MAX_DEATHS:
                self.refusal = f"it died {MAX_DEATHS} times in a row"
        server.flush()

    def _say(self, message: dict[str, object]) -> None:
        if self._server is not None:
            self._server.send(message)
            self._server.flush()

    def _retire(self) -> None:
        self._say({"op": "retire"})
        if self._server is not None:
            self._server.close()
        self._server, self._is_greeted, self.counts, self.pid = None, False, PoolCounts(), None

    def close(self) -> None:
        """Let go: waiting kernels end, lent ones belong to their runners."""
        if self._server is not None:
            self._server.close()
        self._selector.close()


def pool_key(python: str, environment: Mapping[str, str], preload: Sequence[str] = ()) -> str:
    """Return what changes when a forked kernel would differ: interpreter, its packages, start environment, ours."""
    seen: list[object] = [__version__, python, os.path.realpath(python), sorted(environment.items()), list(preload)]
    libraries = sorted(Path(python).parent.parent.glob("lib*/python3*/site-packages"))
    for path in [Path(os.path.realpath(python)), *libraries, *PROGRAM_FILES]:
        seen.append([str(path), path.stat().st_mtime_ns if path.exists() else None])
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:8]
