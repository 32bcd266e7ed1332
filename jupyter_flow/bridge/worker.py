"""What runs in a Dask worker: it starts an outpost beside the worker and waits while an attempt runs there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import distributed

from ..model.faultpoint import faultpoint
from ..wire import framing
from ..wire.environment import without_secrets
from ..wire.link import BRIDGE_VARIABLE, door_socket
from . import store

START_WITHIN = 60.0
"""Seconds that an outpost may take to open its door."""

_lock = threading.Lock()
_outpost: _Outpost | None = None


class _Outpost:
    """The outpost of this worker process. The connection ``_tie`` tells it that the worker lives."""

    def __init__(self, worker: Any, where: dict[str, Any]) -> None:
        base = Path(worker.local_directory).parent
        self.home = base / f"jupyter-flow-{uuid.uuid4().hex[:12]}"
        faultpoint("outpost.before_start")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "jupyter_flow.execution.outpost"],
            stdin=subprocess.PIPE,
            env=without_secrets(os.environ),
            start_new_session=True,
        )
        settings = {
            "home": str(self.home),
            "worker": f"{socket.gethostname()} {worker.name}",
            "where": where,
            "tls": _tls_files(worker.security, base),
        }
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        self.process.stdin.write(json.dumps(settings).encode() + b"\n")
        self.process.stdin.close()
        self._tie = self._first_connection()
        framing.send(self._tie, {"op": "worker"})

    def _first_connection(self) -> socket.socket:
        deadline = time.monotonic() + START_WITHIN
        while True:
            try:
                return self.connect()
            except OSError:
                code = self.process.poll()
                if code is not None or time.monotonic() > deadline:
                    self.process.kill()
                    raise RuntimeError(f"the outpost beside this worker did not start (exit code {code})") from None
            time.sleep(0.05)

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(door_socket(self.home)))
        except OSError:
            connection.close()
            raise
        return connection

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None


def run_attempt(attempt_id: str, where: dict[str, Any]) -> None:
    """Let the attempt run beside this worker, if the house says so, and return when it is over.

    Nothing is returned: the outpost tells the house. Raises RuntimeError if the house could not be asked.
    """
    where = _seen_from_here(where)
    with _connection(where) as connection:
        framing.send(connection, {"op": "attempt", "attempt_id": attempt_id, "where": where})
        while (message := framing.receive(connection)) is not None:
            if message["op"] == "over":
                return
            if message["op"] == "error":
                raise RuntimeError(message["message"])
            if message["op"] == "fetch":
                framing.send(connection, {"op": "fetched", "attempt_id": attempt_id, **_fetch(message)})
    raise RuntimeError("the outpost beside this worker has ended")


def tell_where(where: dict[str, Any]) -> None:
    """Tell the outpost of this worker, if it has one, where the bridge is now."""
    with _lock:
        outpost = _outpost
    if outpost is not None and outpost.is_alive:
        with outpost.connect() as connection:
            framing.send(connection, {"op": "where", "where": _seen_from_here(where)})


def _connection(where: dict[str, Any]) -> socket.socket:
    global _outpost
    with _lock:
        if _outpost is None or not _outpost.is_alive:
            _outpost = _Outpost(distributed.get_worker(), where)
        return _outpost.connect()


def _seen_from_here(where: dict[str, Any]) -> dict[str, Any]:
    host, _, port = os.environ.get(BRIDGE_VARIABLE, "").rpartition(":")
    return {**where, "host": host, "port": int(port)} if host and port.isdigit() else where


def _fetch(message: dict[str, Any]) -> dict[str, Any]:
    try:
        store.download(message["url"], message["to"])
    except Exception as error:  # whatever the protocol of the store raises
        return {"problem": f"{message['url']} cannot be read: {type(error).__name__}: {error}"}
    return {}


def _tls_files(security: Any, base: Path) -> dict[str, str]:
    """Return the worker's TLS files; texts in their place (``Security.temporary``) are written into private files."""
    found = {}
    names = {"ca_file": "tls_ca_file", "cert": "tls_worker_cert", "key": "tls_worker_key"}
    for ours, theirs in names.items():
        value = getattr(security, theirs, None)
        if not value:
            continue
        if "\n" in value:
            path = base / f"{theirs}-{os.getpid()}.pem"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
                file.write(value)
            value = str(path)
        found[ours] = value
    return found
