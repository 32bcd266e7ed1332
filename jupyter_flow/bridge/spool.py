"""Writes what outposts send into the spool of the house. Names and places are checked: a worker runs user code."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from ..wire.link import TAILED

_PLAIN = re.compile(r"[^./\0][^/\0]{0,200}\.ipynb")
_ID = re.compile(r"[0-9a-f]{32}")
RESULT = "result.json"
LARGEST = 512 * 1024 * 1024


class BadFile(ValueError):
    """A file that no attempt has."""


def sizes(spool: Path) -> dict[str, int]:
    """Return how much of the growing files is there."""
    found = {}
    for name in TAILED:
        try:
            found[name] = os.lstat(spool / name).st_size
        except OSError:
            continue
    return found


def append(spool: Path, message: Mapping[str, Any]) -> None:
    """Append a piece of a growing file, unless it is there already. Raises :class:`BadFile`, OSError."""
    name, data = message["name"], base64.b64decode(message["data"])
    if name not in TAILED:
        raise BadFile(f"{name!r} does not grow")
    descriptor = os.open(spool / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        there = os.fstat(descriptor).st_size
        if there == message["offset"] and there + len(data) <= LARGEST:
            _write(descriptor, data)
    finally:
        os.close(descriptor)


def replace(spool: Path, message: Mapping[str, Any]) -> None:
    """Take a piece of a whole file; with the last one it appears under its name. Raises :class:`BadFile`, OSError."""
    name, data = str(message["name"]), base64.b64decode(message["data"])
    if name != RESULT and not _PLAIN.fullmatch(name):
        raise BadFile(f"{name!r} is no file of an attempt")
    temporary = spool / f".{name}.coming"
    how = os.O_TRUNC if message["part"] == 0 else os.O_APPEND
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | how, 0o600)
    try:
        if os.fstat(descriptor).st_size + len(data) > LARGEST:
            raise BadFile(f"{name!r} is too large")
        _write(descriptor, data)
        if message["last"] and name == RESULT:
            faultpoint("arrival.before_fsync")
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if message["last"]:
        faultpoint("arrival.before_rename")
        os.replace(temporary, spool / name)
        faultpoint("arrival.after_rename")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def is_id(attempt_id: object) -> bool:
    """Tell whether this is an attempt id, and so may name a folder."""
    return isinstance(attempt_id, str) and _ID.fullmatch(attempt_id) is not None
