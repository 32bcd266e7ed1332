"""The outpost: stands beside a Dask worker, starts runners there, and speaks of them to the house through the bridge.

``python -m jupyter_flow.execution.outpost`` with its settings as one line of JSON on standard input: ``home`` (a new
folder), ``worker`` (a name), ``where`` (of the bridge) and ``tls`` (file names). It is a process of its own, so that
neither the worker's libraries nor its death touch attempts that run: it is a :class:`~.local.LocalExecutor` with a
connection. It ends when its worker is gone and its last attempt is delivered.

An attempt is started only after the house said yes; it goes on while the house is heard (see :mod:`.guard`).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..model.config import FlowConfig
from ..wire.frame_stream import FrameStream
from ..wire.link import Where, door_socket, tls_context
from ..wire.paths import ensure_private_dir, house_socket, runtime_dir
from ..wire.stream_loop import StreamLoop, listen_unix
from . import identity
from .children import Exited, Reported
from .guard_process import GuardProcess
from .lease_clock import now
from .local import LocalExecutor, make_launcher
from .outpost_attempt import Link, OutpostAttempt
from .outpost_files import Bundles, SpoolOnTheWay, moved_to, place, shares_files
from .outpost_questions import Questions

UNSENT = 1024 * 1024
"""Bytes under way to the bridge beyond which files wait."""
LOOK = 0.2
"""Seconds between two looks at the files of running attempts."""
PATIENCE = 86_400.0
"""Seconds that a finished attempt without a lease waits for its house."""


class Outpost:
    """See the module's text."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.home = Path(settings["home"])
        self.worker = f"{settings['worker']}#{uuid.uuid4().hex[:8]}"
        self._where = Where(**settings["where"])
        self._tls: dict[str, str] = settings.get("tls") or {}
        for folder in (self.home, self.home / "spool", self.home / "bundles", self.home / "work"):
            ensure_private_dir(folder)
        ensure_private_dir(runtime_dir(self.home).parent)
        ensure_private_dir(runtime_dir(self.home))
        (self.home / "host.lock").touch(0o600)  # runners wait for answers as long as it is there
        config = FlowConfig(home=self.home)
        self._executor = LocalExecutor(make_launcher(config), self.home)
        self._guard = GuardProcess()
        self._bundles = Bundles(self.home / "bundles")
        self._loop = StreamLoop()
        for descriptor in self._executor.fileobjs():
            self._loop.watch(descriptor, lambda: None)
        self._listeners = [listen_unix(house_socket(self.home)), listen_unix(door_socket(self.home))]
        self._questions = Questions(self._loop, self._listeners[0], self._send)
        self._loop.listen(self._listeners[1], self._on_door)
        self._attempts: dict[str, OutpostAttempt] = {}
        self._counter = 0
        self._link: Link | None = None
        self._connect_at = 0.0
        self._alone_since = time.monotonic()
        self._beat = 1.0
        self._lease: float | None = None
        self._next_beat = 0.0
        self._deadline: float | None = None  # of the lease, by the lease clock
        self._marker: dict[str, str] = {}
        self._workers: set[FrameStream] = set()
        self._had_worker = False
        self._began = time.monotonic()

    # --- life

    def run(self) -> None:
        """Serve until there is nothing more to do."""
        while not self._is_over():
            self._loop.step(self._pause())
            self._work()
        self._guard.end()
        self._executor.close()
        self._loop.close()
        for listener in self._listeners:
            listener.close()
        shutil.rmtree(runtime_dir(self.home), ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def _is_over(self) -> bool:
        if self._workers or (not self._had_worker and time.monotonic() - self._began < 60.0):
            return False
        return not self._attempts

    def _pause(self) -> float:
        if any(item.queue is not None for item in self._attempts.values()) and self._can_send():
            return 0.0
        due = self._executor.next_tick()
        pause = LOOK if any(item.is_live for item in self._attempts.values()) or self._link is None else 1.0
        pause = min(pause, self._beat)
        return pause if due is None else max(0.0, min(pause, due - time.monotonic()))

    def _work(self) -> None:
        moment = time.monotonic()
        self._executor.tick(moment)
        for notice in self._executor.notices():
            item = self._attempts.get(notice.key)
            if item is None:
                continue
            if isinstance(notice, Reported):
                item.is_reported, item.queue = True, None
            elif isinstance(notice, Exited):
                self._ended(item, notice.exit_code, notice.signal, notice.problem)
        if self._deadline is not None and now() >= self._deadline:
            self._fence("its house was not heard of for the time of a lease")
        self._stay_connected(moment)
        self._forget_old(moment)
        for item in list(self._attempts.values()):
            self._send_files(item)

    def _forget_old(self, moment: float) -> None:
        limit = PATIENCE if self._lease is None else 4 * self._lease
        for item in list(self._attempts.values()):
            if item.exited is not None and moment - item.ended_at > limit:
                self._drop(item)

    # --- the lease

    def _fence(self, why: str) -> None:
        """Kill what runs: the house may start it elsewhere from now on."""
        self._deadline = None
        for item in self._attempts.values():
            if item.is_live and not item.fenced:
                item.fenced = True
                sys.stderr.write(f"attempt {item.attempt_id} is ended: {why}\n")
                self._executor.kill(item.attempt_id)

    # --- the bridge

    def _stay_connected(self, moment: float) -> None:
        link = self._link
        if link is None:
            if moment >= self._connect_at and (self._attempts or self._workers):
                self._connect(moment)
            return
        quiet = moment - max(link.heard_at, link.opened_at)
        if quiet > (2.5 * self._beat if link.is_welcome else 5.0):
            link.stream.close("the bridge is not heard")
        elif link.is_welcome and moment >= self._next_beat:
            self._next_beat = moment + self._beat
            self._counter += 1
            link.beats[self._counter] = now()
            link.stream.send({"op": "beat", "n": self._counter})

    def _connect(self, moment: float) -> None:
        self._connect_at = moment + 0.5
        context = None
        if self._where.tls:
            try:
                context = tls_context(self._tls, server_side=False)
            except (OSError, KeyError) as error:
                self._refuse_all(f"the worker has no usable TLS files: {error}")
                return
        stream = FrameStream.connect(self._where.host, self._where.port, context)
        self._link = Link(stream, moment, now())
        stream.send(
            {
                "op": "hello",
                "key": self._where.key,
                "worker": self.worker,
                "version": __version__,
                "pid": os.getpid(),
                "start_ticks": identity.start_ticks(os.getpid()) or 0,
                "boot_id": identity.boot_id(),
                "attempts": [item.attempt_id for item in self._attempts.values() if item.workload is not None],
            }
        )
        self._loop.add(stream, self._on_bridge, self._on_bridge_gone)

    def _on_bridge_gone(self, stream: FrameStream) -> None:
        if self._link is not None and self._link.stream is stream:
            if self._link.is_welcome:
                self._alone_since = time.monotonic()
            self._link = None
            self._reread_where()
            if time.monotonic() - self._alone_since > max(30.0, self._lease or 0.0):
                self._refuse_all(f"the worker cannot reach the house at {self._where.host}: {stream.closed_because}")
        for item in self._attempts.values():
            item.queue = None

    def _reread_where(self) -> None:
        """Learn where the next bridge listens, if its files are in reach."""
        port = moved_to(self._marker, self._where.key)
        if port is not None:
            self._where = replace(self._where, port=port)

    def _on_bridge(self, stream: FrameStream, message: dict[str, Any]) -> None:
        link = self._link
        if link is None or link.stream is not stream:
            return
        link.heard_at = time.monotonic()
        op = message.get("op")
        item = self._attempts.get(str(message.get("attempt_id")))
        if op == "welcome":
            self._welcome(link, message)
        elif op == "beat":
            self._renew(link.beats.pop(message["n"], None))
        elif op == "answer":
            self._questions.answer(message["n"], message["message"])
        elif op == "bundle":
            if self._bundles.take(message):
                self._bundle_is_here(str(message["hash"]))
        elif item is None:
            if op in ("start", "cancel", "kill"):
                self._send({"op": "unknown", "attempt_id": message.get("attempt_id")})
        elif op == "start":
            self._start(item, message)
        elif op in ("no", "gone"):
            if item.is_live:
                item.fenced = True
                self._executor.kill(item.attempt_id)
            else:
                self._drop(item)
        elif op == "cancel":
            self._executor.cancel(item.attempt_id)
        elif op == "kill":
            self._executor.kill(item.attempt_id)

    def _welcome(self, link: Link, message: dict[str, Any]) -> None:
        link.is_welcome = True
        self._beat, self._lease = message["beat"], message["lease"]
        self._marker = message["marker"]
        if self._lease is None:
            self._deadline = None
            self._guard.renew(None)
        self._renew(link.asked_at)  # it counts from before the house heard of us, so that it ends here first
        self._next_beat = 0.0
        for attempt_id, sizes in message["attempts"].items():
            item = self._attempts.get(attempt_id)
            if item is None:
                continue
            if sizes is None:
                self._on_bridge(link.stream, {"op": "gone", "attempt_id": attempt_id})
            else:
                item.restart(sizes)
        for item in list(self._attempts.values()):
            if item.workload is None:
                self._claim(item)
        self._questions.send_again()

    def _renew(self, sent_at: float | None) -> None:
        if self._lease is None or sent_at is None:
            return
        self._deadline = max(self._deadline or 0.0, sent_at + self._lease)
        self._guard.renew(self._deadline)

    def _can_send(self) -> bool:
        return self._link is not None and self._link.is_welcome and self._link.stream.unsent < UNSENT

    def _send(self, message: dict[str, Any]) -> None:
        if self._link is not None and self._link.is_welcome:
            self._link.stream.send(message)

    # --- attempts

    def _claim(self, item: OutpostAttempt) -> None:
        self._send({"op": "claim", "attempt_id": item.attempt_id})

    def _start(self, item: OutpostAttempt, message: dict[str, Any]) -> None:
        if item.spec is not None or item.workload is not None:
            return
        item.spec, item.token = message["spec"], message["token"]
        bundle = message["bundle"]
        if shares_files(self._marker):
            self._launch(item, None)
            return
        item.bundle = bundle["hash"]
        if (folder := self._bundles.find(item.bundle)) is not None:
            self._launch(item, folder)
        elif bundle.get("url") and item.door is not None:
            item.door.send({"op": "fetch", "url": bundle["url"], "to": str(self._bundles.archive(item.bundle))})
        else:
            self._send({"op": "want_bundle", "attempt_id": item.attempt_id, "hash": item.bundle})

    def _bundle_is_here(self, name: str) -> None:
        problem, folder = "", None
        try:
            folder = self._bundles.unpacked(name)
        except (OSError, ValueError) as error:
            problem = f"its files did not arrive: {error}"
        for item in list(self._attempts.values()):
            if item.bundle == name and item.workload is None and item.spec is not None:
                if problem:
                    self._ended(item, None, None, problem)
                else:
                    self._launch(item, folder)

    def _launch(self, item: OutpostAttempt, bundle: Path | None) -> None:
        assert item.spec is not None  # noqa: S101 - it came with the word to start
        if self._lease is not None and (self._deadline is None or now() >= self._deadline):
            item.spec = None  # too late: it is asked for again
            return
        try:
            workload = place(item.spec, self.home, bundle)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._ended(item, None, None, f"its files cannot be laid out: {error}")
            return
        item.workload = workload
        item.files = SpoolOnTheWay(item.attempt_id, Path(workload.spool))
        self._guard.hold(item.attempt_id)
        self._executor.start(workload, item.token)
        item.token = ""

    def _ended(self, item: OutpostAttempt, exit_code: int | None, number: int | None, problem: str) -> None:
        if item.fenced:
            problem = "its worker lost its lease: the house was not heard of"
        item.exited = {"exit_code": exit_code, "signal": number, "problem": problem}
        item.ended_at = time.monotonic()
        item.queue = None
        self._guard.release(item.attempt_id)

    def _send_files(self, item: OutpostAttempt) -> None:
        while self._can_send() and (message := item.next_message()) is not None:
            self._send(message)

    def _drop(self, item: OutpostAttempt) -> None:
        """Forget an attempt that is over (or was refused), and tell its Dask task to end."""
        self._attempts.pop(item.attempt_id, None)
        if item.door is not None:
            item.door.send({"op": "over"})
        item.remove(self.home)

    def _refuse_all(self, message: str) -> None:
        for item in list(self._attempts.values()):
            if item.workload is None:
                if item.door is not None:
                    item.door.send({"op": "error", "message": message})
                self._attempts.pop(item.attempt_id)

    # --- the door of the Dask worker

    def _on_door(self, connection: socket.socket) -> None:
        self._loop.add(FrameStream(connection), self._on_door_message, self._on_door_gone)

    def _on_door_message(self, stream: FrameStream, message: dict[str, Any]) -> None:
        op = message.get("op")
        if op == "worker":
            self._workers.add(stream)
            self._had_worker = True
        elif op == "where":
            self._move(Where(**message["where"]))
        elif op == "attempt":
            self._move(Where(**message["where"]))
            attempt_id = message["attempt_id"]
            if attempt_id in self._attempts:  # it runs already: a second task for it has nothing to do
                stream.send({"op": "over"})
                return
            item = self._attempts[attempt_id] = OutpostAttempt(attempt_id, stream)
            self._claim(item)
        elif op == "fetched":
            known = self._attempts.get(message["attempt_id"])
            if known is not None and known.bundle is not None:
                if message.get("problem"):
                    self._ended(known, None, None, message["problem"])
                else:
                    self._bundle_is_here(known.bundle)

    def _move(self, where: Where) -> None:
        if where != self._where:
            self._where = where
            if self._link is not None:
                self._link.stream.close("the bridge has moved")
            self._connect_at = 0.0

    def _on_door_gone(self, stream: FrameStream) -> None:
        self._workers.discard(stream)
        for item in list(self._attempts.values()):
            if item.door is stream:
                item.door = None
                if item.workload is None and item.spec is None:
                    self._attempts.pop(item.attempt_id)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # attempts are ended by the house, not by who ends the worker; a handler is not handed on to children
        signal.signal(number, lambda *_: None)
    Outpost(json.loads(sys.stdin.readline())).run()
