"""A kernel whose run is over and that somebody holds on to: descriptors without an event loop."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..wire.framing import encode

_ENDS_WITHIN = 5.0


@dataclass
class HeldKernel:
    """A kernel process of ours. While this process has ``leash`` open it lives.

    ``folder``: with its sockets. ``connection``: the content of a connection file. ``lender``: the connection to the
    kernel forkserver that has forked it; ``process``: of a kernel that we have started ourselves.
    """

    pid: int
    pidfd: int
    leash: int
    folder: Path
    connection: Mapping[str, Any]
    lender: socket.socket | None = None
    process: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        """Kill the kernel with its process group, and let go of all that was held."""
        if not self.has_ended():  # so its pid is still its own
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        select.select([self.pidfd], [], [], _ENDS_WITHIN)
        if self.process is not None:
            self.process.poll()
        os.close(self.leash)
        os.close(self.pidfd)
        if self.lender is not None:
            with contextlib.suppress(OSError):
                self.lender.send(encode({"op": "done"}))  # what is left we end ourselves
            self.lender.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def offer(self, taker: socket.socket) -> None:
        """Send copies of all that is held, with what is known of the kernel. Raises OSError."""
        frame = {"pid": self.pid, "folder": str(self.folder), "connection": dict(self.connection)}
        descriptors = [self.pidfd, self.leash]
        if self.lender is not None:
            descriptors.append(self.lender.fileno())
        socket.send_fds(taker, [encode(frame)], descriptors)

    def give_away(self) -> None:
        """Let go without ending the kernel: somebody else holds it now. Its end can still be waited for."""
        os.close(self.leash)
        if self.lender is not None:
            self.lender.close()

    def has_ended(self) -> bool:
        """Tell whether the process is gone."""
        return bool(select.select([self.pidfd], [], [], 0)[0])


def connection_of(manager: Any) -> dict[str, Any]:
    """Return the connection info of a kernel manager as JSON-ready data; it leaves the file to others from now on."""
    manager._connection_file_written = False
    info = dict(manager.get_connection_info())
    info["key"] = info["key"].decode()
    return info
