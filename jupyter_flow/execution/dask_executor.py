"""DaskExecutor: attempts on Dask workers, through the bridge. This side speaks records and never loads Dask.

Dask is given an attempt id. The worker that gets it asks whether it may start; the host's compare-and-swap that makes
the attempt ``running`` is the answer (:meth:`DaskExecutor.recorded`), so that an attempt starts once whatever Dask
does. Parses and callbacks stay on this machine.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..model.config import FlowConfig
from ..model.faultpoint import faultpoint
from ..model.records import Report, Workload
from ..wire.frame_stream import FrameStream
from ..wire.link import bridge_socket
from ..wire.paths import private_opener
from ..wire.stream_loop import StreamLoop
from . import results
from .children import Exited, Notice, Reported, Started
from .dask_settings import DEFAULT_QUEUE, QUEUE_PREFIX, bridge_settings
from .environment import child_environment
from .executor import Adoption, Problem, Running
from .local import LocalExecutor, make_executor

log = logging.getLogger(__name__)

MARK = "dask.json"
"""In the spool of an attempt that was given to Dask."""
RETRY = (0.05, 0.1, 0.2, 0.2, 0.5, 1.0, 2.0)
"""Seconds between two tries to reach the bridge."""
BRIDGE_LOG = "bridge.log"
LOG_MAX_BYTES = 5_000_000


@dataclass
class _Attempt:
    spool: Path
    token: str | None = None
    resources: dict[str, float] = field(default_factory=dict)
    worker: str | None = None
    process: tuple[int, int, str] | None = None
    recorded: bool = False
    rung: bool = False


class DaskExecutor:
    """Implements :class:`~.executor.Executor` over the bridge; ``local`` serves parses and callbacks."""

    start_within: float | None = None

    def __init__(self, local: LocalExecutor, settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._local = local
        self.launcher = local.launcher
        self._settings = dict(settings)
        self._environment = dict(environment)
        self._home = Path(settings["home"])
        self._loop = StreamLoop()
        self._bridge: FrameStream | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._tries = 0
        self._retry_at: float | None = 0.0
        self._attempts: dict[str, _Attempt] = {}
        self._notices: list[Notice] = []
        self._load: float | None = None
        self._said_trouble: str | None = None
        self.trouble: str | None = None

    # --- what goes out

    def start(self, workload: Workload, token: str) -> None:
        """Create the spool folder, write ``spec.json``, give the attempt id to Dask."""
        if workload.kind == "callback":
            self._local.start(workload, token)
            return
        key, spool = workload.attempt_id, Path(workload.spool)
        try:
            spool.mkdir(mode=0o700)
            for name, content in (("spec.json", workload.to_json()), (MARK, {"executor": "dask"})):
                descriptor = os.open(spool / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with open(descriptor, "w", encoding="utf-8") as file:
                    file.write(json.dumps(content))
        except OSError as error:
            self._notices.append(Exited.without_spool(key, spool, error))
            self.launcher.wake()
            return
        task = workload.task
        resources: dict[str, float] = {}
        if self._settings["dask_address"]:  # a cluster of our own is this machine, where the house counts
            resources = {str(name): float(amount) for name, amount in task.resources.items()}
            if task.queue != DEFAULT_QUEUE:
                resources[f"{QUEUE_PREFIX}{task.queue}"] = 1.0
        item = self._attempts[key] = _Attempt(spool, token, resources)
        self._submit(key, item)

    def _submit(self, key: str, item: _Attempt) -> None:
        self._send({"op": "submit", "attempt_id": key, "resources": item.resources})

    def recorded(self, attempt_id: str, is_current: bool) -> None:
        """Answer the worker that asked: the start is committed, or was refused."""
        item = self._attempts.get(attempt_id)
        if item is None:
            return
        if is_current:
            item.recorded = True
            self._grant(attempt_id, item)
        else:
            self._send({"op": "refuse", "attempt_id": attempt_id, "worker": item.worker})
            del self._attempts[attempt_id]
            self._exit(attempt_id, "it is not the current attempt of its task")

    def _grant(self, key: str, item: _Attempt) -> None:
        if item.token is None:
            # an earlier host ended between its record and its answer: it never ran, and nobody has its token
            self._send({"op": "forget", "attempt_id": key})
            del self._attempts[key]
            self._exit(key, "its host ended before it could start")
            return
        self._send({"op": "grant", "attempt_id": key, "worker": item.worker, "token": item.token})

    def cancel(self, attempt_id: str) -> None:
        """Ask the attempt to end; one that has not started ends now."""
        self._wish(attempt_id, "cancel")
        self._local.cancel(attempt_id)

    def kill(self, attempt_id: str) -> None:
        """SIGKILL every process of the attempt; one that has not started ends now."""
        self._wish(attempt_id, "kill")
        self._local.kill(attempt_id)

    def _wish(self, key: str, op: str) -> None:
        item = self._attempts.get(key)
        if item is None:
            return
        self._send({"op": op, "attempt_id": key})
        if item.worker is None:
            del self._attempts[key]
            self._exit(key, "it was stopped before it started")

    def adopt(self, attempts: Iterable[Running]) -> Mapping[str, Adoption]:
        """Take over attempts of an earlier host. Whether one on a worker still runs shows later: it counts as alive."""
        found: dict[str, Adoption] = {}
        others = []
        for attempt in attempts:
            key = attempt.attempt_id
            if not (attempt.spool / MARK).exists():
                others.append(attempt)
            elif os.path.lexists(attempt.spool / results.RESULT_FILE):
                found[key] = "finished"
            elif attempt.pid is None or attempt.worker is None:
                found[key] = "lost"  # nobody was told to start it
            else:
                item = self._attempts[key] = _Attempt(attempt.spool, worker=attempt.worker, recorded=True)
                if attempt.start_ticks is not None and attempt.boot_id is not None:
                    item.process = (attempt.pid, attempt.start_ticks, attempt.boot_id)
                found[key] = "alive"
        found.update(self._local.adopt(others))
        self._hello()
        return found

    def collect(self, attempt_id: str) -> Report | Problem:
        """Read the attempt's result."""
        return self._local.collect(attempt_id)

    # --- what comes in

    def fileobjs(self) -> Sequence[int]:
        """The local executor's descriptors and one for the bridge."""
        return (*self._local.fileobjs(), self._loop.fileno())

    def notices(self) -> list[Notice]:
        """Return what happened since the last call."""
        self._loop.step(0)
        self._report_load()
        self._loop.settle()
        notices, self._notices = self._notices, []
        return [*self._local.notices(), *notices]

    def tick(self, now: float) -> None:
        """Reach the bridge again if it is gone."""
        self._local.tick(now)
        if self._bridge is None and self._retry_at is not None and now >= self._retry_at:
            self._connect(now)

    def next_tick(self) -> float | None:
        """Return when :meth:`tick` is due."""
        due = [self._local.next_tick(), self._retry_at if self._bridge is None else None]
        return min((at for at in due if at is not None), default=None)

    def close(self) -> None:
        """Let go of the bridge (it stays while attempts run) and of all children."""
        self._loop.close()
        self._bridge = None
        if self._process is not None:
            self._process.poll()
            self._process.returncode = 0  # keeps Popen from warning about a child that shall run on
        self._local.close()

    def _exit(self, key: str, problem: str, exit_code: int | None = None, number: int | None = None) -> None:
        self._notices.append(Exited(key, "task", None, exit_code, number, problem))
        self.launcher.wake()

    def _report_load(self) -> None:
        load = float(len(self._attempts))
        if load != self._load and self._bridge is not None:
            self._load = load
            self._send({"op": "load", "load": load})

    # --- the bridge

    def _connect(self, now: float) -> None:
        self._retry_at = now + RETRY[min(self._tries, len(RETRY) - 1)]
        self._tries += 1
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(str(bridge_socket(self._home)))
        except OSError:
            sock.close()
            self._start_bridge()
            return
        self._tries = 0
        self._load = None
        self._bridge = FrameStream(sock)
        self._loop.add(self._bridge, self._on_message, self._on_gone)
        self._hello()
        for key, item in self._attempts.items():
            if item.worker is None:
                self._submit(key, item)

    def _start_bridge(self) -> None:
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return  # it is on its way
            if code:
                self._say_trouble(f"the bridge to Dask ended with exit code {code}: see {self._home / BRIDGE_LOG}")
        with open(self._home / BRIDGE_LOG, "ab", opener=private_opener) as output:
            if output.tell() > LOG_MAX_BYTES:
                output.truncate(0)
            faultpoint("bridge.before_start")
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "jupyter_flow.bridge"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        try:
            self._process.stdin.write(json.dumps(self._settings).encode() + b"\n")
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended: its exit code is seen next time

    def _hello(self) -> None:
        """Say which attempts workers were told to start: the bridge looks for these, and ends all others."""
        known = []
        for key, item in self._attempts.items():
            if item.recorded:
                pid, ticks, boot = item.process or (None, None, None)
                facts = {"attempt_id": key, "worker": item.worker, "pid": pid, "start_ticks": ticks, "boot_id": boot}
                known.append(facts)
        self._send({"op": "hello", "settings": self._settings, "attempts": known})

    def _send(self, message: dict[str, Any]) -> None:
        if self._bridge is not None:
            self._bridge.send(message)
            self._loop.settle()

    def _on_gone(self, stream: FrameStream) -> None:
        if stream is self._bridge:
            self._bridge = None
            self._retry_at = time.monotonic() + RETRY[0]
            for item in self._attempts.values():
                if not item.recorded:
                    item.worker = None  # whoever asked asks again

    def _on_message(self, stream: FrameStream, message: dict[str, Any]) -> None:
        op = message["op"]
        if op == "log":
            log.info("dask: %s", message["text"])
            return
        if op == "state":
            self._say_trouble(message["trouble"])
            return
        key = message["attempt_id"]
        item = self._attempts.get(key)
        if op == "claim":
            self._on_claim(key, item, message)
        elif op == "reported" and item is not None and not item.rung and item.recorded:
            item.rung = True
            self._notices.append(Reported(key))
        elif op == "exited":
            self._send({"op": "forget", "attempt_id": key})
            if item is not None:
                del self._attempts[key]
                self._exit(key, message["problem"], message["exit_code"], message["signal"])

    def _on_claim(self, key: str, item: _Attempt | None, message: dict[str, Any]) -> None:
        worker = message["worker"]
        if item is None or item.worker not in (None, worker):
            self._send({"op": "refuse", "attempt_id": key, "worker": worker})
        elif item.recorded:
            self._grant(key, item)
        elif item.worker is None:
            item.worker = worker
            item.process = (message["pid"], message["start_ticks"], message["boot_id"])
            self._notices.append(Started(key, "task", *item.process, worker))

    def _say_trouble(self, text: str | None) -> None:
        self.trouble = text
        if text is not None and text != self._said_trouble:
            log.warning("%s", text)
        self._said_trouble = text


def make_dask(config: FlowConfig) -> DaskExecutor:
    """Return the executor. Raises :class:`~..model.errors.InvalidInput` for settings that cannot be followed."""
    settings = bridge_settings(config)
    environment = child_environment(os.environ, config.profile)
    return DaskExecutor(make_executor(config), settings, environment)
