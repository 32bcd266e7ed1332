"""The leash: a pipe whose last writer's end makes Linux kill a process group.

Whoever owns a process group (a kernel and what it started) holds the write end. When the last copy of it is
closed, also by kill -9 of the holder, the kernel sends SIGKILL to the group: no thread, no polling, and even a
process inside a GIL-holding call ends within milliseconds. The write end may be handed over by
``socket.send_fds``. Standard library only: the kernel forkserver loads this file by its path.
"""

from __future__ import annotations

import fcntl
import os
import signal

# Constants of <fcntl.h> that Python names on Linux only; 0 marks a platform without them.
_F_SETSIG: int = getattr(fcntl, "F_SETSIG", 0)
_F_SETOWN: int = getattr(fcntl, "F_SETOWN", 0)
_O_ASYNC: int = getattr(os, "O_ASYNC", 0)


def is_available() -> bool:
    """Tell whether this platform can end a process group when a pipe closes (Linux)."""
    return bool(_F_SETSIG and _F_SETOWN and _O_ASYNC)


def make() -> tuple[int, int]:
    """Return ``(read_end, write_end)``, both closed on exec and non-blocking on the read side.

    The read end has to stay open somewhere inside the group; the write end belongs to the owner alone.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    return read_end, write_end


def arm(read_end: int, group: int) -> None:
    """Let SIGKILL go to process group ``group`` when the last write end closes.

    May be called inside the group, or by its owner on a read end that the group's leader inherits (the setting
    belongs to the open file). Raises OSError where the platform refuses, RuntimeError where it has no leash.
    """
    if not is_available():
        raise RuntimeError("this platform has no F_SETSIG: the owner's end cannot end a process group")
    fcntl.fcntl(read_end, _F_SETSIG, int(signal.SIGKILL))
    fcntl.fcntl(read_end, _F_SETOWN, -group)
    fcntl.fcntl(read_end, fcntl.F_SETFL, fcntl.fcntl(read_end, fcntl.F_GETFL) | _O_ASYNC)
