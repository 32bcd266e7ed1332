"""The runner forkserver: a pre-imported process from which runners and parse children are forked.

``python -m jupyter_flow.runner.forkserver --profile light|notebook --socket PATH --fingerprint TEXT --ready-fd N``

It imports the base of its profile, makes sure that it is safe to fork (one thread, no zmq context), and listens
on a 0600 unix socket for one house at a time. It writes one JSON line to the ready descriptor: ``{"ready": true}``
or ``{"refused": "why"}`` (exit code 3). Frames of the house:

- ``{"op":"configure","environment":{…},"bell"}``: environment of later children, and where they ring
- ``{"op":"fork","key","kind":"task|parse","spool","token","memory","cpu","image"}``: ``memory`` and ``cpu`` are
  limits of the child in bytes and seconds, ``image`` the DAG file that it will load (folder, file, bundle), or null
- ``{"op":"retire"}``: lend nothing more, end with the last child

and its answers: ``hello`` (``profile pid fingerprint running ended``), ``forked`` (``key pid start_ticks``),
``exited`` (``key pid exit_code signal``), ``failed`` (``key message``). It outlives its house while it has
children, tells the next one of them, and ends when it has neither.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import select
import selectors
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

from ..wire.arming import arm_process
from ..wire.framing import Decoder, FrameError, encode
from .dag_images import DagImages
from .fork_hygiene import Baseline, EnvironmentTag, become_subreaper, settle_memory
from .fork_loop import Child, ForkLoop
from .spool_files import know_bell

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


def import_base(profile: str) -> None:
    """Import and warm up what children of ``profile`` need."""
    for name in BASE:
        importlib.import_module(f"jupyter_flow.{name}")
    from . import process_figures, warm

    warm.warm_authoring()
    warm.warm_attempt()
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


class Forkserver(ForkLoop):
    """The loop: one listener, at most one house, children, images of DAG files."""

    def __init__(self, profile: str, path: Path, fingerprint: str, baseline: Baseline, tag: EnvironmentTag) -> None:
        super().__init__(baseline, tag)
        self._profile, self._path, self._fingerprint = profile, path, fingerprint
        self._ended: list[dict[str, Any]] = []
        self._house: socket.socket | None = None
        self._had_house = False
        self._decoder = Decoder()
        self._images = DagImages(self.selector, baseline, tag, self.fork, self.outgoing.append, self._adopt)
        self._listener = listen(path)
        self._inode = os.stat(path).st_ino
        self.selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def serve(self) -> None:
        """Serve until there is neither a house nor a child."""
        while True:
            is_first = self._house is None and not self._had_house
            ready = self.selector.select(FIRST_CONNECTION_TIMEOUT if is_first else self._images.tick())
            for key, _ in ready:
                key.data()
            self.flush()
            if self._house is None and not self._all_children() and (self._had_house or not ready):
                break
        self._unlink()
        self.leave_nothing()

    def _all_children(self) -> list[Child]:
        return [*self.children.values(), *self._images.children()]

    def own(self) -> set[int]:
        """Return the pids of children and images, and of the children of images (which may have just died)."""
        return {*self._images.pids(), *(child.pid for child in self._all_children())}

    def hear(self) -> None:
        """Take in what images have said by now, and the end of those that have died."""
        self._images.hear()

    def _adopt(self, child: Child) -> None:
        self.children[child.pid] = child

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if peer_uid(connection) != os.getuid():
            connection.close()
            return
        self._leave_house()
        self._images.quiesce()
        self._house, self._decoder, self._had_house = connection, Decoder(), True
        self._images.house = connection
        self.selector.register(connection, selectors.EVENT_READ, self._on_frames)
        self.reap()
        self._ended += [message for message in self.outgoing if message["op"] == "exited"]
        self.outgoing[:] = [
            {
                "op": "hello",
                "profile": self._profile,
                "pid": os.getpid(),
                "fingerprint": self._fingerprint,
                "running": [child.to_json() for child in self._all_children()],
                "ended": self._ended,
            }
        ]
        self._ended = []

    def _leave_house(self) -> None:
        if self._house is not None:
            self.selector.unregister(self._house)
            self._house.close()
            self._house = self._images.house = None
            self._ended += [message for message in self.outgoing if message["op"] == "exited"]
            self.outgoing.clear()

    def _on_frames(self) -> None:
        try:
            data = b"" if self._house is None else self._house.recv(1 << 18)
            messages = self._decoder.feed(data)
        except (OSError, FrameError):
            data, messages = b"", []
        for message in messages:
            op = message.get("op")
            if op == "fork":
                if not self._images.take(message):
                    self.fork(message)
                if len(self.outgoing) >= REPLY_BATCH:
                    self.reap()
                    self.flush()
            elif op == "configure":
                os.environ.clear()
                os.environ.update(message["environment"])
                know_bell(Path(message["bell"]))
            elif op == "retire":
                self._unlink()
                self.selector.unregister(self._listener)
                self._listener.close()
        if not data:
            self._leave_house()

    def flush(self) -> None:
        """Send the house what is to be said, or keep it for the next one."""
        if self._house is None:
            self._ended += [message for message in self.outgoing if message["op"] == "exited"]
        elif self.outgoing:
            try:
                self._house.sendall(b"".join(encode(message) for message in self.outgoing))
            except OSError:
                self._leave_house()
        self.outgoing.clear()

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
        if is_deserted(options.ready_fd):
            return 0
        server = Forkserver(options.profile, options.socket, options.fingerprint, baseline, tag)
    except Exception as error:
        traceback.print_exc()
        say(options.ready_fd, {"refused": f"{type(error).__name__}: {error}"})
        return 3
    settle_memory()
    say(options.ready_fd, {"ready": True})
    server.serve()
    return 0


def is_deserted(descriptor: int) -> bool:
    """Tell whether the house that started us has gone: then the socket's path is another's."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def say(descriptor: int, message: dict[str, Any]) -> None:
    """Write one JSON line to the house that started us, and close the descriptor if it is not a standard one."""
    os.write(descriptor, json.dumps(message).encode() + b"\n")
    if descriptor > 2:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
