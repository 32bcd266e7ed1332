"""The forked kernel source: a single-use kernel from a kernel forkserver, forked on demand or taken waiting."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec

from ..wire.framing import Decoder, FrameError, encode
from .held_kernel import HeldKernel
from .kernel_source import KernelEnd, KernelRequest, KernelUnavailable, LocalKernel

LAUNCHER_ARGUMENTS = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
HARMLESS_ARGUMENTS = frozenset({"-Xfrozen_modules=off"})
"""Interpreter arguments that change only what a debugger can step into; ipykernel's own installer adds them."""

START_ONLY_PREFIXES = (
    *("LD_", "DYLD_", "PYTHON", "MALLOC_", "GLIBC_", "LC_", "JUPYTER_", "IPYTHON", "XDG_"),
    *("OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "VECLIB_", "BLIS_", "KMP_", "GOTO_", "CUDA_"),
)
START_ONLY_NAMES = frozenset({"HOME", "LANG", "LANGUAGE", "VIRTUAL_ENV", "CONDA_PREFIX"})
"""Loader, thread and start-up variables: a process must be started with them, so such a task starts cold."""

END_TIMEOUT = 10.0
"""Seconds in which a forkserver tells how a kernel ended; it is asked only when the kernel is gone."""
BOOT_TIMEOUT = 1.5
"""A forkserver listens after about 0.4 s; waiting for it costs less than a cold kernel."""


def why_not_forkable(request: KernelRequest) -> str | None:
    """Return why ``request`` needs a kernel of its own start, None if a forked one is the same."""
    if request.socket is None:
        return "no kernel forkserver"
    reason = why_spec_not_forkable(request.spec)
    if reason is not None:
        return reason
    names = request.own_env | set(request.spec.env or {})
    early = sorted(name for name in names if name in START_ONLY_NAMES or name.startswith(START_ONLY_PREFIXES))
    if early:
        return f"it sets {', '.join(early)}, which a process reads at its start"
    return None


def why_spec_not_forkable(spec: KernelSpec) -> str | None:
    """Return why kernels of ``spec`` cannot be forked, None if they can."""
    arguments = [text for text in spec.argv[1:] if text not in HARMLESS_ARGUMENTS]
    if arguments != LAUNCHER_ARGUMENTS:
        return "its kernelspec starts something else than ipykernel_launcher"
    provisioner = (spec.metadata or {}).get("kernel_provisioner", {}).get("provisioner_name", "local-provisioner")
    if provisioner != "local-provisioner":
        return f"its kernelspec asks for the provisioner {provisioner}"
    if spec.interrupt_mode != "signal":
        return f"its kernelspec asks for interrupts by {spec.interrupt_mode}"
    return None


class ForkedKernel(LocalKernel):
    """A kernel lent by a kernel forkserver. While this process holds its leash it lives, not longer."""

    request: KernelRequest
    _socket: socket.socket | None = None
    _leash: int | None = None
    _folder: str | None = None
    _watch: asyncio.Task[KernelEnd] | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write nothing: the forkserver chooses the connection. Fill in the command to learn the interpreter."""
        manager: Any = self.parent
        return {"cmd": manager.format_kernel_cmd(), **kwargs}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Borrow a kernel with ``cwd`` and ``env`` and return its connection info.

        Raises KernelUnavailable if the forkserver does not answer in time or refuses.
        """
        self._decoder = Decoder()
        self._frames: list[dict[str, Any]] = []
        self._descriptors: list[int] = []
        try:
            return await asyncio.wait_for(self._borrow(cmd[0], **kwargs), self.request.start_timeout)
        except (OSError, FrameError, TimeoutError, KeyError) as error:
            await self._give_up()
            raise KernelUnavailable(f"the kernel forkserver: {error or type(error).__name__}") from None

    async def _borrow(self, python: str, cwd: str, env: dict[str, str], **_: Any) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        await _connect(self._socket, str(self.request.socket))
        environment = {name: value for name, value in env.items() if name != "JPY_PARENT_PID"}
        question = {"op": "kernel", "tag": self.request.attempt_id, "python": python, "cwd": str(cwd)}
        await loop.sock_sendall(self._socket, encode({**question, "environment": environment}))
        forked = await self._expect("forked")
        pidfd, self._leash = self._descriptors
        self._folder = forked["folder"]
        self.adopt(forked["pid"], pidfd)
        await self._expect("bound")
        info = dict(forked["connection"])
        info["key"] = info["key"].encode()
        self.connection_info = info  # type: ignore[assignment]
        manager: Any = self.parent  # the forkserver has written the file: it need not be written again
        manager.connection_file = os.path.join(self._folder, "kernel.json")
        manager.load_connection_info(info)
        return info

    async def _expect(self, op: str) -> dict[str, Any]:
        frame = await self._next_frame()
        if frame["op"] == op:
            return frame
        if frame["op"] == "exited":
            raise ConnectionError(
                f"the kernel ended while it started ({KernelEnd(frame['exit_code'], frame['signal'])})"
            )
        raise ConnectionError(frame.get("message", f"{frame['op']} instead of {op}"))

    async def _next_frame(self) -> dict[str, Any]:
        if self._socket is None:
            raise ConnectionError("no connection")
        while not self._frames:
            await _readable(self._socket.fileno())
            data, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 16, 4, socket.MSG_CMSG_CLOEXEC)
            self._descriptors += descriptors
            if not data:
                raise ConnectionError("it closed the connection")
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    async def ended(self) -> KernelEnd:
        """Wait (no polling) until the kernel process is gone and say how it ended."""
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._await_end())
        return await asyncio.shield(self._watch)

    async def _await_end(self) -> KernelEnd:
        await self.wait_pidfd()
        try:
            frame = await asyncio.wait_for(self._next_frame(), END_TIMEOUT)
            return KernelEnd(frame["exit_code"], frame["signal"], frame["left_over"])
        except (OSError, FrameError, TimeoutError, KeyError):
            return KernelEnd(left_over=True)  # the forkserver is gone: nobody could reap the kernel

    def hand_on(self, connection: Mapping[str, Any]) -> HeldKernel:
        """Let go of the running kernel without ending it."""
        if self._watch is not None:
            self._watch.cancel()
        pid, leash, lender, folder = self.pid, self._leash, self._socket, self._folder
        self._leash = self._socket = self._folder = None
        pidfd = self._forget()
        if pid is None or pidfd is None or leash is None or folder is None:
            raise RuntimeError("the kernel was not launched")
        return HeldKernel(pid, pidfd, leash, Path(folder), connection, lender=lender)

    async def cleanup(self, restart: bool = False) -> None:
        """Let go of the kernel: what is left of its process group ends with the leash."""
        if self._watch is not None and not self._watch.done():
            self._watch.cancel()
        await self._give_up()

    async def _give_up(self) -> None:
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(encode({"op": "done"}))  # what is left we end ourselves
            self._socket.close()
            self._socket = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        await super().cleanup()


async def _connect(sock: socket.socket, path: str) -> None:
    """Connect, with some patience: the forkserver may have been started a moment ago."""
    loop = asyncio.get_running_loop()
    patience = loop.time() + BOOT_TIMEOUT
    while True:
        try:
            await loop.sock_connect(sock, path)
            return
        except (FileNotFoundError, ConnectionRefusedError):
            if loop.time() > patience:
                raise
            await asyncio.sleep(0.01)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


class ForkedKernelSource:
    """Gives a :class:`ForkedKernel` for requests that a forked kernel serves as well as a started one."""

    def provisioner(self, request: KernelRequest, manager: Any) -> LocalKernel | None:
        """Return a provisioner for ``request``, None if only a cold kernel will do."""
        if why_not_forkable(request) is not None:
            return None
        kernel = ForkedKernel(kernel_spec=request.spec, kernel_id=request.attempt_id, parent=manager)
        kernel.request = request
        return kernel
