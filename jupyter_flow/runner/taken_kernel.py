"""The kernel of a failed attempt, taken over from its keeper: the attempt after it goes on with it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from ..wire import kept, processes
from ..wire.framing import Decoder, FrameError
from ..wire.kept import Kept
from ..wire.processes import Process
from .forked_kernel import ForkedKernel
from .kernel_source import KernelRequest, KernelUnavailable, LocalKernel

TAKE_WITHIN = 30.0
"""Seconds for the keeper to hand its kernel over."""
GONE = "the kernel of the failed attempt is not kept any more: run the notebook from its start"


class TakenKernel(ForkedKernel):
    """A kernel whose leash was another runner's. From now on it lives as long as this process holds it."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """There is nothing to start."""
        return {"cmd": [], **kwargs}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Take the kernel over and return its connection info. Raises KernelUnavailable if it is gone."""
        home, earlier = Path(str(self.request.home)), str(self.request.take)
        found = kept.read(home, earlier)
        own = processes.look(os.getpid())
        if found is None or own is None:
            raise KernelUnavailable(GONE)
        self._decoder, self._frames, self._descriptors = Decoder(), [], []
        notes = [note for name in (earlier, *found.earlier) if (note := kept.read(home, name)) is not None]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as keeper:
                keeper.settimeout(TAKE_WITHIN)
                keeper.connect(str(kept.take_socket(home, earlier)))
                faultpoint("take.before_offer")
                info = self._accept(keeper)
                faultpoint("take.before_note")
                for note in notes:  # who finds them when this process was killed ends what has those attempts' tags
                    kept.note(home, self._inherited(note, own))
                faultpoint("take.after_note")
                keeper.sendall(b"1")
                keeper.recv(1)  # the keeper has let go
        except (OSError, FrameError, KeyError, ValueError):
            for note in notes:
                if note.is_held:
                    kept.note(home, note)
            await self._return()
            raise KernelUnavailable(GONE) from None
        faultpoint("take.after_taken")
        info["key"] = info["key"].encode()
        self.connection_info = info  # type: ignore[assignment]
        manager: Any = self.parent
        manager.connection_file = os.path.join(str(self._folder), "kernel.json")
        manager.load_connection_info(info)
        return info

    def _inherited(self, note: Kept, own: Process) -> Kept:
        until = note.since + kept.LONGEST
        heir = self.request.attempt_id
        return replace(note, keeper_pid=own.pid, keeper_ticks=own.start_ticks, heir=heir, until=until)

    async def _return(self) -> None:
        """Close what was taken; the kernel stays its keeper's."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._folder = None
        await self._give_up()

    def _accept(self, keeper: socket.socket) -> dict[str, Any]:
        descriptors: list[int] = []
        frames: list[dict[str, Any]] = []
        decoder = Decoder()
        while not frames:
            data, received, _, _ = socket.recv_fds(keeper, 1 << 16, 4, socket.MSG_CMSG_CLOEXEC)
            descriptors += received
            if not data:
                break
            frames += decoder.feed(data)
        if not frames or len(descriptors) < 2:
            for descriptor in descriptors:
                os.close(descriptor)
            raise ConnectionError("the keeper gave nothing")
        pidfd, self._leash, *lender = descriptors
        self.adopt(int(frames[0]["pid"]), pidfd)
        self._folder = str(frames[0]["folder"])
        if lender:
            self._socket = socket.socket(fileno=lender[0])
            self._socket.setblocking(False)
        connection: Mapping[str, Any] = frames[0]["connection"]
        return dict(connection)


class TakenKernelSource:
    """Gives the kernel that the request names, and no other."""

    def provisioner(self, request: KernelRequest, manager: Any) -> LocalKernel:
        """Return a provisioner for ``request``."""
        kernel = TakenKernel(kernel_spec=request.spec, kernel_id=request.attempt_id, parent=manager)
        kernel.request = request
        return kernel
