"""A kernel's iopub messages, many at a time: what a storm of small outputs costs is decided here.

jupyter_client reads one message per turn of the event loop, and parses the dates of each. Here a turn takes all that
are there, and of dates only those that somebody asks for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from hmac import compare_digest
from typing import Any

import zmq
from jupyter_client.adapter import adapt
from jupyter_client.jsonutil import parse_date
from jupyter_client.session import Session

_MANY, _MUCH = 500, 1 << 20
"""Messages and bytes that are taken in one turn at most: cancels and timeouts wait for its end."""
_DATED = frozenset({"status", "execute_input"})
"""Messages whose date goes into the notebook."""
_STORM, _WINDOW, _GATHER = 50, 0.1, 0.005
"""After so many messages within so many seconds we wait a moment, so that each turn finds more than one."""


class MessageReader:
    """Makes messages of frames: signature checked, JSON parsed, the parent of one storm parsed once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_signed = session.auth is not None
        self._unpack = session.unpack
        self._parent_frame = b""
        self._parent: dict[str, Any] = {}

    def read(self, frames: list[bytes]) -> dict[str, Any]:
        """Return the message. Raises ValueError or TypeError if it is none, or not signed by the kernel."""
        parts: list[Any] = self._session.feed_identities(frames)[1]
        if len(parts) < 5:
            raise TypeError(f"a message of {len(parts)} parts")
        signature, header_frame, parent_frame, metadata, content_frame = parts[:5]
        if self._is_signed and not compare_digest(signature, self._session.sign(parts[1:5])):
            raise ValueError("the signature is wrong")
        header = self._unpack(header_frame)
        if parent_frame != self._parent_frame:
            self._parent, self._parent_frame = self._unpack(parent_frame), parent_frame
        if header["msg_type"] in _DATED and isinstance(header.get("date"), str):
            header["date"] = parse_date(header["date"])
        content = self._unpack(content_frame)
        if not (isinstance(self._parent, dict) and isinstance(content, dict)):
            raise TypeError("its parent and content must be objects")
        message = {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": self._parent,
            "metadata": {} if metadata == b"{}" else self._unpack(metadata),
            "content": content,
            "buffers": [memoryview(part) for part in parts[5:]],
        }
        if str(header.get("version", "5")).startswith("5"):
            return message
        adapted: dict[str, Any] = adapt(message)
        return adapted


class MessageStream:
    """Reads a channel of a client that nobody else reads; ``unusable(error)`` hears of what is no message."""

    def __init__(self, channel: Any, session: Session, unusable: Callable[[Exception], None]) -> None:
        self._socket = channel.socket
        self._at_once: zmq.Socket[bytes] = zmq.Socket.shadow(self._socket)
        self._reader = MessageReader(session)
        self._unusable = unusable
        self._window, self._count = 0.0, 0

    async def next(self) -> list[dict[str, Any]]:
        """Wait for messages; return those that are there, in order."""
        await self._let_some_gather()
        found: list[list[bytes]] = []
        while not found:
            await self._socket.poll()
            self._take(found)
        self._count += len(found)
        return list(self._read(found))

    def _read(self, found: list[list[bytes]]) -> Iterator[dict[str, Any]]:
        for frames in found:
            try:
                yield self._reader.read(frames)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self._unusable(error)

    def _take(self, found: list[list[bytes]]) -> None:
        size = 0
        while len(found) < _MANY and size < _MUCH:
            try:
                frames = self._at_once.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            found.append(frames)
            size += sum(map(len, frames))

    async def _let_some_gather(self) -> None:
        now = time.monotonic()
        is_storm = self._count >= _STORM
        if now - self._window >= _WINDOW:
            self._window, self._count = now, 0
        await asyncio.sleep(_GATHER if is_storm else 0)  # 0: others have their turn, too


def merged(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield ``messages`` with neighbours made one: text of one stream, and updates of one display (the last counts)."""
    held: dict[str, Any] | None = None
    kind: tuple[Any, ...] | None = None
    texts: list[str] = []
    for message in messages:
        own = _kind(message)
        if held is not None and (own is None or own != kind):
            yield _with_text(held, texts)
            held = None
        if own is None:
            yield message
            continue
        if held is None or own[0] != "stream":
            held, kind, texts = message, own, []
        if own[0] == "stream":
            texts.append(message["content"]["text"])
    if held is not None:
        yield _with_text(held, texts)


def _kind(message: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return what neighbours must have in common to be made one; None: it stays alone."""
    content, parent = message["content"], message["parent_header"].get("msg_id")
    if message["msg_type"] == "stream" and isinstance(content.get("text"), str):
        return ("stream", parent, content.get("name"))
    if message["msg_type"] == "update_display_data" and isinstance(content.get("transient"), dict):
        return ("update", parent, content["transient"].get("display_id"))
    return None


def _with_text(message: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    if len(texts) > 1:
        message["content"]["text"] = "".join(texts)
    return message
