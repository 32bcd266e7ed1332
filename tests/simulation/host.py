"""The real host's loop on simulated ground: its own desk, book and sleep, but no sockets, no parser, no kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.service.among_hosts import AmongHosts
from jupyter_flow.service.desk import Desk
from jupyter_flow.service.guard import Guard
from jupyter_flow.service.host import Host
from jupyter_flow.service.host_row import HostRow
from jupyter_flow.service.house import House
from jupyter_flow.service.recovery import recover

from .executor import Machine, SimulatedExecutor
from .faults import Armed, Crash, Violation, database_error

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
TURNS = 60
"""Transactions that one step of a host may take; more and it runs in circles."""


class SimulatedClock:
    """Reads the world's time; ``offset``: seconds by which this machine's time of day is wrong."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.offset = 0.0

    def wall(self) -> datetime:
        return BEGAN + timedelta(seconds=self._now() + self.offset)

    def monotonic(self) -> float:
        return self._now()

    def boottime(self) -> float:
        return self._now()


@dataclass
class SimulatedHouse(House):
    """A house whose transactions may fail, crash, and are looked at after their commit."""

    armed: Armed = field(default_factory=Armed)
    now: Callable[[], float] = lambda: 0.0
    committed: Callable[[], None] = lambda: None
    transactions: int = 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self._reach()
        with super().reading() as connection:
            yield connection

    @contextmanager
    def writing(self, *name: str, **more: bool) -> Iterator[Connection]:
        """As the house's own; ``name``: of its fault points."""
        what = name[0] if name else "write"
        self.armed.pass_point(f"{what}: before the transaction")
        self._reach()
        self.transactions += 1
        if self.transactions > TURNS:
            raise Violation(f"{TURNS} transactions in one step: the host runs in circles")
        try:
            with super().writing(*name, **more) as connection:
                yield connection
                self.armed.pass_point(f"{what}: before the commit")
        except Crash:
            self.committed()  # it may have been killed right after its commit
            raise
        self.committed()
        self._lose_answer()
        self.armed.pass_point(f"{what}: after the commit")

    def _lose_answer(self) -> None:
        if self.armed.lost_answer_in is None:
            return
        self.armed.lost_answer_in -= 1
        if self.armed.lost_answer_in <= 0:
            self.armed.lost_answer_in = None
            raise database_error("the connection was lost while the commit was answered")

    def _reach(self) -> None:
        if self.now() < self.armed.outage_until:
            raise database_error("cannot reach the database")


class _Stub:
    """Whatever of a host the world has no use for: does nothing, has nothing to do."""

    busy = False

    @property
    def timetables(self) -> _Stub:
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _nothing


def _nothing(*_arguments: Any, **_named: Any) -> None:
    return None


class PointedExecutor:
    """Passes everything on to ``inner``, with a point before each start and end of a process."""

    def __init__(self, inner: SimulatedExecutor, armed: Armed) -> None:
        self._inner, self._armed = inner, armed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def start(self, *arguments: Any) -> None:
        self._armed.pass_point("before a start")
        self._inner.start(*arguments)
        self._armed.pass_point("after a start")

    def cancel(self, attempt_id: str) -> None:
        self._armed.pass_point("before a cancel")
        self._inner.cancel(attempt_id)


class SimulatedHost(Host):
    """One host process: dies by :class:`~.faults.Crash`, or ends by itself."""

    def __init__(
        self,
        world: Any,
        name: str,
        config: FlowConfig,
        machine: Machine,
        clock: SimulatedClock,
        engines: tuple[Engine, Engine],
    ) -> None:
        self.name = name
        self.machine = machine
        self.config = config
        self.clock = clock
        self.is_ended = self.is_dead = False
        self._stack = ExitStack()
        self._drain: str | None = None
        self._reload: bool | None = None
        self._reload_waiters = []
        self._told, self._sign_at = 0, 0.0
        self.started_at = clock.wall()
        self._commanded = False
        self._unpushed = False
        self._push_at = 0.0
        self.armed = Armed()
        writer, reader = engines
        self.house = SimulatedHouse(
            config,
            reader,
            writer,
            clock,
            effects=self,
            armed=self.armed,
            now=lambda: world.now,
            committed=lambda: world.committed(self),
        )
        stub: Any = _Stub()
        self.simulated = SimulatedExecutor(world, machine, lambda: world.wake(self))
        self.executor: Any = PointedExecutor(self.simulated, self.armed)
        self.among = AmongHosts(self.house, HostRow(self.house, name, {"home": machine.name, "hostname": machine.name}))
        self.guard = Guard(config, clock, lambda: len(self.desk.active), lambda: world.wake(self))
        self.kernels = self.parser = self.socket = self.retention = stub

    def begin(self) -> None:
        """Become the host and take over."""
        row = self.among.row
        earlier = row.take()
        self.desk = Desk(self.house, self.executor, self.kernels, row.host_id, self.machine.boot_id, earlier)
        recover(self.desk)
        self._work()

    def work(self) -> None:
        """One round of the loop."""
        self._work()

    def sleep(self) -> float:
        """How long the host would sleep if nothing came in."""
        return self._sleep(10.0)

    def end(self) -> None:
        """End in order."""
        self._end_row()
