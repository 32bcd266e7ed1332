"""One forkserver as the house sees it: found or started, connected, spoken to without blocking.

Both kinds of forkserver (runners, kernels) are started by exec and say on a pipe when they listen.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ..model.faultpoint import faultpoint
from ..wire.framing import Decoder, FrameError, encode
from ..wire.paths import private_opener
from .children import TAG_VARIABLE

log = logging.getLogger(__name__)

TAG_PLACEHOLDER = "0" * 32
LOG_MAX_BYTES = 5_000_000

State = Literal["absent", "starting", "connected", "refused"]


class ForkserverProcess:
    """Connection to a forkserver that listens at ``path``; started by ``command`` when needed.

    ``state``: ``absent`` (not there, may be started), ``starting``, ``connected``, ``refused`` (``why`` it cannot
    be used). Everything happens in :meth:`send` and :meth:`frames`; descriptors are in the ``selector``.
    """

    def __init__(
        self,
        command: list[str],
        path: Path,
        environment: Mapping[str, str],
        log_path: Path,
        selector: selectors.BaseSelector,
    ) -> None:
        self.state: State = "absent"
        self.why = ""
        self._command, self._path, self._log_path = command, path, log_path
        self._environment = {**environment, TAG_VARIABLE: TAG_PLACEHOLDER}
        self._selector = selector
        self._process: subprocess.Popen[bytes] | None = None
        self._former: list[subprocess.Popen[bytes]] = []
        self._ready_pipe: int | None = None
        self._ready_text = b""
        self._socket: socket.socket | None = None
        self._decoder = Decoder()
        self._unsent = bytearray()
        self._frames: list[dict[str, Any]] = []

    def connect(self) -> bool:
        """Connect to a forkserver that already listens (of an earlier host); False if there is none."""
        if self.state == "connected":
            return True
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(str(self._path))  # a listening unix socket answers at once, or its backlog is full
        except OSError:
            sock.close()
            return False
        sock.setblocking(False)
        self._socket, self._decoder = sock, Decoder()
        self.state = "connected"
        self._selector.register(sock, selectors.EVENT_READ, self.on_ready)
        return True

    def start(self) -> None:
        """Start the process unless it is there; it is connected when it says that it listens."""
        if self.state != "absent":
            return
        read_end, write_end = os.pipe()
        try:
            with open(self._log_path, "ab", opener=private_opener) as output:
                if output.tell() > LOG_MAX_BYTES:
                    output.truncate(0)
                faultpoint("forkserver.before_start")
                self._process = subprocess.Popen(
                    [*self._command, "--socket", str(self._path), "--ready-fd", str(write_end)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environment,
                    cwd="/",
                    start_new_session=True,
                    pass_fds=(write_end,),
                )
                faultpoint("forkserver.after_start")
        except OSError as error:
            os.close(read_end)
            self._refuse(f"cannot be started: {error}")
            return
        finally:
            os.close(write_end)
        os.set_blocking(read_end, False)
        self._ready_pipe, self._ready_text = read_end, b""
        self._selector.register(read_end, selectors.EVENT_READ, self._on_ready_line)
        self.state = "starting"

    def send(self, message: dict[str, Any]) -> None:
        """Send ``message`` as soon as the forkserver reads; starts it if it is absent."""
        self._unsent += encode(message)
        if self.state == "absent" and not self.connect():
            self.start()

    def flush(self) -> None:
        """Hand over what waits to be sent, as far as the forkserver reads at once."""
        if self._socket is None or not self._unsent:
            return
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            return  # reading will tell that it is gone
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._socket, events, self.on_ready)

    def frames(self) -> list[dict[str, Any]]:
        """Return the messages that came since the last call."""
        if self._former:
            self._reap_former()
        frames, self._frames = self._frames, []
        return frames

    def on_ready(self) -> None:
        """Read what is there; the end of the connection makes the state ``absent``."""
        if self._socket is None:
            return
        self.flush()
        try:
            data = self._socket.recv(1 << 18)
            self._frames += self._decoder.feed(data)
        except BlockingIOError:
            return
        except (OSError, FrameError) as error:
            log.warning("forkserver %s: %s", self._path.name, error)
            data = b""
        if not data:
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connection: a forkserver without children ends by itself."""
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None
        if self._ready_pipe is not None:
            self._selector.unregister(self._ready_pipe)
            os.close(self._ready_pipe)
            self._ready_pipe = None
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()  # nobody has met it yet: it has no children
        self._unsent.clear()
        if self.state != "refused":
            self.state = "absent"
        self._reap()

    def _on_ready_line(self) -> None:
        if self._ready_pipe is None:
            return
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._ready_pipe, 65536)
            self._ready_text += data
            if data and b"\n" not in self._ready_text:
                return
            self._selector.unregister(self._ready_pipe)
            os.close(self._ready_pipe)
            self._ready_pipe = None
            self._on_answer()

    def _on_answer(self) -> None:
        try:
            answer = json.loads(self._ready_text)
        except ValueError:
            answer = {"refused": f"it ended before it listened, see {self._log_path}"}
        if "refused" in answer:
            self._refuse(str(answer["refused"]))
            return
        self.state = "absent"
        if self.connect():
            return
        if self._process is not None and self._process.poll() is not None:
            self._reap()  # it was ready long ago, and has ended because nobody came
            return
        self._refuse("it listens but does not answer")

    def _refuse(self, why: str) -> None:
        self.state, self.why = "refused", why
        log.warning("forkserver %s is not used: %s", self._path.name, why)
        self._unsent.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._reap()

    def _reap(self) -> None:
        """Take the exit codes of forkservers of ours that have ended."""
        if self._process is not None:
            self._former.append(self._process)
            self._process = None
        self._reap_former()

    def _reap_former(self) -> None:
        self._former = [process for process in self._former if process.poll() is None]

    def close(self) -> None:
        """Close the connection for good; a forkserver that still has children outlives us."""
        self.disconnect()
        for process in self._former:
            process.returncode = 0  # keeps Popen from warning about that
        self._former.clear()
