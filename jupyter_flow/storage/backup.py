"""A copy of the database file while hosts work on it: complete or not there."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from sqlalchemy import Engine

from ..model.errors import Conflict, InvalidInput
from ..model.faultpoint import faultpoint
from . import upkeep


def back_up(reader: Engine, target: Path, *, force: bool = False) -> int:
    """Write a consistent copy of the database to ``target`` (0600) and return its size in bytes.

    Writers are not held up, what they commit meanwhile is not in it. A file that is there is only replaced with
    ``force``, and then at once. Raises :class:`Conflict` if one is there, :class:`InvalidInput` if the place is of no
    use or the database is a server's.
    """
    source = upkeep.database_file(reader)
    if source is None:
        raise InvalidInput(
            f"this house keeps its data on a server: copy it with pg_dump --format=custom --file {target} "
            f"--dbname {reader.url.database or 'NAME'}"
        )
    if target.is_dir():
        raise InvalidInput(f"{target} is a folder: name a file in it")
    if target.exists() and os.path.samefile(target, source):
        raise InvalidInput(f"{target} is the database itself: name another file")
    if target.exists() and not force:
        raise _exists(target)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise InvalidInput(f"{target.parent}: {error.strerror}: name a file in a folder you can write") from None
    try:
        upkeep.copy_file(reader, part)
        _sync(part)
        _put_in_place(part, target, force)
        _sync(target.parent)
    finally:
        for name in (part.name, f"{part.name}-journal", f"{part.name}-wal", f"{part.name}-shm"):
            (part.parent / name).unlink(missing_ok=True)
    return target.stat().st_size


def _put_in_place(part: Path, target: Path, force: bool) -> None:
    faultpoint("backup.before_rename")
    if force:
        return os.replace(part, target)
    try:
        os.link(part, target)  # unlike a rename it never takes the place of a file that came meanwhile
    except FileExistsError:
        raise _exists(target) from None
    except OSError:  # a file system without links
        os.replace(part, target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        faultpoint("backup.before_fsync")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(target: Path) -> Conflict:
    return Conflict(f"{target} exists already: name another file, or replace it with --force")
