"""The last lines of a log whose writer is dead: who has ended an attempt says so in its ``log.jsonl``.

For both sides of the wall. What stands in the file was written beside user code, and is read with suspicion.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

LOG = "log.jsonl"
_TAIL = 1 << 17


def append_lines(spool: Path, texts: Sequence[str], at: str, level: str = "error") -> None:
    """Append ``texts`` as lines of the house, dated ``at`` (ISO 8601), numbered after those that are there.

    Only for logs that nobody else writes any more. A file that cannot be trusted or written is left alone.
    """
    try:
        descriptor = os.open(
            spool / LOG, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
    except OSError:
        return
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid():
            return
        begin = max(0, info.st_size - _TAIL)
        tail = os.pread(descriptor, _TAIL, begin)
        number = _last_number(tail)
        data = b"\n" if tail and not tail.endswith(b"\n") else b""  # its writer was killed within a line
        for count, text in enumerate(texts, 1):
            line = {"seq": number + count, "at": at, "stream": "log", "level": level, "text": text}
            data += json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return
    finally:
        os.close(descriptor)


def size_and_digest(path: Path, most: int) -> tuple[int, str] | None:
    """Return the size and sha256 (hex) of a regular file of ours with at most ``most`` bytes, else None."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid() or info.st_size > most:
            return None
        size, digest = 0, hashlib.sha256()
        while data := file.read(1 << 20):
            size += len(data)
            digest.update(data)
    return size, digest.hexdigest()


def _last_number(tail: bytes) -> int:
    for line in reversed(tail.split(b"\n")):
        try:
            number = json.loads(line)["seq"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if type(number) is int:
            return number
    return 0
