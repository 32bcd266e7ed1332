"""Questions of runners beside a worker, on their way to the house and back."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from ..wire.frame_stream import FrameStream
from ..wire.stream_loop import StreamLoop


class Questions:
    """Stands in for ``house.sock``. A question that finds no connection waits, and is sent with the next one."""

    def __init__(self, loop: StreamLoop, listener: socket.socket, send: Callable[[dict[str, Any]], None]) -> None:
        self._loop, self._send = loop, send
        self._open: dict[int, tuple[FrameStream, Any, dict[str, Any]]] = {}
        self._count = 0
        loop.listen(listener, self._on_runner)

    def send_again(self) -> None:
        """Send what is not answered: the connection is a new one."""
        for number, (_, _, question) in self._open.items():
            self._send({"op": "ask", "n": number, "message": question})

    def answer(self, number: int, message: dict[str, Any]) -> None:
        """Hand an answer to who asked."""
        found = self._open.pop(number, None)
        if found is not None:
            stream, own_number, _ = found
            stream.send({**message, "id": own_number})

    def _on_runner(self, connection: socket.socket) -> None:
        self._loop.add(FrameStream(connection), self._on_question, self._on_gone)

    def _on_question(self, stream: FrameStream, message: dict[str, Any]) -> None:
        self._count += 1
        question = {name: message.get(name) for name in ("op", "args", "attempt_id", "token")}
        self._open[self._count] = (stream, message.get("id"), question)
        self._send({"op": "ask", "n": self._count, "message": question})

    def _on_gone(self, stream: FrameStream) -> None:
        self._open = {number: asked for number, asked in self._open.items() if asked[0] is not stream}
