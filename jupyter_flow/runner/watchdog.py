"""The end of a Python task that holds the interpreter lock past its ``execution_timeout``.

Code inside a long C call sees no signal handler. A watchdog process, forked before the task starts, then writes
the result in its stead and kills it, and all that it has started. Only tasks with a timeout pay for it.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

from ..model.faultpoint import faultpoint


class Watchdog:
    """Kills this process group at ``seconds`` from now.

    ``write_result`` is called in the watchdog process while the guarded one is stopped; it answers False if the
    guarded process has already written a result of its own, which then stands. ``sweep`` is called at last, to end
    what is left.
    """

    def __init__(self, seconds: float, write_result: Callable[[], bool], sweep: Callable[[], object]) -> None:
        guarded = os.getpid()
        read_end, self._write_end = os.pipe()
        faultpoint("watchdog.before_fork")
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                os.close(self._write_end)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.setpgid(0, 0)
                timed_out = not select.select([read_end], [], [], seconds)[0]
                if timed_out and os.getppid() == guarded:
                    os.kill(guarded, signal.SIGSTOP)
                    if write_result():
                        os.killpg(guarded, signal.SIGKILL)
                        sweep()
                    else:
                        os.kill(guarded, signal.SIGCONT)
                status = 0
            finally:
                os._exit(status)
        os.close(read_end)
        faultpoint("watchdog.after_fork")

    def dismiss(self) -> None:
        """The task has ended in time: the watchdog ends too. A second call changes nothing."""
        if self._pid == 0:
            return
        os.close(self._write_end)
        os.kill(self._pid, signal.SIGKILL)
        try:
            os.waitpid(self._pid, 0)
        except ChildProcessError:
            pass  # the task has waited for any child
        self._pid = 0
