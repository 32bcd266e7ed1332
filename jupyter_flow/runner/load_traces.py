"""Whether the loading of a DAG file left anything behind that forked processes would share or lose.

A process that has loaded a DAG file may be forked from only if every child is then as if it had loaded the file
itself. Whatever speaks against it is a reason to load the file in each attempt anew.
"""

from __future__ import annotations

import atexit
import os
import random
import resource
import signal
import sys
from typing import Any

from ..authoring import parsing_context
from .fork_hygiene import RLIMITS

_ENTROPY = (0x80000000, 623)
"""First word and position of numpy's global generator as long as nobody has seeded or asked it."""


class LoadTraces:
    """What this process is like before a DAG file is loaded; :meth:`found` looks again afterwards.

    ``folder``: where what the file prints is kept meanwhile (descriptors 1 and 2 go there, see :meth:`close`).
    """

    def __init__(self) -> None:
        self._output = os.memfd_create("output of a DAG file", 0)
        self._saved = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(self._output, number)
        parsing_context.asked = False
        self._before = self._look()

    @staticmethod
    def _look() -> dict[str, Any]:
        umask = os.umask(0o077)
        os.umask(umask)
        return {
            "opened or closed files or connections": _descriptors(),
            "registered functions with atexit": atexit._ncallbacks(),
            "seeded or used random numbers": random.getstate(),
            "set signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
            "set the umask": umask,
            "set limits": [resource.getrlimit(which) for which in RLIMITS],
            "set a timer": signal.getitimer(signal.ITIMER_REAL),
        }

    def found(self) -> str | None:
        """Return what the file did that stands against forking, None if it did nothing of the kind."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if os.fstat(self._output).st_size:
            return "printed something"
        if parsing_context.asked:
            return "asked for its parsing context"
        after = self._look()
        for what, value in self._before.items():
            if after[what] != value:
                return what
        if len(os.listdir("/proc/self/task")) != 1:
            return "started threads"
        if _has_children():
            return "started processes"
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            _, words, position, *_ = numpy.random.get_state()
            if (int(words[0]), position) != _ENTROPY:
                return "seeded or used random numbers of numpy"
        return None

    def close(self) -> None:
        """Let this process print to where it did before."""
        for number, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, number)
            os.close(saved)
        os.close(self._output)


def _descriptors() -> dict[str, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # the descriptor of the listing itself
    return found


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
