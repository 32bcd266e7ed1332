"""The listener of ``house.sock`` in the host's selector loop: connections, frames, pushes. Knows no command."""

from __future__ import annotations

import logging
import os
import selectors
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..wire.framing import Decoder, FrameError, encode
from ..wire.paths import ensure_private_dir

log = logging.getLogger(__name__)

MAX_UNSENT = 128 * 1024 * 1024
"""Bytes that may wait for a reader that does not read, before it is dropped."""


class Peer:
    """One connection. ``subscribed`` peers get a push after each commit."""

    def __init__(self, listener: HouseSocket, sock: socket.socket) -> None:
        self._listener = listener
        self._socket = sock
        self._decoder = Decoder()
        self._unsent = bytearray()
        self.subscribed = False

    def send(self, message: dict[str, Any]) -> None:
        """Send ``message`` as far as the peer reads at once, the rest when it reads on. Never blocks."""
        try:
            self._unsent += encode(message)
        except FrameError as error:
            self._unsent += encode({"id": message.get("id"), "error": {"code": "invalid", "message": str(error)}})
        self._flush()

    def on_ready(self, mask: int) -> None:
        """Handle readiness of the socket."""
        if mask & selectors.EVENT_WRITE:
            self._flush()
        if mask & selectors.EVENT_READ:
            self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(1 << 18)
            messages = self._decoder.feed(data)
        except BlockingIOError:
            return
        except (OSError, FrameError) as error:
            log.info("house.sock: a connection was dropped: %s", error)
            self._listener.drop(self)
            return
        for message in messages:
            self._listener.on_message(self, message)
        if not data:
            self._listener.drop(self)

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent[: 1 << 18])]
        except BlockingIOError:
            if len(self._unsent) > MAX_UNSENT:
                self._listener.drop(self)
                return
        except OSError:
            self._listener.drop(self)
            return
        self._listener.watch(self, self._socket, writing=bool(self._unsent))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    @property
    def socket(self) -> socket.socket:
        """The socket, for the selector."""
        return self._socket


class HouseSocket:
    """Listens on ``path`` (0600 in a 0700 folder) and accepts only connections of the own user."""

    def __init__(
        self, path: Path, selector: selectors.BaseSelector, on_message: Callable[[Peer, dict[str, Any]], None]
    ) -> None:
        ensure_private_dir(path.parent.parent)
        ensure_private_dir(path.parent)
        path.unlink(missing_ok=True)  # the lease is ours, so a file here is left over from a killed host
        self.path = path
        self.on_message = on_message
        self._selector = selector
        self._peers: dict[Peer, int] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        old_mask = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(old_mask)
        self._listener.listen(128)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def push(self, message: dict[str, Any]) -> None:
        """Send ``message`` to every subscribed peer."""
        for peer in [peer for peer in self._peers if peer.subscribed]:
            peer.send(message)

    def watch(self, peer: Peer, sock: socket.socket, *, writing: bool) -> None:
        """Wait for ``peer`` to become readable, and writable too if ``writing``."""
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        if peer in self._peers and self._peers[peer] != mask:
            self._peers[peer] = mask
            self._selector.modify(sock, mask, peer.on_ready)

    def drop(self, peer: Peer) -> None:
        """Forget ``peer`` and close its connection (once)."""
        if self._peers.pop(peer, None) is not None:
            self._selector.unregister(peer.socket)
            peer.close()

    def close(self) -> None:
        """Close all connections and remove the socket file."""
        for peer in list(self._peers):
            self.drop(peer)
        self._selector.unregister(self._listener)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _accept(self, mask: int) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        if _peer_uid(sock) not in (None, os.getuid()):
            log.warning("house.sock: refused a connection of another user")
            sock.close()
            return
        sock.setblocking(False)
        peer = Peer(self, sock)
        self._peers[peer] = selectors.EVENT_READ
        self._selector.register(sock, selectors.EVENT_READ, peer.on_ready)


def _peer_uid(sock: socket.socket) -> int | None:
    """Return the uid at the other end; None where the system cannot say (the folder's 0700 protects alone)."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
