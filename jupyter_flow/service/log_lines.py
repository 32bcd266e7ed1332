"""Reads the log of an attempt from its spool: by sequence number, without reading it whole."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

MAX_LINES = 2000
MAX_LINE = 1 << 20


def read_lines(path: Path, after: int, limit: int = MAX_LINES) -> list[dict[str, Any]]:
    """Return up to ``limit`` lines of ``log.jsonl`` with a ``seq`` over ``after``; [] while there is no file."""
    return read_records(path, after, limit, _parse)


def read_records(
    path: Path,
    after: int,
    limit: int,
    parse: Callable[[bytes], dict[str, Any] | None],
    *,
    longest: int = MAX_LINE,
    most_bytes: int | None = None,
) -> list[dict[str, Any]]:
    """Return up to ``limit`` records with a ``seq`` over ``after`` of a file of JSON lines, in which ``seq`` grows.

    What children write is read with suspicion: links are not followed, lines that ``parse`` refuses are left out.
    """
    stream = open_plain(path)
    if stream is None:
        return []
    with stream:
        _seek(stream, after, parse, longest)
        found: list[dict[str, Any]] = []
        size = 0
        while len(found) < limit and (raw := stream.readline(longest)).endswith(b"\n"):
            record = parse(raw)
            if record is not None and record["seq"] > after:
                found.append(record)
                size += len(raw)
                if most_bytes is not None and size >= most_bytes:
                    break
        return found


def read_tail(path: Path, most_bytes: int = 65_536) -> list[dict[str, Any]]:
    """Return the last lines of ``log.jsonl``, as far as they fit into ``most_bytes``."""
    stream = open_plain(path)
    if stream is None:
        return []
    with stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most_bytes:
            stream.seek(size - most_bytes)
            stream.readline()
        return [line for raw in stream.read(most_bytes).splitlines(keepends=True) if (line := _parse(raw)) is not None]


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


def _seek(stream: IO[bytes], after: int, parse: Callable[[bytes], dict[str, Any] | None], longest: int) -> None:
    """Go near the first line whose ``seq`` is over ``after``: lines are in order, so halve the file."""
    low, high = 0, os.fstat(stream.fileno()).st_size
    while high - low > 65_536:
        middle = (low + high) // 2
        stream.seek(middle)
        stream.readline()
        line = parse(stream.readline(longest))
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
