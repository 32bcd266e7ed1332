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
from collections.abc import Sequence
from pathlib import Path

from ..model.faultpoint import faultpoint
from ..model.records import Workload
from ..wire import kept, processes
from ..wire.kept import Kept
from .earlier_attempts import end_earlier
from .held_kernel import HeldKernel
from .leftovers import end_leftovers
from .stamps import now
from .verdict import Verdict

LOOK_EVERY = 10.0
"""Seconds between two looks at the memory of kept kernels, and at the note."""
HAND_OVER_WITHIN = 30.0
"""Seconds for a runner to take the kernel that was offered to it."""
_FAILURES_OF_CELLS = frozenset({"cell_error", "cell_exit", "timeout_cell"})
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def is_worth_keeping(workload: Workload, verdict: Verdict) -> bool:
    """Tell whether ``verdict`` is a failure of a cell after which the task is not tried again."""
    is_last = verdict.no_retry or workload.try_number >= workload.max_tries
    return verdict.outcome == "failed" and is_last and verdict.reason.code in _FAILURES_OF_CELLS


class Keeper:
    """Holds ``kernel``, which failed in the cell with index ``cell`` of ``notebook``, for ``seconds``.

    ``earlier``: the attempts that had the kernel before.
    """

    def __init__(
        self,
        workload: Workload,
        kernel: HeldKernel,
        kernel_name: str,
        notebook: str,
        cell: int,
        seconds: float,
        earlier: Sequence[str],
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
            earlier=tuple(earlier),
        )
        self._bell, self._ringer = socket.socketpair()
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._is_over = False
        self._is_given = False

    def begin(self, outputs: list[int]) -> None:
        """Leave the note; from now on SIGTERM and SIGINT end the kernel. ``outputs``: pipes into which it writes."""
        self._outputs = outputs
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._ringer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: setattr(self, "_is_over", True))
        kept.note(self._home, self._note)
        path = kept.take_socket(self._home, self._note.attempt_id)  # its folder is 0700
        path.unlink(missing_ok=True)
        self._door.bind(str(path))
        self._door.listen()
        self._door.setblocking(False)

    def serve(self) -> None:
        """Wait for the end of the kernel or of its time; then nothing of the attempt is left."""
        selector = selectors.DefaultSelector()
        selector.register(self._kernel.pidfd, selectors.EVENT_READ)
        selector.register(self._bell, selectors.EVENT_READ, self._pour_out)
        selector.register(self._door, selectors.EVENT_READ, self._hand_over)
        for descriptor in self._outputs:
            selector.register(descriptor, selectors.EVENT_READ, self._pour_out)
        look_at = 0.0
        try:
            while not (self._is_over or self._is_given or self._kernel.has_ended()):
                if time.monotonic() >= look_at:
                    left = self._look()
                    look_at = time.monotonic() + min(LOOK_EVERY, left)
                    if left <= 0 or self._is_over:
                        break
                self._wait(selector, max(0.0, look_at - time.monotonic()))
        finally:
            if not self._is_given:
                self.end()
        # an orphan of ours would be ended: a kernel that we have started ourselves needs us as its parent
        while self._is_given and self._kernel.process is not None and not self._kernel.has_ended():
            self._wait(selector, None)

    @staticmethod
    def _wait(selector: selectors.BaseSelector, seconds: float | None) -> None:
        for key, _ in selector.select(seconds):
            if key.data is not None and not key.data(key.fd):
                selector.unregister(key.fd)

    def end(self) -> None:
        """End the kernel and all that it has started, and take the note away."""
        self._kernel.end()
        end_leftovers(self._note.attempt_id, 0.0, thorough=True)
        kept.forget(self._home, self._note.attempt_id)
        end_earlier(self._home, list(self._note.earlier))

    def _hand_over(self, _: int) -> bool:
        """Give the kernel to the runner that asks for it; if that does not say that it has it, it stays here."""
        try:
            taker, _address = self._door.accept()
        except BlockingIOError:
            return True
        note = kept.read(self._home, self._note.attempt_id)
        with taker:
            taker.settimeout(HAND_OVER_WITHIN)
            try:
                faultpoint("keeper.before_offer")
                self._kernel.offer(taker)
                faultpoint("keeper.after_offer")
                self._is_given = taker.recv(1) == b"1"
            except OSError:
                pass  # it was killed, or took too long
        if not self._is_given:
            if note is not None and note.keeper_pid == os.getpid():
                kept.note(self._home, note)  # it may have written itself into ours
            return True
        faultpoint("keeper.after_hand_over")
        self._kernel.give_away()
        self._door.close()
        return False

    @staticmethod
    def _pour_out(descriptor: int) -> bool:
        """Read what the kernel (or a signal) has written, so that it never blocks or breaks on it; False at the end."""
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
        notes = {item.attempt_id: item for item in kept.read_all(self._home) if item.is_held and item.heir is None}
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
