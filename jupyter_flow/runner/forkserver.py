"""The runner forkserver: a pre-imported process from which runners and parse children are forked.

``python -m jupyter_flow.runner.forkserver --profile light|notebook --socket PATH --fingerprint TEXT --ready-fd N``

It imports the base of its profile, makes sure that it is safe to fork (one thread, no zmq context), and listens
on a 0600 unix socket for one house at a time. It writes one JSON line to the ready descriptor: ``{"ready": true}``
or ``{"refused": "why"}`` (exit code 3). Frames of the house:

- ``{"op":"configure","environment":{…}}``: environment of later children
- ``{"op":"fork","key","kind":"task|parse","spool","token","memory","cpu"}``: the last two
  are limits of the child in bytes and seconds, or null
- ``{"op":"retire"}``: lend nothing more, end with the last child

and its answers: ``hello`` (``profile pid fingerprint running ended``), ``forked`` (``key pid start_ticks``),
``exited`` (``key pid exit_code signal``), ``failed`` (``key message``). It outlives its house while it has
children, tells the next one of them, and ends when it has neither.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ..model.faultpoint import faultpoint
from ..wire import processes
from ..wire.arming import arm_process
from ..wire.framing import Decoder, FrameError, encode
from .fork_hygiene import Baseline, EnvironmentTag, become_subreaper, settle_memory
from .stamps import now_iso

FIRST_CONNECTION_TIMEOUT = 30.0
REPLY_BATCH = 8
BASE = (
    *("runner.attempt", "runner.parse_child", "runner.dag_loader", "runner.task_context", "runner.templating"),
    *("runner.around_execute", "runner.plain_fields", "runner.notebook_task", "runner.notebook_helper", "runner.warm"),
    *("authoring.context", "authoring.runtime"),
    *("operators.bash", "operators.empty", "operators.notebook", "operators.python"),
)
PROFILES = ("light", "notebook")
"""Both import :data:`BASE`; ``notebook`` adds papermill and all that it needs, which is three times as much."""


class Refused(Exception):
    """This process is not safe to fork from; the message says why."""


@dataclass(frozen=True)
class Child:
    """A running child of this forkserver."""

    key: str
    kind: str
    pid: int
    start_ticks: int

    def to_json(self) -> dict[str, Any]:
        """Return the child as part of a frame."""
        return {"key": self.key, "kind": self.kind, "pid": self.pid, "start_ticks": self.start_ticks}


def import_base(profile: str) -> None:
    """Import and warm up what children of ``profile`` need."""
    for name in BASE:
        importlib.import_module(f"jupyter_flow.{name}")
    from . import process_figures, warm

    warm.warm_authoring()
    process_figures.packages_hash()
    if profile == "notebook":
        warm.warm()


def check_forkable() -> None:
    """Raise :class:`Refused` unless this process has one thread, no zmq context and no event loop."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise Refused(f"{threads} threads after importing the base: forked children could deadlock")
    zmq = sys.modules.get("zmq")
    if zmq is not None and any(isinstance(item, zmq.Context) for item in gc.get_objects()):
        raise Refused("a zmq context exists after importing the base: it does not survive a fork")
    core = sys.modules.get("jupyter_core.utils")
    if core is not None and core._loop.get() is not None:
        raise Refused("an event loop exists after importing the base: it does not survive a fork")


class Forkserver:
    """The loop: one listener, at most one house, children."""

    def __init__(self, profile: str, path: Path, fingerprint: str, baseline: Baseline, tag: EnvironmentTag) -> None:
        self._profile, self._path, self._fingerprint = profile, path, fingerprint
        self._baseline, self._tag = baseline, tag
        self._children: dict[int, Child] = {}
        self._ended: list[dict[str, Any]] = []
        self._house: socket.socket | None = None
        self._decoder = Decoder()
        self._outgoing: list[dict[str, Any]] = []
        self._selector = selectors.DefaultSelector()
        self._listener = listen(path)
        self._inode = os.stat(path).st_ino
        self._wakeup, wakeup_writer = socket.socketpair()
        self._wakeup.setblocking(False)
        wakeup_writer.setblocking(False)
        self._wakeup_writer = wakeup_writer
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wakeup_writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._on_child_signal)

    def serve(self) -> None:
        """Serve until there is neither a house nor a child."""
        timeout: float | None = FIRST_CONNECTION_TIMEOUT
        while True:
            ready = self._selector.select(timeout)
            for key, _ in ready:
                key.data()
            self._flush()
            if self._house is not None:
                timeout = None
            elif not self._children and (timeout is None or not ready):
                break
        self._unlink()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if peer_uid(connection) != os.getuid():
            connection.close()
            return
        self._leave_house()
        self._house, self._decoder = connection, Decoder()
        self._selector.register(connection, selectors.EVENT_READ, self._on_frames)
        self._reap()
        self._outgoing = [
            {
                "op": "hello",
                "profile": self._profile,
                "pid": os.getpid(),
                "fingerprint": self._fingerprint,
                "running": [child.to_json() for child in self._children.values()],
                "ended": self._ended,
            }
        ]
        self._ended = []

    def _leave_house(self) -> None:
        if self._house is not None:
            self._selector.unregister(self._house)
            self._house.close()
            self._house = None
            self._ended += [message for message in self._outgoing if message["op"] == "exited"]
            self._outgoing = []

    def _on_frames(self) -> None:
        try:
            data = b"" if self._house is None else self._house.recv(1 << 18)
            messages = self._decoder.feed(data)
        except (OSError, FrameError):
            data, messages = b"", []
        for message in messages:
            op = message.get("op")
            if op == "fork":
                self._fork(message)
                if len(self._outgoing) >= REPLY_BATCH:
                    self._reap()
                    self._flush()
            elif op == "configure":
                os.environ.clear()
                os.environ.update(message["environment"])
            elif op == "retire":
                self._unlink()
                self._selector.unregister(self._listener)
                self._listener.close()
        if not data:
            self._leave_house()

    def _fork(self, request: dict[str, Any]) -> None:
        key, kind = request["key"], request["kind"]
        try:
            faultpoint(f"{kind}.before_fork")
            pid = os.fork()
        except OSError as error:
            self._outgoing.append({"op": "failed", "key": key, "message": f"fork: {error.strerror}"})
            return
        if pid == 0:
            self._be_child(request)
        faultpoint(f"{kind}.after_fork")
        child = Child(key, kind, pid, start_ticks(pid))
        self._children[pid] = child
        self._outgoing.append({"op": "forked", **child.to_json()})

    def _be_child(self, request: dict[str, Any]) -> NoReturn:
        code = 70
        start_date = now_iso()
        try:
            os.setsid()
            is_task = request["kind"] == "task"
            # The tag comes before the house's connection is closed: when the house sees the end of a killed
            # forkserver's connection, a census finds every child that was forked.
            self._tag.write(request["key"]) if is_task else os.environ.pop("JUPYTER_FLOW_ATTEMPT", None)
            self._baseline.restore()
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

    def _on_child_signal(self) -> None:
        try:
            self._wakeup.recv(4096)
        except BlockingIOError:
            pass
        self._reap()

    def _reap(self) -> None:
        some_ended = False
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if ended is None:
                break
            child = self._children.pop(ended.si_pid, None)
            if child is not None and child.kind == "parse":
                kill_group(child.pid)  # while its number is still its own: what a DAG file started must not stay
            pid, status = os.waitpid(ended.si_pid, 0)
            if child is not None:
                some_ended = True
                code = os.waitstatus_to_exitcode(status)
                end = {"exit_code": None, "signal": -code} if code < 0 else {"exit_code": code, "signal": None}
                self._outgoing.append({"op": "exited", "key": child.key, "kind": child.kind, "pid": pid, **end})

        if some_ended:
            self._end_orphans()

    def _end_orphans(self) -> None:
        """SIGKILL what dead children have left: a living runner keeps its orphans itself, so ours have nobody."""
        orphans = {pid for pid in processes.children_of(os.getpid()) if pid not in self._children}
        if orphans:
            self._flush()  # that a child has ended is news that must not wait
            processes.end_all(lambda: processes.members(None, orphans))

    def _flush(self) -> None:
        if self._house is None:
            self._ended += self._outgoing
        elif self._outgoing:
            try:
                self._house.sendall(b"".join(encode(message) for message in self._outgoing))
            except OSError:
                self._leave_house()
        self._outgoing = []

    def _unlink(self) -> None:
        try:
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        except OSError:
            pass


def listen(path: Path) -> socket.socket:
    """Listen on a 0600 unix socket at ``path``, in place of whatever stands there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    listener.listen(8)
    return listener


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end (Linux)."""
    size = struct.calcsize("3i")
    return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1])


def start_ticks(pid: int) -> int:
    """Return when ``pid`` started, in clock ticks since boot (field 22 of ``/proc/PID/stat``)."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b") ")[2].split()[19])


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


def main(arguments: list[str] | None = None) -> int:
    """Run a forkserver; 0 at its end, 3 if it refused to serve."""
    parser = argparse.ArgumentParser(prog="jupyter_flow.runner.forkserver")
    parser.add_argument("--profile", choices=PROFILES, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--fingerprint", default="")
    parser.add_argument("--ready-fd", type=int, default=1)
    options = parser.parse_args(arguments)
    baseline = Baseline()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        arm_process("forkserver")
        become_subreaper()
        tag = EnvironmentTag()
        import_base(options.profile)
        check_forkable()
        server = Forkserver(options.profile, options.socket, options.fingerprint, baseline, tag)
    except Exception as error:
        traceback.print_exc()
        say(options.ready_fd, {"refused": f"{type(error).__name__}: {error}"})
        return 3
    settle_memory()
    say(options.ready_fd, {"ready": True})
    server.serve()
    return 0


def say(descriptor: int, message: dict[str, Any]) -> None:
    """Write one JSON line to the house that started us, and close the descriptor if it is not a standard one."""
    os.write(descriptor, json.dumps(message).encode() + b"\n")
    if descriptor > 2:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
