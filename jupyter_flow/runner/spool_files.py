"""The files that an attempt writes into its spool: ``log.jsonl``, ``cells.jsonl``, notebook, ``result.json``."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from ..model.records import Report
from ..wire.paths import report_bell
from .stamps import now_iso

LOG = "log.jsonl"
CELLS = "cells.jsonl"
RESULT = "result.json"

_PRIVATE = 0o600
_BLOCK = 16_384
"""Text that comes in bigger pieces than this is logged as blocks of lines, not line by line."""


class JsonLines:
    """An append-only file of JSON objects, each numbered (``seq`` from 1) and dated (``at``). Thread-safe.

    Each line is one ``write`` call, so that a reader who tails by offset sees whole lines but for the last.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(path, flags, _PRIVATE)
        self._lock = threading.RLock()
        self._seq = 0
        self._digest = hashlib.sha256()
        self.size = 0

    def append(self, record: dict[str, Any]) -> None:
        """Write ``record`` with the next number. Values that are not JSON are written as their text."""
        with self._lock:
            self._seq += 1
            line = json.dumps({"seq": self._seq, "at": now_iso(), **record}, ensure_ascii=False, default=str)
            data = line.encode("utf-8", "backslashreplace") + b"\n"
            self._digest.update(data)
            self.size += len(data)
            while data:
                data = data[os.write(self._fd, data) :]

    @property
    def sha256(self) -> str:
        """The digest (hex) of everything written."""
        with self._lock:
            return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file; later ``append`` calls raise OSError."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


class LogFile:
    """``log.jsonl``: text by stream and level, cut (and marked) at ``max_bytes`` of text."""

    def __init__(self, spool: Path, max_bytes: int) -> None:
        self._lines = JsonLines(spool / LOG)
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._cut = 0
        self._lock = threading.RLock()

    def write(self, stream: str, text: str, level: str = "info") -> None:
        """Write ``text`` (one or more lines, without the last newline) under ``stream`` (stdout|stderr|log)."""
        pieces = text.split("\n") if len(text) <= _BLOCK else _blocks(text)
        with self._lock:
            for piece in pieces:
                self._write_piece(stream, level, piece)

    def _write_piece(self, stream: str, level: str, text: str) -> None:
        size = len(text) + 1
        if size <= self._left:
            self._left -= size
            self._lines.append({"stream": stream, "level": level, "text": text})
            return
        if not self._cut:
            note = f"the log is longer than {self._max_bytes} bytes: what follows is cut"
            self._lines.append({"stream": "log", "level": "warning", "text": note})
        self._left = 0
        self._cut += size

    def say(self, text: str, level: str = "info") -> None:
        """Write a line of the runner itself, even when the limit is reached."""
        self._lines.append({"stream": "log", "level": level, "text": text})

    def close(self) -> None:
        """Note how much was cut, and close."""
        with self._lock:
            if self._cut:
                self.say(f"{self._cut} bytes of the log were cut", "warning")
                self._cut = 0
            self._lines.close()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._lines.size

    @property
    def sha256(self) -> str:
        """The digest (hex) of the file."""
        return self._lines.sha256


def _blocks(text: str) -> list[str]:
    blocks = []
    start = 0
    while start < len(text):
        end = text.rfind("\n", start, start + _BLOCK)
        if end <= start or start + _BLOCK >= len(text):
            end = min(start + _BLOCK, len(text))
            blocks.append(text[start:end])
            start = end
        else:
            blocks.append(text[start:end])
            start = end + 1
    return blocks


def save_atomically(path: Path, data: bytes, *, fsync: bool = False, name: str = "notebook") -> None:
    """Replace ``path`` by ``data`` so that a reader sees the old or the new content, never a part.

    ``name`` is that of the fault points.
    """
    temporary = path.with_name(f".{path.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if fsync:
            faultpoint(f"{name}.before_fsync")
            os.fsync(fd)
            faultpoint(f"{name}.after_fsync")
    finally:
        os.close(fd)
    faultpoint(f"{name}.before_rename")
    os.replace(temporary, path)
    faultpoint(f"{name}.after_rename")
    if fsync:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            faultpoint(f"{name}_folder.before_fsync")
            os.fsync(folder)
            faultpoint(f"{name}_folder.after_fsync")
        finally:
            os.close(folder)


def write_result(spool: Path, report: Report, *, fsync: bool) -> None:
    """Write ``result.json``, the last act of an attempt."""
    text = json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":"))
    save_atomically(spool / RESULT, text.encode("utf-8", "backslashreplace"), fsync=fsync, name="result")


def ring(home: Path, attempt_id: str) -> None:
    """Tell the house that the result is there; without a host that listens nothing happens."""
    try:
        bell = os.open(report_bell(home), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        faultpoint("bell.before_write")
        os.write(bell, attempt_id.encode("ascii") + b"\n")
    except OSError:
        pass  # the pipe is full: the house will see our end
    finally:
        os.close(bell)
