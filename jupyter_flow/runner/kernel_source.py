"""Where a kernel comes from: the small interface between the notebook engine and its kernel sources.

A source is asked for a provisioner; the engine's kernel manager launches, interrupts and kills through it. The
cold source starts any kernelspec as a new process; the forked source takes one from a kernel forkserver.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from .held_kernel import HeldKernel


@dataclass(frozen=True)
class KernelRequest:
    """What an attempt needs: a single-use kernel.

    ``env``: the complete environment of the task, deny-list already applied; the kernelspec's and the task's
    own ``env`` are merged in (the launch gets the same mapping). ``own_env``: names that the task itself sets
    (loader or thread variables among them forbid a fork). ``folder``: short enough for ipc sockets; made (0700)
    by the source that needs it, removed by the engine at the end. ``socket``: path of the kernel forkserver
    (``Workload.kernels``) or None.
    ``start_timeout``: seconds until the kernel must have answered. ``may_hold``: whether the kernel may outlive this
    process's interest in it, in somebody else's hands. ``take``: the attempt whose kept kernel (of the house at
    ``home``) is wanted, and no other one.
    """

    attempt_id: str
    kernel_name: str
    spec: KernelSpec
    cwd: str
    env: Mapping[str, str]
    own_env: frozenset[str]
    folder: Path
    socket: str | None
    start_timeout: float
    may_hold: bool = False
    take: str | None = None
    home: Path | None = None


@dataclass(frozen=True)
class KernelEnd:
    """How a kernel process ended; both None when nobody could tell.

    ``left_over``: whether what it started may still run where the runner does not see it (not among the runner's
    own descendants).
    """

    exit_code: int | None = None
    signal: int | None = None
    left_over: bool = False


class LocalKernel(KernelProvisionerBase):
    """A provisioner whose kernel is a process on this machine, leader of its own session and group.

    Subclasses implement ``launch_kernel`` (which must set ``pid`` and, on Linux, ``pidfd`` through
    :meth:`adopt`), :meth:`ended`, and ``pre_launch`` where they need a connection file of the manager.
    """

    pid: int | None = None
    pidfd: int | None = None
    _gone: asyncio.Future[None] | None = None

    def adopt(self, pid: int, pidfd: int | None) -> None:
        """Take over the running kernel ``pid``; ``pidfd`` becomes readable at its end and is closed by us."""
        self.pid, self.pidfd = pid, pidfd

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Return the launch arguments as they are: the request's environment is complete already."""
        return {"cmd": [], **kwargs}

    async def ended(self) -> KernelEnd:
        """Wait (no polling) until the kernel process is gone and say how it ended. May be awaited often."""
        raise NotImplementedError

    async def wait_pidfd(self) -> None:
        """Return as soon as ``pidfd`` says that the process is gone. Any number of tasks may wait."""
        if self.pidfd is None:
            raise RuntimeError("no pidfd: this platform needs another way to wait")
        if self._gone is None:
            loop = asyncio.get_running_loop()
            self._gone = loop.create_future()
            loop.add_reader(self.pidfd, self._on_gone)
        await asyncio.shield(self._gone)

    def _on_gone(self) -> None:
        if self._gone is not None and self.pidfd is not None:
            self._gone.get_loop().remove_reader(self.pidfd)
            if not self._gone.done():
                self._gone.set_result(None)

    @property
    def has_process(self) -> bool:
        """Whether a kernel was launched and not cleaned up."""
        return self.pid is not None

    async def poll(self) -> int | None:
        """Return None while the kernel lives, else its exit code (negative: the signal)."""
        if self.pidfd is None or not select.select([self.pidfd], [], [], 0)[0]:
            return None
        end = await self.ended()
        return -end.signal if end.signal else (end.exit_code or 0)

    async def wait(self) -> int | None:
        """Wait for the end; the same answer as :meth:`poll`."""
        end = await self.ended()
        return -end.signal if end.signal else (end.exit_code or 0)

    async def send_signal(self, signum: int) -> None:
        """Send ``signum`` to the kernel's process group; a kernel that is gone is not an error."""
        if self.pid is None or await self.poll() is not None:
            return
        try:
            os.killpg(self.pid, signum)
        except ProcessLookupError:
            pass

    async def kill(self, restart: bool = False) -> None:
        """End the kernel's process group at once."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel's process group to end."""
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        """Forget the process and close the pidfd."""
        if (pidfd := self._forget()) is not None:
            os.close(pidfd)

    def hand_on(self, connection: Mapping[str, Any]) -> HeldKernel:
        """Let go of the running kernel without ending it: who gets it holds it. ``connection``: its connection info."""
        raise NotImplementedError

    def _forget(self) -> int | None:
        """Forget the process; return the pidfd, which nobody watches any more."""
        pidfd = self.pidfd
        if pidfd is not None and self._gone is not None and not self._gone.done():
            self._gone.get_loop().remove_reader(pidfd)
            self._gone.cancel()
        self.pid = self.pidfd = self._gone = None
        return pidfd


class KernelSource(Protocol):
    """Something that can give kernels."""

    def provisioner(self, request: KernelRequest, manager: Any) -> LocalKernel | None:
        """Return a provisioner for ``request`` (``parent=manager``), or None to let the next source try.

        The engine sets it as ``manager.provisioner`` and calls ``manager.start_kernel(cwd=…, env=…)``.
        ``launch_kernel`` returns the connection info that the manager adopts; it raises
        :class:`KernelUnavailable` when this source cannot serve after all (the next one is tried).
        """


class KernelUnavailable(Exception):
    """This source cannot give the kernel now; another source may."""


def kernel_sources(request: KernelRequest) -> list[KernelSource]:
    """Return the sources to try for ``request``, the fastest first."""
    from .cold_kernel import ColdKernelSource

    if request.take is not None:
        from .taken_kernel import TakenKernelSource

        return [TakenKernelSource()]
    sources: list[KernelSource] = [ColdKernelSource()]
    if request.socket is not None:
        from .forked_kernel import ForkedKernelSource

        sources.insert(0, ForkedKernelSource())
    return sources
