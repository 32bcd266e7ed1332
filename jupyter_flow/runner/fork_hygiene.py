"""What a forked child does before any user code, so that it is like a freshly started process.

A forkserver takes a :class:`Baseline` before it changes anything of itself; each child calls
:meth:`Baseline.restore`. Standard library only: the kernel forkserver loads this file by its path.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Iterable
from typing import Any

TAG_VARIABLE = "JUPYTER_FLOW_ATTEMPT"
TAG_PLACEHOLDER = "0" * 32
"""A forkserver is started with this value; attempt ids have the same length, so they fit in its place."""

FORKSERVER_SIGNALS = (signal.SIGINT, signal.SIGCHLD)
"""The signals that a forkserver handles or ignores itself, after its baseline."""

_RESETTABLE = sorted(
    number
    for number in signal.valid_signals()
    if number not in (signal.SIGKILL, signal.SIGSTOP) and signal.getsignal(number) is not None
)
_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before the fork, not in each child
_PR_SET_CHILD_SUBREAPER = 36
RLIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))


class EnvironmentTag:
    """The tag in the process's *initial* environment block, which is what ``/proc/PID/environ`` shows.

    A variable set after the start is invisible there, and a forked process shows its parent's bytes. So the
    forkserver is started with a placeholder, found once, and each child overwrites its own copy in place.
    """

    def __init__(self) -> None:
        """Find the placeholder; raises RuntimeError if this process was started without it."""
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
        start, end = int(fields[47]), int(fields[48])  # env_start, env_end: fields 50 and 51 of proc(5)
        block = ctypes.string_at(start, end - start)
        entry = f"{TAG_VARIABLE}={TAG_PLACEHOLDER}".encode()
        offset = 0 if block.startswith(entry + b"\0") else block.find(b"\0" + entry + b"\0") + 1
        if not block[offset:].startswith(entry):
            raise RuntimeError(f"started without {TAG_VARIABLE}={TAG_PLACEHOLDER}: its children could not be found")
        self._address = start + offset + len(TAG_VARIABLE) + 1

    def write(self, attempt_id: str) -> None:
        """Mark this process (and what it will start) with ``attempt_id``: 32 characters of ASCII."""
        value = attempt_id.encode("ascii")
        if len(value) != len(TAG_PLACEHOLDER):
            raise ValueError(f"{attempt_id!r} does not fit into the place of {len(TAG_PLACEHOLDER)} characters")
        ctypes.memmove(self._address, value, len(value))
        os.environ[TAG_VARIABLE] = attempt_id


class Baseline:
    """Signal handlers, limits and umask as they were at the start of the forkserver."""

    def __init__(self) -> None:
        self.umask = os.umask(0o077)
        os.umask(self.umask)
        changed = [number for number in _RESETTABLE if signal.getsignal(number) != _fresh_handler(number)]
        self.signals = (*changed, *FORKSERVER_SIGNALS)
        self.limits = {which: resource.getrlimit(which) for which in RLIMITS}

    def restore(self, keep: tuple[int, ...] = ()) -> None:
        """Make the calling child clean; it is already in its own session and tagged.

        ``keep``: file descriptors besides 0, 1, 2 that stay open. All others are closed by number, so objects
        of the forkserver that own one must outlive the child's use of new descriptors (it ends by ``_exit``).
        """
        reset_signals(self.signals)
        os.umask(self.umask)
        for which, limits in self.limits.items():
            if resource.getrlimit(which) != limits:
                resource.setrlimit(which, limits)
        close_foreign(keep)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        reseed()
        gc.enable()


def reset_signals(numbers: Iterable[int] | None = None) -> None:
    """Give ``numbers`` (None: every signal) the handler of a fresh interpreter, and unblock all."""
    signal.set_wakeup_fd(-1)
    for number in _RESETTABLE if numbers is None else numbers:
        handler = _fresh_handler(number)
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _fresh_handler(number: int) -> Any:
    if number == signal.SIGINT:
        return signal.default_int_handler
    return signal.SIG_IGN if number in (signal.SIGPIPE, signal.SIGXFSZ) else signal.SIG_DFL


def close_foreign(keep: tuple[int, ...]) -> None:
    """Close every descriptor except 0, 1, 2 and ``keep``."""
    if not keep and _close_all_from(3):
        return
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number > 2 and number not in keep:
            try:
                os.close(number)
            except OSError:
                pass  # the descriptor of the listing itself


def _close_all_from(first: int) -> bool:
    """Close all descriptors from ``first`` on at once; False where the system cannot."""
    try:
        return bool(_LIBC.close_range(first, ctypes.c_uint(-1), 0) == 0)
    except AttributeError:
        return False


def reseed() -> None:
    """Give this process its own random numbers. Python reseeds ``random`` in every fork itself, numpy does not."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def become_subreaper() -> bool:
    """Make orphaned descendants of this process its children, so that a census finds them. False if refused."""
    try:
        return bool(_LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except AttributeError:
        return False


def settle_memory() -> None:
    """Prepare the memory of a forkserver for forks, when its imports are done.

    What they needed only for a while is given back (children copy page tables), and the garbage collector of a
    child shall not touch, hence copy, what is ours.
    """
    gc.collect()
    try:
        _LIBC.malloc_trim(0)
    except AttributeError:
        pass  # not glibc
    gc.freeze()
