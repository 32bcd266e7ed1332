"""Kernels as a runner gets them, driven by a blocking client."""

from __future__ import annotations

import json
import os
import queue
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient

from jupyter_flow.execution.kernel_pool import KernelPool, PoolCounts
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.wire.framing import Decoder, encode

from .waiting import wait_for

ATTEMPT = "a" * 32


class Client:
    """A client of one running kernel."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._client = BlockingKernelClient()
        self._client.load_connection_info({**connection, "key": connection["key"].encode()})
        self._client.start_channels(hb=False)
        wait_for(self._hears, "the kernel answers, and its outputs are heard")

    def _hears(self) -> bool:
        """Ask the kernel for its name and tell whether the answer was heard on both channels.

        ``wait_for_ready`` of the library sleeps almost half a second on the way.
        """
        asked = self._client.kernel_info()
        try:
            self._client.get_shell_msg(timeout=1)
            while self._client.get_iopub_msg(timeout=0.2)["parent_header"].get("msg_id") != asked:
                pass
        except queue.Empty:
            return False
        return True

    def run(self, code: str, timeout: float = 60.0) -> str:
        """Run ``code`` and return what it printed; an exception in it fails the test."""
        texts: list[str] = []

        def hook(message: Mapping[str, Any]) -> None:
            if message["msg_type"] == "stream":
                texts.append(message["content"]["text"])

        reply = self._client.execute_interactive(code, timeout=timeout, output_hook=hook)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(texts)

    def json(self, code: str) -> Any:
        """Run ``code``, which prints one JSON value, and return that."""
        return json.loads(self.run(code))

    def send(self, code: str) -> None:
        """Send ``code`` without waiting for its end."""
        self._client.execute(code)

    def close(self) -> None:
        """Close the channels."""
        self._client.stop_channels()


class Borrowed:
    """A kernel borrowed from a kernel forkserver: this process is its owner."""

    def __init__(
        self,
        path: str,
        tag: str = ATTEMPT,
        cwd: str = "/",
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._decoder = Decoder()
        self._frames: list[dict[str, Any]] = []
        self._descriptors: list[int] = []
        self._client: Client | None = None
        _connect(self._socket, path)
        environment = dict(os.environ if environment is None else environment)
        question = {"op": "kernel", "tag": tag, "python": python, "cwd": cwd, "environment": environment}
        self._socket.sendall(encode(question))
        self.answer = self.frame()
        self.pid: int = self.answer.get("pid", 0)
        self.leash: int | None = None
        if self.answer["op"] == "forked":
            self.pidfd, self.leash = self._descriptors
            assert self.frame() == {"op": "bound"}

    def frame(self) -> dict[str, Any]:
        """Return the next message of the forkserver."""
        while not self._frames:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 16, 2, socket.MSG_CMSG_CLOEXEC)
            self._descriptors += descriptors
            assert data, "the forkserver closed the connection"
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    @property
    def client(self) -> Client:
        """The client, connected at its first use."""
        if self._client is None:
            assert self.answer["op"] == "forked", self.answer
            self._client = Client(self.answer["connection"])
        return self._client

    def wait_gone(self, timeout: float = 20.0) -> float:
        """Wait until the process is gone; return after how many seconds."""
        begin = time.monotonic()
        assert select.select([self.pidfd], [], [], timeout)[0], f"kernel {self.pid} still runs"
        return time.monotonic() - begin

    def let_go(self) -> None:
        """Close the leash."""
        if self.leash is not None:
            os.close(self.leash)
            self.leash = None

    def close(self) -> None:
        """End the kernel and forget it."""
        if self._client is not None:
            self._client.close()
        if self.pid:
            self.let_go()
            self.wait_gone()
            os.close(self.pidfd)
        self._socket.close()


def _connect(sock: socket.socket, path: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            sock.connect(path)
            return
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < deadline, f"nobody listens at {path}"
            time.sleep(0.01)


@contextmanager
def pool_of(config: FlowConfig) -> Iterator[KernelPool]:
    """A kernel pool that has greeted its forkserver."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)  # ipykernel behaves otherwise where it is set
        pool = KernelPool(config)
    try:
        assert pool.socket() is not None
        settle(pool, lambda counts: True)
        yield pool
    finally:
        pool.close()


def settle(pool: KernelPool, condition: Any, timeout: float = 60.0) -> PoolCounts:
    """Serve ``pool`` until it is greeted and ``condition`` holds for its counts."""
    deadline = time.monotonic() + timeout
    while not (pool.pid and condition(pool.counts)):
        assert time.monotonic() < deadline, f"the pool stays {pool.counts} (refusal {pool.refusal!r})"
        select.select(list(pool.fileobjs()), [], [], 0.05)
        pool.service()
    return pool.counts


@contextmanager
def cold_kernel(folder: Path, cwd: str, environment: Mapping[str, str]) -> Iterator[Client]:
    """A kernel started as its kernelspec says, over ipc like a forked one."""
    folder.mkdir(mode=0o700)
    ports = {name + "_port": number for number, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
    connection = {
        "transport": "ipc",
        "ip": str(folder / "c"),
        "key": "cold",
        "signature_scheme": "hmac-sha256",
        **ports,
    }
    (folder / "kernel.json").write_text(json.dumps(connection))
    process = subprocess.Popen(
        [sys.executable, "-m", "ipykernel_launcher", "-f", str(folder / "kernel.json")],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for((folder / "c-1").exists, "the kernel listens", 90)  # a client gives up on one that is not there yet
        client = Client(connection)
        yield client
        client.close()
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
