"""Kernels that we keep, as kernels of the Jupyter Server: they can be listed, opened and interrupted like its own.

The server offers no public way to add a running kernel, so private names of its kernel manager are used: here only. A
test holds them against the installed version.
"""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import Any
from uuid import UUID

from jupyter_client.ioloop import AsyncIOLoopKernelRestarter
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from jupyter_server._tz import utcnow
from tornado.web import HTTPError

from ..wire import processes
from ..wire.kept import Kept

NO_RESTART = "a kernel that is kept after a failure cannot be restarted: clear the task to run it again"


class KeptProvisioner(KernelProvisionerBase):
    """A kernel process that is not ours: it can be interrupted, and is never ended from here."""

    kept: Kept

    @property
    def has_process(self) -> bool:
        """Whether it lives."""
        found = processes.look(self.kept.pid)
        return found is not None and found.start_ticks == self.kept.start_ticks and found.is_alive

    async def poll(self) -> int | None:
        """Return None while it lives."""
        return None if self.has_process else 0

    async def wait(self) -> int | None:
        """Its end is not ours to wait for."""
        return None

    async def send_signal(self, signum: int) -> None:
        """Send a signal to it and to what it has started; one that is gone is no error."""
        if self.has_process and signum not in (signal.SIGKILL, signal.SIGTERM):
            os.killpg(self.kept.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        """Leave it alone: its keeper ends it."""

    async def terminate(self, restart: bool = False) -> None:
        """Leave it alone: its keeper ends it."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Refuse."""
        raise HTTPError(409, NO_RESTART)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is ours."""


class ExternalKernels:
    """Puts kept kernels into ``manager``, the server's kernel manager, and takes them out when they have ended."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._watched: dict[str, int] = {}

    def add(self, kept: Kept) -> str:
        """Make ``kept`` a kernel of the server, if it is none yet, and return its kernel id.

        Raises ProcessLookupError when it has ended.
        """
        kernel_id = str(UUID(hex=kept.attempt_id))
        manager = self._manager
        if kernel_id in manager:
            return kernel_id
        pidfd = os.pidfd_open(kept.pid)
        kernel = manager.kernel_manager_factory(
            parent=manager, log=manager.log, owns_kernel=False, kernel_name=kept.kernel_name
        )
        provisioner = KeptProvisioner(parent=kernel)
        provisioner.kept = kept
        if not provisioner.has_process:
            os.close(pidfd)
            raise ProcessLookupError(kept.pid)
        kernel.load_connection_info({**kept.connection, "key": kept.connection["key"].encode()})
        kernel.provisioner = provisioner
        kernel.kernel_id = kernel_id
        kernel.restart_kernel = partial(_refuse_restart, manager.log)
        kernel.last_activity, kernel.execution_state = utcnow(), "idle"
        kernel._restarter = AsyncIOLoopKernelRestarter(kernel_manager=kernel, parent=manager, log=manager.log)
        kernel.ready.set_result(None)
        manager._kernels[kernel_id] = kernel
        manager._kernel_connections[kernel_id] = 0
        manager._kernel_ports[kernel_id] = kernel.ports
        manager.start_watching_activity(kernel_id)
        _count(kept.kernel_name, 1)
        self._watch(kernel_id, pidfd)
        return kernel_id

    def is_busy(self, kept: Kept) -> bool:
        """Tell whether somebody runs something in the kernel, whichever attempt of it they have opened."""
        kernels = list(self._manager._kernels.values())
        names = [item for item in kernels if _process_of(item) == (kept.pid, kept.start_ticks)]
        return any(item.execution_state == "busy" for item in names)

    def _watch(self, kernel_id: str, pidfd: int) -> None:
        if (earlier := self._watched.pop(kernel_id, None)) is not None:  # somebody has let go of it meanwhile
            _unwatch(earlier)
        self._watched[kernel_id] = pidfd
        asyncio.get_running_loop().add_reader(pidfd, self._on_end, kernel_id)

    def _on_end(self, kernel_id: str) -> None:
        """Tell who has it open that it is dead, and take it out."""
        _unwatch(self._watched.pop(kernel_id))
        manager = self._manager
        if kernel_id not in manager:
            return
        kernel = manager.get_kernel(kernel_id)
        kernel.execution_state = "dead"
        kernel._restarter._fire_callbacks("dead")
        manager.stop_watching_activity(kernel_id)
        manager.stop_buffering(kernel_id)
        manager.remove_kernel(kernel_id)
        manager._kernel_connections.pop(kernel_id, None)
        manager._kernel_ports.pop(kernel_id, None)
        _count(kernel.kernel_name, -1)

    def close(self) -> None:
        """Watch none any more."""
        for pidfd in self._watched.values():
            _unwatch(pidfd)
        self._watched.clear()


def _process_of(kernel: Any) -> tuple[int, int] | None:
    """Return which process a kernel manager of ours stands for."""
    kept = getattr(kernel.provisioner, "kept", None)
    return (kept.pid, kept.start_ticks) if isinstance(kept, Kept) else None


def _unwatch(pidfd: int) -> None:
    asyncio.get_running_loop().remove_reader(pidfd)
    os.close(pidfd)


async def _refuse_restart(log: Any, *args: Any, **kwargs: Any) -> None:
    log.warning(NO_RESTART)  # the server's answer says only that there was an exception
    raise HTTPError(409, NO_RESTART)


def _count(kernel_name: str, change: int) -> None:
    """Keep the server's own count of kernels true: it is lowered when somebody lets go of one."""
    from jupyter_server.prometheus.metrics import KERNEL_CURRENTLY_RUNNING_TOTAL

    KERNEL_CURRENTLY_RUNNING_TOTAL.labels(type=kernel_name).inc(change)
