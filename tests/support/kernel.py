"""An author's kernel for tests: start it, run cells, look at what came out."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager


@dataclass
class Ran:
    """What one cell gave. ``ok``: the kernel's reply, which also stops "run all"."""

    ok: bool = True
    out: str = ""
    err: str = ""
    error: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)


class AuthorKernel:
    """A running IPython kernel."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str, timeout: float = 60.0) -> Ran:
        """Run a cell and return its outputs."""
        parent = self._client.execute(code)
        ran = Ran()
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=timeout)
            except queue.Empty:
                raise AssertionError(f"the cell did not end within {timeout} s: {code}") from None
            if message["parent_header"].get("msg_id") != parent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                if content["name"] == "stdout":
                    ran.out += content["text"]
                else:
                    ran.err += content["text"]
            elif kind in ("display_data", "execute_result"):
                ran.displays.append(content["data"])
            elif kind == "error":
                ran.error = f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                break
        reply = self._client.get_shell_msg(timeout=timeout)
        while reply["parent_header"].get("msg_id") != parent:
            reply = self._client.get_shell_msg(timeout=timeout)
        ran.ok = reply["content"]["status"] == "ok"
        return ran


@contextmanager
def author_kernel(env: dict[str, str], cwd: Path) -> Iterator[AuthorKernel]:
    """Start a kernel with ``env`` in ``cwd``; it has ended when the block is left."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=env, cwd=str(cwd))
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        yield AuthorKernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
