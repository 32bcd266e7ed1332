"""FrameStream: frames over a non-blocking socket, plain or TLS, for loops with a selector."""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
from typing import Any

from .framing import Decoder, FrameError, encode

_READ = 1 << 18


class FrameStream:
    """One connection. Single-threaded; no method blocks.

    The owner's loop watches :meth:`fileno` for :attr:`mask` and calls :meth:`on_ready`; after each call of this
    class the mask may be another one. ``tls``: wrap the connection, ``server_side`` or as client. The socket may still
    be connecting. ``unsent_max``: bytes that may wait for a peer that does not read; more closes the connection.
    """

    def __init__(
        self,
        sock: socket.socket,
        tls: ssl.SSLContext | None = None,
        *,
        server_side: bool = False,
        connecting: bool = False,
        unsent_max: int = 128 * 1024 * 1024,
    ) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._tls, self._server_side = tls, server_side
        self._connecting = connecting
        self._shaking = tls is not None
        self._wants_write = connecting
        self._decoder = Decoder()
        self._unsent = bytearray()
        self._unsent_max = unsent_max
        self.closed_because: str | None = None
        if not connecting:
            self._wrap()

    @classmethod
    def connect(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> FrameStream:
        """Begin to connect to ``host`` (an address). A failure shows as a closed stream."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        code = sock.connect_ex((host, port))
        stream = cls(sock, tls, connecting=True)
        if code not in (0, errno.EINPROGRESS):
            stream.close(f"cannot connect: {errno.errorcode.get(code, code)}")
        return stream

    def _wrap(self) -> None:
        if self._tls is not None:
            self._socket = self._tls.wrap_socket(
                self._socket, server_side=self._server_side, do_handshake_on_connect=False
            )

    def fileno(self) -> int:
        """Return the descriptor to watch; it stays the same as long as the stream is open."""
        return self._socket.fileno()

    @property
    def is_open(self) -> bool:
        """Whether the connection stands (or is being made)."""
        return self.closed_because is None

    @property
    def mask(self) -> int:
        """What to watch the descriptor for."""
        writing = self._wants_write or (bool(self._unsent) and not self._shaking)
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)

    @property
    def unsent(self) -> int:
        """Bytes that wait to be sent."""
        return len(self._unsent)

    def send(self, message: dict[str, Any]) -> None:
        """Queue ``message`` and send as much as the peer takes at once. A closed stream drops it."""
        if not self.is_open:
            return
        self._unsent += encode(message)
        if len(self._unsent) > self._unsent_max:
            self.close("the peer does not read")
        elif not self._connecting and not self._shaking:
            self._flush()

    def on_ready(self, mask: int = selectors.EVENT_READ | selectors.EVENT_WRITE) -> list[dict[str, Any]]:
        """Do what is possible now; return the messages that arrived, in order. May close the stream."""
        if not self.is_open or (self._connecting and not self._connected(mask)):
            return []
        if self._shaking and not self._shake():
            return []
        messages = self._read()
        if self.is_open:
            self._flush()
        return messages

    def _connected(self, mask: int) -> bool:
        if not mask & selectors.EVENT_WRITE:
            return False
        if code := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.close(f"cannot connect: {errno.errorcode.get(code, code)}")
            return False
        self._connecting = self._wants_write = False
        self._wrap()
        return True

    def _shake(self) -> bool:
        try:
            self._socket.do_handshake()  # type: ignore[attr-defined]
        except ssl.SSLWantReadError:
            self._wants_write = False
            return False
        except ssl.SSLWantWriteError:
            self._wants_write = True
            return False
        except OSError as error:
            self.close(f"no TLS: {error}")
            return False
        self._shaking = self._wants_write = False
        return True

    def _read(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        self._wants_write = False
        while True:
            try:
                data = self._socket.recv(_READ)
                messages += self._decoder.feed(data)
            except (BlockingIOError, ssl.SSLWantReadError):
                return messages
            except ssl.SSLWantWriteError:
                self._wants_write = True
                return messages
            except FrameError as error:
                self.close(str(error))
                return messages
            except OSError as error:
                self.close(str(error))
                return messages
            if not data:
                self.close("the peer closed the connection")
                return messages
            if len(messages) > 256 and not self._pending():
                return messages  # others want to be heard too

    def _pending(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent[:_READ])]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return
        except OSError as error:
            self.close(str(error))

    def close(self, because: str = "closed") -> None:
        """End the connection; the first reason stays. Its descriptor stays taken until :meth:`release`."""
        if self.closed_because is None:
            self.closed_because = because
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was never connected, or the peer was first

    def release(self) -> None:
        """Give the descriptor back, after it is out of every selector."""
        self._socket.close()
