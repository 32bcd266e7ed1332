"""Frames on a stream socket: a 4-byte big-endian length, then one JSON object in UTF-8."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

MAX_FRAME = 64 * 1024 * 1024
_HEAD = struct.Struct(">I")


class FrameError(ConnectionError):
    """The peer sent something that is not a frame; the connection is of no use any more."""


def encode(message: dict[str, Any]) -> bytes:
    """Return ``message`` as one frame."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    body = text.encode("utf-8", "backslashreplace")  # half a surrogate pair becomes its JSON escape
    if len(body) > MAX_FRAME:
        raise FrameError(f"a message of {len(body)} bytes is over the limit of {MAX_FRAME}")
    return _HEAD.pack(len(body)) + body


class Decoder:
    """Collects bytes and gives back whole messages, for non-blocking readers."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take ``data`` and return the messages that are now complete, in order."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise FrameError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                break
            messages.append(_parse(bytes(self._buffer[_HEAD.size : end])))
            del self._buffer[:end]
        return messages


def send(sock: socket.socket, message: dict[str, Any]) -> None:
    """Send one message on a blocking socket."""
    sock.sendall(encode(message))


def receive(sock: socket.socket) -> dict[str, Any] | None:
    """Return the next message from a blocking socket, None at its end."""
    head = _exactly(sock, _HEAD.size)
    if head is None:
        return None
    (length,) = _HEAD.unpack(head)
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
    body = _exactly(sock, length)
    if body is None:
        raise FrameError("the connection ended within a frame")
    return _parse(body)


def _exactly(sock: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        chunk = sock.recv(min(count - len(data), 1 << 20))
        if not chunk:
            if data:
                raise FrameError("the connection ended within a frame")
            return None
        data += chunk
    return bytes(data)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise FrameError("a frame is not a JSON object")
    return message
