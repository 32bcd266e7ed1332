"""Which files a DAG file reads while it is loaded: when one of them changes, its DAGs may be others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MAX_BYTES = 1024 * 1024
"""A larger file is not followed: it would be copied into the bundle for each of its versions."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_Stamp = tuple[int, int, int]

_folder: str | None = None
_read: dict[str, _Stamp | None] = {}
_written: set[str] = set()
_is_hooked = False


@contextmanager
def noting_reads(folder: str) -> Iterator[set[str]]:
    """Collect the absolute paths of files beneath ``folder`` that are opened for reading meanwhile.

    Files that are written meanwhile are left out: following them would mean to load the DAG file again and again.
    """
    global _folder, _is_hooked
    if not _is_hooked:  # an audit hook stays for ever: it looks only while a file is loaded
        sys.addaudithook(_on_event)
        _is_hooked = True
    _read.clear()
    _written.clear()
    found: set[str] = set()
    _folder = os.path.abspath(folder) + os.sep
    try:
        yield found
    finally:
        _folder = None
        found.update(
            path
            for path, stamp in _read.items()
            if path not in _written and stamp is not None and stamp[0] <= MAX_BYTES and stamp == _stamp(path)
        )


def _on_event(event: str, arguments: tuple[object, ...]) -> None:
    if _folder is None:
        return
    if event == "open":
        path, mode, flags = arguments[0], arguments[1], arguments[2]
        for_writing = not set(mode).isdisjoint("wax+") if isinstance(mode, str) else _is_writing(flags)
    elif event == "os.rename":
        path, for_writing = arguments[1], True
    else:
        return
    name = _beneath(path)
    if name is None:
        return
    if for_writing:
        _written.add(name)
    elif name not in _read:
        _read[name] = _stamp(name)


def _is_writing(flags: object) -> bool:
    return isinstance(flags, int) and flags & _WRITES != 0


def _beneath(path: object) -> str | None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    try:
        name = os.path.abspath(os.fsdecode(path))
    except (OSError, ValueError, TypeError):
        return None
    is_beneath = _folder is not None and name.startswith(_folder) and "__pycache__" not in name
    return name if is_beneath else None


def _stamp(path: str) -> _Stamp | None:
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return None
    return (info.st_size, info.st_mtime_ns, info.st_ino) if os.path.isfile(path) else None
