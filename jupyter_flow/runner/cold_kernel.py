"""The cold kernel source: any kernelspec, started as a new process of its own session."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from ..wire.paths import ensure_private_dir
from . import leash
from .held_kernel import HeldKernel
from .kernel_source import KernelEnd, KernelRequest, LocalKernel


class ColdKernel(LocalKernel):
    """A kernel started by ``exec`` of its kernelspec's command. On Linux it dies with this process (leash)."""

    folder: Path
    _process: subprocess.Popen[bytes] | None = None
    _leash: int | None = None
    _watch: asyncio.Task[KernelEnd] | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write the connection file and fill in the kernelspec's command."""
        manager: Any = self.parent
        ensure_private_dir(self.folder)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        command = manager.format_kernel_cmd(extra_arguments=kwargs.pop("extra_arguments", []))
        return {"cmd": command, **kwargs}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the process (``cwd`` and ``env`` in ``kwargs``); its stdout and stderr are ours.

        Raises OSError when the command cannot be started.
        """
        # ipykernel ends itself when this parent is gone: the leash's weaker twin where there is none
        environment = {**kwargs["env"], "JPY_PARENT_PID": str(os.getpid())}
        read_end, self._leash = leash.make()
        try:
            faultpoint("kernel.before_start")
            self._process = subprocess.Popen(
                [os.path.expanduser(part) for part in cmd],
                stdin=subprocess.DEVNULL,
                cwd=kwargs["cwd"],
                env=environment,
                start_new_session=True,
                pass_fds=(read_end,),
            )
            faultpoint("kernel.after_start")
            if leash.is_available():
                leash.arm(read_end, self._process.pid)
        finally:
            os.close(read_end)
        pid = self._process.pid
        self.adopt(pid, os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None)
        return self.connection_info

    async def ended(self) -> KernelEnd:
        """Wait for the process and say how it ended."""
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._await_end())
        return await asyncio.shield(self._watch)

    async def _await_end(self) -> KernelEnd:
        if self._process is None:
            raise RuntimeError("the kernel was not launched")
        if self.pidfd is not None:
            await self.wait_pidfd()
            code = self._process.wait()
        else:
            code = await asyncio.to_thread(self._process.wait)
        return KernelEnd(signal=-code) if code < 0 else KernelEnd(exit_code=code)

    async def poll(self) -> int | None:
        """Return None while the kernel lives, else its exit code (negative: the signal)."""
        return None if self._process is None else self._process.poll()

    def hand_on(self, connection: Mapping[str, Any]) -> HeldKernel:
        """Let go of the running kernel without ending it."""
        if self._watch is not None:
            self._watch.cancel()
        pid, leash, self._leash = self.pid, self._leash, None
        pidfd = self._forget()
        if pid is None or pidfd is None or leash is None:
            raise RuntimeError("the kernel was not launched, or this platform cannot hold it")
        return HeldKernel(pid, pidfd, leash, self.folder, connection, process=self._process)

    async def cleanup(self, restart: bool = False) -> None:
        """Close pidfd and leash; what is left of the kernel's process group ends with it."""
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None
        await super().cleanup(restart)


class ColdKernelSource:
    """Gives a :class:`ColdKernel` for every request."""

    def provisioner(self, request: KernelRequest, manager: Any) -> LocalKernel:
        """Return a provisioner for ``request``."""
        kernel = ColdKernel(kernel_spec=request.spec, kernel_id=request.attempt_id, parent=manager)
        kernel.folder = request.folder
        return kernel


def connection_file(folder: Path) -> str:
    """Return where the connection file of a cold kernel stands within its private ``folder``."""
    return str(folder / "kernel.json")
