"""Which mechanisms this machine has, and the named weaker twin of each that it lacks (``jupyter flow doctor``)."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

_PR_GET_CHILD_SUBREAPER = 37


@dataclass(frozen=True)
class Mechanism:
    """One mechanism. ``twin``: what is done instead where it is missing."""

    name: str
    available: bool
    purpose: str
    twin: str

    def __str__(self) -> str:
        return f"{self.name}: {'yes' if self.available else f'no, instead {self.twin}'} ({self.purpose})"


def probe() -> list[Mechanism]:
    """Return all mechanisms, tried here and now; takes well under a millisecond."""
    return [
        Mechanism("fork", can_fork(), "runners and kernels start from pre-imported processes", "spawn, slower"),
        Mechanism("pidfd", _has_pidfd(), "the end of any process is seen at once", "a look ten times a second"),
        Mechanism("leash", _has_leash(), "a kernel dies with its owner", "a sweep by tag when the loss is seen"),
        Mechanism("tag", _has_tag(), "every process of an attempt is found", "psutil, which may be refused"),
        Mechanism("subreaper", _has_subreaper(), "orphans of a task stay its children", "the tag alone"),
    ]


def can_fork() -> bool:
    """Tell whether forkservers are used on this platform: fork is safe on Linux only."""
    return sys.platform.startswith("linux") and hasattr(socket, "SO_PEERCRED") and _has_pidfd()


def _has_pidfd() -> bool:
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def _has_leash() -> bool:
    read_end, write_end = os.pipe()
    try:
        fcntl.fcntl(read_end, fcntl.F_SETSIG, 0)
    except (OSError, AttributeError):
        return False
    finally:
        os.close(read_end)
        os.close(write_end)
    return hasattr(os, "O_ASYNC") or hasattr(fcntl, "FASYNC")


def _has_tag() -> bool:
    return os.access(Path(f"/proc/{os.getpid()}/environ"), os.R_OK)


def _has_subreaper() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    answer = ctypes.c_int()
    return bool(ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0) == 0)
