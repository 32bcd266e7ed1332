"""Reads the log of an attempt from its spool: by sequence number, without reading it whole."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import IO, Any

MAX_LINES = 2000
MAX_LINE = 1 << 20


def read_lines(path: Path, after: int, limit: int = MAX_LINES) -> list[dict[str, Any]]:
    """Return up to ``limit`` lines of ``log.jsonl`` with a ``seq`` over ``after``; [] while there is no file.

    What children write is read with suspicion: links are not followed, lines that are no log lines are left out.
    """
    stream = open_plain(path)
    if stream is None:
        return []
    with stream:
        _seek(stream, after)
        lines: list[dict[str, Any]] = []
        while len(lines) < limit and (raw := stream.readline(MAX_LINE)).endswith(b"\n"):
            line = _parse(raw)
            if line is not None and line["seq"] > after:
                lines.append(line)
        return lines


def open_plain(path: Path) -> IO[bytes] | None:
    """Open a regular file of our own for reading, following no link; None if it is not there or is not one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid():
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def _seek(stream: IO[bytes], after: int) -> None:
    """Go near the first line whose ``seq`` is over ``after``: lines are in order, so halve the file."""
    low, high = 0, os.fstat(stream.fileno()).st_size
    while high - low > 65_536:
        middle = (low + high) // 2
        stream.seek(middle)
        stream.readline()
        line = _parse(stream.readline(MAX_LINE))
        if line is not None and line["seq"] <= after:
            low = middle
        else:
            high = middle
    stream.seek(low)
    if low:
        stream.readline()


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or type(line.get("seq")) is not int:
        return None
    return {
        "seq": line["seq"],
        "at": str(line.get("at")),
        "stream": str(line.get("stream")),
        "level": str(line.get("level")),
        "text": str(line.get("text")),
    }
