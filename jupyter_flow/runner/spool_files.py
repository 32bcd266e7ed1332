"""The files that an attempt writes into its spool: ``log.jsonl``, ``cells.jsonl``, notebook, ``result.json``."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from ..model.records import Report
from ..wire.paths import report_bell
from .stamps import now_iso

LOG = "log.jsonl"
CELLS = "cells.jsonl"
RESULT = "result.json"

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors that say that nothing more can be written for now."""
_WAITING = 1 << 20
_TOGETHER = 1 << 16
"""Bytes of lines that are written by one call at most."""
_TRY_AGAIN = 1.0
"""Seconds between tries to write onto a full disk."""
_PRIVATE = 0o600
_BLOCK = 16_384
"""Text that comes in bigger pieces than this is logged as blocks of lines, not line by line."""

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class JsonLines:
    """An append-only file of JSON objects, each numbered (``seq`` from 1) and dated (``at``). Thread-safe.

    Lines are written whole, so that a reader who tails by offset sees whole lines but for the last. When the
    disk is full, lines wait in memory; what is more than :data:`_WAITING` bytes is lost, and ``lost`` makes a record of
    how much.
    """

    def __init__(self, path: str | Path, lost: Callable[[int, int], dict[str, Any]] | None = None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(path, flags, _PRIVATE)
        self._lock = threading.RLock()
        self._seq = 0
        self._digest = hashlib.sha256()
        self._lost_record = lost
        self._waiting = bytearray()  # of which the first line may stand in the file in part
        self._lost = (0, 0)
        self._try_at = 0.0
        self._held = 0  # how many are within :meth:`together`
        self._partial = 0  # bytes of a line that is not whole in the file
        self.size = 0

    def append(self, record: dict[str, Any]) -> None:
        """Write ``record`` with the next number. Values that are not JSON are written as their text."""
        with self._lock:
            data = self._line(record)
            if self._waiting and len(self._waiting) + len(data) > _WAITING and not self._catch_up():
                self._lost = (self._lost[0] + 1, self._lost[1] + len(data))
                return
            self._waiting += data
            if not self._held or len(self._waiting) >= _TOGETHER:
                self._catch_up()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Within: lines are written at the end, by one call (or a few). To be left soon: readers wait."""
        with self._lock:
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1
                if not self._held and self._waiting:
                    self._catch_up()

    def _line(self, record: dict[str, Any]) -> bytes:
        self._seq += 1
        line = _encode({"seq": self._seq, "at": now_iso(), **record})
        return line.encode("utf-8", "backslashreplace") + b"\n"

    def _catch_up(self, *, now: bool = False) -> bool:
        """Write what waits; False if the disk takes no more. It is not asked more often than each second."""
        if not now and self._try_at and time.monotonic() < self._try_at:
            return False
        try:
            self._write()
            if self._lost[0] and self._lost_record is not None:
                record, self._lost = self._lost_record(*self._lost), (0, 0)
                self._waiting += self._line(record)
                self._write()
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self._try_at = time.monotonic() + _TRY_AGAIN
            return False
        self._try_at = 0.0
        return True

    def _write(self) -> None:
        while self._waiting:
            faultpoint("lines.before_write")
            done = os.write(self._fd, self._waiting)
            last = self._waiting.rfind(b"\n", 0, done)
            self._partial = done - last - 1 if last >= 0 else self._partial + done
            self._digest.update(self._waiting[:done])
            self.size += done
            del self._waiting[:done]

    @property
    def sha256(self) -> str:
        """The digest (hex) of everything written."""
        with self._lock:
            return self._digest.hexdigest()

    def close(self, *, wait: bool = True) -> None:
        """Close the file, when everything could be written (``wait``); later ``append`` calls raise OSError."""
        with self._lock:
            if self._fd < 0:
                return
            while not self._catch_up(now=True) and wait:
                time.sleep(_TRY_AGAIN)
            if self._partial:
                os.ftruncate(self._fd, self.size - self._partial)
            os.close(self._fd)
            self._fd = -1
            self._waiting.clear()


class LogFile:
    """``log.jsonl``: text by stream and level, cut (and marked) at ``max_bytes`` of text."""

    def __init__(self, spool: str | Path, max_bytes: int) -> None:
        self._lines = JsonLines(os.path.join(spool, LOG), _lost_of_log)
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._cut = 0
        self._lock = threading.RLock()

    def write(self, stream: str, text: str, level: str = "info") -> None:
        """Write ``text`` (one or more lines, without the last newline) under ``stream`` (stdout|stderr|log)."""
        pieces = text.split("\n") if len(text) <= _BLOCK else _blocks(text)
        with self._lock, self._lines.together():
            for piece in pieces:
                self._write_piece(stream, level, piece)

    def together(self) -> contextlib.AbstractContextManager[None]:
        """Within: lines are written at the end, by one call (or a few)."""
        return self._lines.together()

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


def _lost_of_log(lines: int, size: int) -> dict[str, Any]:
    text = f"the disk was full: {lines} lines of the log ({size} bytes) were lost here"
    return {"stream": "log", "level": "warning", "text": text}


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


def save_atomically(path: str | Path, data: bytes, *, fsync: bool = False, name: str = "notebook") -> None:
    """Replace ``path`` by ``data`` so that a reader sees the old or the new content, never a part.

    ``name`` is that of the fault points.
    """
    folder_name, file_name = os.path.split(path)
    temporary = os.path.join(folder_name, f".{file_name}.new")
    try:
        _write_file(temporary, data, fsync, name)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # a part is of no use, and its room may be needed
        raise
    faultpoint(f"{name}.before_rename")
    os.replace(temporary, path)
    faultpoint(f"{name}.after_rename")
    if fsync:
        folder = os.open(folder_name or ".", os.O_RDONLY)
        try:
            faultpoint(f"{name}_folder.before_fsync")
            os.fsync(folder)
            faultpoint(f"{name}_folder.after_fsync")
        finally:
            os.close(folder)


def _write_file(temporary: str, data: bytes, fsync: bool, name: str) -> None:
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
    try:
        faultpoint(f"{name}.before_write")
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if fsync:
            faultpoint(f"{name}.before_fsync")
            os.fsync(fd)
            faultpoint(f"{name}.after_fsync")
    finally:
        os.close(fd)


def when_there_is_room(write: Callable[[], object]) -> None:
    """Do ``write``, again and again as long as the disk is full."""
    while True:
        try:
            write()
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            time.sleep(_TRY_AGAIN)
        else:
            return


def write_result(spool: str | Path, report: Report, *, fsync: bool) -> None:
    """Write ``result.json``, the last act of an attempt; while the disk is full, wait."""
    text = json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":"))
    data = text.encode("utf-8", "backslashreplace")
    when_there_is_room(lambda: save_atomically(os.path.join(spool, RESULT), data, fsync=fsync, name="result"))


_bell: Path | None = None


def know_bell(path: Path) -> None:
    """Take ``path`` as the house's bell, in this process and those forked from it."""
    global _bell
    _bell = path


def ring(home: str | Path, attempt_id: str) -> None:
    """Tell the house that the result is there; without a host that listens nothing happens."""
    try:
        bell = os.open(_bell or report_bell(Path(home)), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        faultpoint("bell.before_write")
        os.write(bell, attempt_id.encode("ascii") + b"\n")
    except OSError:
        pass  # the pipe is full: the house will see our end
    finally:
        os.close(bell)
