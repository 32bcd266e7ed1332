"""The keeper: the runner of a failed attempt stays and holds its kernel, so that a person can look into it.

Its report is written before, so the run goes on. The kernel ends when its time is over, when too many are kept, when
somebody sends SIGTERM here (the house, another keeper), and when this process ends in whatever way: it holds the leash.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from pathlib import Path

from ..model.records import Workload
from ..wire import kept, processes
from ..wire.kept import Kept
from .held_kernel import HeldKernel
from .leftovers import end_leftovers
from .stamps import now
from .verdict import Verdict

LOOK_EVERY = 10.0
"""Seconds between two looks at the memory of kept kernels, and at the note."""
_FAILURES_OF_CELLS = frozenset({"cell_error", "cell_exit", "timeout_cell"})
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def is_worth_keeping(workload: Workload, verdict: Verdict) -> bool:
    """Tell whether ``verdict`` is a failure of a cell after which the task is not tried again."""
    is_last = verdict.no_retry or workload.try_number >= workload.max_tries
    return verdict.outcome == "failed" and is_last and verdict.reason.code in _FAILURES_OF_CELLS


class Keeper:
    """Holds ``kernel``, which failed in the cell with index ``cell`` of ``notebook``, for ``seconds``."""

    def __init__(
        self, workload: Workload, kernel: HeldKernel, kernel_name: str, notebook: str, cell: int, seconds: float
    ) -> None:
        self._home, self._spool = Path(workload.home), Path(workload.spool)
        self._limits = workload.keep_kernels
        self._kernel = kernel
        own, its = processes.look(os.getpid()), processes.look(kernel.pid)
        begun = now().timestamp()
        seconds = min(seconds, kept.LONGEST)
        self._note = Kept(
            attempt_id=workload.attempt_id,
            attempt_number=workload.attempt_number,
            dag_id=workload.run.dag_id,
            run_id=workload.run.run_id,
            task_id=workload.task.task_id,
            map_index=workload.map_index,
            kernel_name=kernel_name,
            notebook=notebook,
            cell=cell,
            pid=kernel.pid,
            start_ticks=its.start_ticks if its is not None else 0,
            keeper_pid=os.getpid(),
            keeper_ticks=own.start_ticks if own is not None else 0,
            since=begun,
            until=begun + seconds,
            seconds=seconds,
            connection=kernel.connection,
        )
        self._bell, self._ringer = socket.socketpair()
        self._is_over = False

    def begin(self, outputs: list[int]) -> None:
        """Leave the note; from now on SIGTERM and SIGINT end the kernel. ``outputs``: pipes into which it writes."""
        self._outputs = outputs
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._ringer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: setattr(self, "_is_over", True))
        kept.note(self._home, self._note)

    def serve(self) -> None:
        """Wait for the end of the kernel or of its time; then nothing of the attempt is left."""
        selector = selectors.DefaultSelector()
        selector.register(self._kernel.pidfd, selectors.EVENT_READ)
        selector.register(self._bell, selectors.EVENT_READ)
        for descriptor in self._outputs:
            selector.register(descriptor, selectors.EVENT_READ, self._pour_out)
        look_at = 0.0
        try:
            while not self._is_over and not self._kernel.has_ended():
                if time.monotonic() >= look_at:
                    left = self._look()
                    look_at = time.monotonic() + min(LOOK_EVERY, left)
                    if left <= 0 or self._is_over:
                        break
                for key, _ in selector.select(max(0.0, look_at - time.monotonic())):
                    if key.data is not None and not key.data(key.fd):
                        selector.unregister(key.fd)
        finally:
            self.end()

    def end(self) -> None:
        """End the kernel and all that it has started, and take the note away."""
        self._kernel.end()
        end_leftovers(self._note.attempt_id, 0.0, thorough=True)
        kept.forget(self._home, self._note.attempt_id)

    @staticmethod
    def _pour_out(descriptor: int) -> bool:
        """Read what the kernel has written, so that it never blocks or breaks on it; False at the end."""
        try:
            return bool(os.read(descriptor, 1 << 16))
        except BlockingIOError:
            return True

    def _look(self) -> float:
        """Return the seconds that are left; somebody may have prolonged them.

        Lets the oldest kernels go while there are too many or too large ones; ours too if its folder is gone.
        """
        if not self._spool.is_dir():
            self._is_over = True
        notes = {item.attempt_id: item for item in kept.read_all(self._home) if item.is_held}
        sizes = [(name, memory_of(item.pid)) for name, item in notes.items()]
        for name in kept.too_many(sizes, int(self._limits["count"]), int(self._limits["memory"])):
            if name == self._note.attempt_id:
                self._is_over = True
            else:
                notes[name].let_go()
        found = notes.get(self._note.attempt_id)
        return 0.0 if found is None else found.until - now().timestamp()


def memory_of(pid: int) -> int:
    """Return the bytes of memory that process ``pid`` and what it has started have in use."""
    return sum(_resident(item.pid) for item in processes.members(None, {pid}))


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
