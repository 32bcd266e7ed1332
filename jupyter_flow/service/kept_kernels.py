"""Kernels of failed notebooks that are kept for a while: who has one, opening and letting go, and their certain end."""

from __future__ import annotations

import logging
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..execution import census
from ..model.errors import Conflict
from ..model.instants import iso_or_none
from ..model.records import Actor
from ..storage import attempts, events, queries
from ..wire import kept
from ..wire.kept import Kept
from .commanding import command
from .documents import Document
from .house import House

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
PATIENCE = 5.0
"""Seconds for a keeper to end its kernel, until both are killed."""
RELEASED = "kernel_released"


def live_kernel(house: House, attempt_id: str | None) -> Document | None:
    """Return what is kept of an attempt's kernel, None if nothing is."""
    found = kept.read(house.config.home, attempt_id) if attempt_id is not None else None
    return _document(found) if found is not None and found.is_held else None


def open_kernel(house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Document:
    """Keep the kernel of a failed task as long again from now on, for somebody looks into it; return what is known.

    Raises :class:`Conflict` if none is kept.
    """
    found = _named(house, actor, "tasks.open_kernel", dag_id, run_id, task_id, map_index)
    until = house.clock.wall() + timedelta(seconds=found.seconds)
    return _document(kept.prolong(house.config.home, found, until.timestamp()))


def release_kernel(house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Document:
    """End the kernel that is kept of a failed task. Raises :class:`Conflict` if none is."""
    _named(house, actor, "tasks.release_kernel", dag_id, run_id, task_id, map_index).let_go()
    return {}


def release_all(home: Path) -> None:
    """Have all kept kernels end: the house ends with its tasks."""
    for item in kept.read_all(home):
        item.let_go()


def _named(house: House, actor: Actor, name: str, dag_id: str, run_id: str, task_id: str, map_index: int) -> Kept:
    arguments = {"map_index": map_index}
    with command(house, actor, name, "trigger", dag_id=dag_id, run_id=run_id, task_id=task_id, arguments=arguments) as (
        connection,
        _,
    ):
        row = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        tries = attempts.list_attempts(connection, row.id)
        found = kept.read(house.config.home, tries[-1].id) if tries else None
        if found is None or not found.is_held:
            raise Conflict(f"no kernel of {task_id!r} is kept: it has ended, or keep_kernel_on_failure is 0")
    return found


def _document(found: Kept) -> Document:
    return {
        "attempt_id": found.attempt_id,
        "attempt_number": found.attempt_number,
        "kernel_name": found.kernel_name,
        "cell": found.cell,
        "since": iso_or_none(datetime.fromtimestamp(found.since, UTC)),
        "until": iso_or_none(datetime.fromtimestamp(found.until, UTC)),
    }


class KeptKernels:
    """Looks after the kept kernels of a house: they end with their task or their time.

    Everything is read from notes and rows, so that the next host knows as much.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: dict[str, Kept] = {}
        self._told: dict[str, float] = {}
        self._next = 0.0
        self._was_asked = False

    def next_tick(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`; None if nothing is kept."""
        return self._next if self._known or self._was_asked else None

    def tick(self, now: float) -> bool:
        """Have those end whose time has come; True when something was committed."""
        self._was_asked = now < self._next  # a note may have come after the last look
        if self._was_asked:
            return False
        self._next = now + LOOK_EVERY
        found = {item.attempt_id: item for item in kept.read_all(self._house.config.home)}
        gone = [item for name, item in self._known.items() if name not in found]
        for name, item in list(found.items()):
            if not item.is_held:  # it was killed, and Linux has ended the kernel with it
                self._leave_nothing(found.pop(name))
                gone.append(item)
        self._known = found
        self._told = {name: at for name, at in self._told.items() if name in found}
        if found:
            with self._house.reading() as connection:
                wanted = attempts.failed_for_good(connection, list(found))
            wall = self._house.clock.wall().timestamp()
            for name, item in found.items():
                if item.heir is not None:
                    continue
                if (name not in wanted and not item.is_claimed) or item.until + PATIENCE < wall:
                    self._end(item, now)
        return self._tell(gone)

    def _end(self, item: Kept, now: float) -> None:
        first = self._told.setdefault(item.attempt_id, now)
        if first == now:
            item.let_go()
        elif now - first >= PATIENCE:
            log.warning("attempt %s: its kernel was kept too long: killed", item.attempt_id)
            item.let_go(signal.SIGCONT)
            self._leave_nothing(item)

    def _leave_nothing(self, item: Kept) -> None:
        census.sweep(item.attempt_id, signal.SIGKILL)
        kept.forget(self._house.config.home, item.attempt_id)

    def _tell(self, gone: list[Kept]) -> bool:
        """Write an event for each kernel that has ended, so that whoever shows it looks again."""
        if not gone:
            return False
        with self._house.writing("kernels") as connection:
            runs = attempts.runs_of(connection, [item.attempt_id for item in gone])
            told = [
                events.RunEvent(
                    runs[item.attempt_id], RELEASED, item.dag_id, item.run_id, None, None, item.task_id, item.map_index
                )
                for item in gone
                if item.attempt_id in runs
            ]
            events.append_run_events(connection, told, self._house.clock.wall(), None)
        return bool(told)
