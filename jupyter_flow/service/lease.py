"""The lease: whoever holds it is the only writer of a home. A file lock, with the holder's pid to read."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from ..model.errors import Conflict, InvalidInput
from ..model.instants import to_iso
from ..wire.paths import HOME_VARIABLE, ensure_private_dir

LOCK_FILE = "host.lock"


class Lease:
    """An exclusive lock on ``<home>/host.lock``; the kernel frees it when its holder dies, however it dies."""

    def __init__(self, descriptor: int, is_inherited: bool = False) -> None:
        self._descriptor = descriptor
        self.is_inherited = is_inherited
        """Whether its last holder was killed: it has not given it back."""

    @classmethod
    def take(cls, home: Path, now: datetime) -> Lease:
        """Take the lease of ``home`` and write our pid into it, without waiting.

        Raises :class:`Conflict` naming the holder, :class:`InvalidInput` if the state folder is of no use.
        """
        try:
            ensure_private_dir(home)
            descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InvalidInput(not_writable(home, error)) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            pid = holder(home).get("pid", "unknown")
            raise Conflict(
                f"a host already serves {home}: pid {pid}. Use it, or end it with `jupyter flow stop`"
            ) from None
        is_inherited = os.fstat(descriptor).st_size > 0
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "started_at": to_iso(now)}).encode(), 0)
        return cls(descriptor, is_inherited)

    def release(self) -> None:
        """Give the lease back. The file stays: removing it would race with the next taker."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()


def place(home: Path) -> dict[str, str]:
    """Return what tells the host of ``home`` from those of other homes, on this machine and on others."""
    return {"home": str(home.resolve()), "hostname": socket.gethostname()}


def not_writable(home: Path, error: OSError) -> str:
    """Return what is said when nothing can be written into the state folder ``home``."""
    why = error.strerror or str(error)
    return f"state folder {home} is not writable ({why}): set {HOME_VARIABLE} or --home"


def holder(home: Path) -> dict[str, Any]:
    """Return ``{"pid", "started_at"}`` as the last taker wrote them, ``{}`` if nobody did."""
    try:
        content = json.loads((home / LOCK_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def is_held(home: Path) -> bool:
    """Tell whether somebody holds the lease of ``home`` at this moment."""
    try:
        descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
