"""Questions of runners, put to ``house.sock`` by the bridge as if the runner did it."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

from ..wire.frame_stream import FrameStream
from ..wire.paths import house_socket
from ..wire.stream_loop import StreamLoop

PAUSE = 0.5
"""Seconds between two tries to reach a host."""


class Relay:
    """One connection to the host for all questions. Without a host they wait; each may be put twice."""

    def __init__(self, loop: StreamLoop, home: Path) -> None:
        self._loop, self._home = loop, home
        self._open: dict[int, tuple[FrameStream, int, dict[str, Any]]] = {}
        self._count = 0
        self._house: FrameStream | None = None
        self._try_at = 0.0

    def ask(self, outpost: FrameStream, number: int, question: dict[str, Any]) -> None:
        """Put ``question``; the answer goes to ``outpost`` with its ``number``."""
        self._count += 1
        # nothing but a question of an attempt passes: never a command, whatever stands in it
        own = {name: question.get(name) for name in ("op", "args", "attempt_id", "token")}
        self._open[self._count] = (outpost, number, own)
        if self._house is None:
            self.work(time.monotonic())
        else:
            self._house.send({"id": self._count, **own})

    def work(self, now: float) -> None:
        """Reach the host if questions wait for one."""
        if not self._open or self._house is not None or now < self._try_at:
            return
        self._try_at = now + PAUSE
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(str(house_socket(self._home)))
        except OSError:
            sock.close()
            return
        self._house = FrameStream(sock)
        self._loop.add(self._house, self._on_answer, self._on_gone)
        for number, (_, _, question) in self._open.items():
            self._house.send({"id": number, **question})

    def forget(self, outpost: FrameStream) -> None:
        """Forget what an outpost asked: it asks again when it comes back."""
        self._open = {number: asked for number, asked in self._open.items() if asked[0] is not outpost}

    def _on_answer(self, stream: FrameStream, message: dict[str, Any]) -> None:
        found = self._open.pop(int(message.get("id") or 0), None)
        if found is not None:
            outpost, number, _ = found
            outpost.send({"op": "answer", "n": number, "message": message})

    def _on_gone(self, stream: FrameStream) -> None:
        self._house = None
