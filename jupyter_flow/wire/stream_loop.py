"""StreamLoop: a selector over frame streams, listeners and plain descriptors."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from typing import Any

from .frame_stream import FrameStream

OnMessage = Callable[[FrameStream, dict[str, Any]], None]
OnClose = Callable[[FrameStream], None]


class StreamLoop:
    """Single-threaded. A stream's ``on_close`` is called once, whoever closed it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._streams: dict[FrameStream, tuple[int, OnMessage, OnClose]] = {}

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`step` has something to do (epoll and kqueue have one)."""
        return self._selector.fileno()

    def add(self, stream: FrameStream, on_message: OnMessage, on_close: OnClose) -> None:
        """Serve ``stream`` from now on."""
        self._streams[stream] = (stream.mask, on_message, on_close)
        self._selector.register(stream, stream.mask, None)

    def listen(self, listener: socket.socket, on_accept: Callable[[socket.socket], None]) -> None:
        """Accept connections of ``listener``."""
        listener.setblocking(False)

        def accept() -> None:
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            on_accept(connection)

        self.watch(listener, accept)

    def watch(self, descriptor: Any, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever ``descriptor`` is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def step(self, timeout: float | None) -> None:
        """Wait at most ``timeout`` seconds (None: for ever) for something to happen, and serve it."""
        self.settle()
        for key, mask in self._selector.select(timeout):
            if key.data is not None:
                key.data()
                continue
            stream: FrameStream = key.fileobj  # type: ignore[assignment]
            if stream not in self._streams:
                continue
            on_message = self._streams[stream][1]
            for message in stream.on_ready(mask):
                on_message(stream, message)
        self.settle()

    def settle(self) -> None:
        """Watch for what the streams wait for now, and let go of closed ones."""
        for stream, (mask, on_message, on_close) in list(self._streams.items()):
            if not stream.is_open:
                del self._streams[stream]
                self._selector.unregister(stream)
                stream.release()
                on_close(stream)
            elif stream.mask != mask:
                self._streams[stream] = (stream.mask, on_message, on_close)
                self._selector.modify(stream, stream.mask, None)

    def close(self) -> None:
        """Close all streams (their ``on_close`` is not called) and the selector."""
        for stream in self._streams:
            self._selector.unregister(stream)
            stream.close()
            stream.release()
        self._streams.clear()
        self._selector.close()


def listen_unix(path: Any) -> socket.socket:
    """Return a listener at ``path`` (0600), in place of whatever is there."""
    import os

    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    listener.listen(64)
    return listener
