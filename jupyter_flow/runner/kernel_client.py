"""Manager and client of a single-use kernel: ipc sockets in a private folder, no waiting where none is needed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

from ..wire.paths import attempt_folder
from .cold_kernel import connection_file
from .kernel_source import KernelEnd, KernelRequest, KernelUnavailable, LocalKernel, kernel_sources

_RECEIVE_QUEUE = 20_000
"""Messages that zmq keeps for us while we are busy; zmq's default of 1,000 loses outputs in a storm."""


class KernelNotReady(Exception):
    """The kernel did not come up; the text is one line that says why."""


class SingleUseClient(AsyncKernelClient):
    """A client that is ready as soon as the kernel is: no flush of iopub for 0.2 s, no second requests."""

    def _context_default(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.RCVHWM, _RECEIVE_QUEUE)
        return context

    async def ready(self, timeout: float, kernel: LocalKernel) -> dict[str, Any]:
        """Wait for the answer to kernel_info and for a first sign on iopub; return the answer's content.

        Raises :class:`KernelNotReady` after ``timeout`` seconds or when the kernel process ends.
        """
        ended = asyncio.ensure_future(kernel.ended())
        greeting = asyncio.ensure_future(self._greeting())
        try:
            done, _ = await asyncio.wait({ended, greeting}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if greeting in done:
                return greeting.result()
            if ended in done:
                raise KernelNotReady(f"it {how(ended.result())} before it was ready (see the log)")
            raise KernelNotReady(f"no answer within {timeout:g} s")
        finally:
            for task in (ended, greeting):
                task.cancel()
            await asyncio.gather(ended, greeting, return_exceptions=True)

    async def _greeting(self) -> dict[str, Any]:
        self.kernel_info()
        content: dict[str, Any] = {}
        while not content:
            message = await self.shell_channel.get_msg(timeout=None)
            if message["msg_type"] == "kernel_info_reply":
                content = message["content"]
        while True:
            # One message proves that our subscription has arrived; until then a kernel's outputs go nowhere.
            try:
                await self.iopub_channel.get_msg(timeout=0.2)
            except Empty:
                self.kernel_info()
                await self.shell_channel.get_msg(timeout=None)
            else:
                return content


class SingleUseManager(AsyncKernelManager):
    """A manager for one kernel that is never restarted and never shut down politely."""

    client_factory: Any = Type(SingleUseClient, klass="jupyter_client.client.KernelClient")


async def start_kernel(request: KernelRequest, say: Any) -> tuple[SingleUseManager, LocalKernel]:
    """Launch a kernel from the first source that can give one; ``say(text)`` notes why one could not.

    Raises :class:`KernelNotReady`.
    """
    for source in kernel_sources(request):
        manager = SingleUseManager(kernel_name=request.kernel_name, transport="ipc")
        manager.ip = str(request.folder / "k")
        manager.connection_file = connection_file(request.folder)
        manager._kernel_spec = request.spec
        kernel = source.provisioner(request, manager)
        if kernel is None:
            continue
        manager.provisioner = kernel
        try:
            await manager.start_kernel(cwd=request.cwd, env=dict(request.env))
        except KernelUnavailable as error:
            if request.take is not None:
                raise KernelNotReady(str(error)) from None
            say(f"no forked kernel ({error}): starting a new process")
            await kernel.cleanup()
            continue
        except OSError as error:
            await kernel.cleanup()
            program = request.spec.argv[0] if request.spec.argv else "(no command)"
            raise KernelNotReady(f"{program}: {error.strerror or error}") from None
        return manager, kernel
    raise KernelNotReady("no source can give it")


def how(end: KernelEnd) -> str:
    """Return how a kernel ended, for a sentence."""
    if end.signal is not None:
        return f"was ended by signal {end.signal}"
    return f"ended with exit code {end.exit_code}" if end.exit_code is not None else "ended"


def private_folder(home: Path | None, attempt_id: str) -> Path:
    """Return the folder for the ipc sockets of an attempt's cold kernel; its path is short, theirs are bounded.

    That of a house's attempt is known to the house, which removes it when we cannot; it is made when it is needed.
    """
    if home is not None:
        return attempt_folder(home, attempt_id)
    base = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="jflow-", dir=base if len(base) < 60 else "/tmp"))  # noqa: S108


def remove_folder(folder: Path) -> None:
    """Remove what :func:`private_folder` made."""
    shutil.rmtree(folder, ignore_errors=True)
