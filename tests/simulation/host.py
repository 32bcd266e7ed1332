"""The real host's loop on simulated ground: its own desk, book and sleep, but no sockets, no parser, no kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.service import host
from jupyter_flow.service.host import Host
from jupyter_flow.service.house import House

from .executor import Machine, SimulatedExecutor
from .faults import Armed, Crash, Violation, database_error

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
TURNS = 60
"""Transactions that one step of a host may take; more and it runs in circles."""


class SimulatedClock:
    """Reads the world's time as a machine shows it. ``latest``: what it showed last, or later in the same step."""

    def __init__(self, now: Callable[[], float], machine: Machine) -> None:
        self._now = now
        self._machine = machine
        self.latest = BEGAN

    def wall(self) -> datetime:
        found = BEGAN + timedelta(seconds=self._now() + self._machine.offset)
        self.latest = max(self.latest, found)
        return found

    def begin_step(self) -> None:
        self.latest = datetime.min.replace(tzinfo=UTC)

    def monotonic(self) -> float:
        return self._now()

    def boottime(self) -> float:
        return self._now()


@dataclass
class SimulatedHouse(House):
    """A house whose transactions may fail, crash, and are looked at after their commit."""

    armed: Armed = field(default_factory=Armed)
    now: Callable[[], float] = lambda: 0.0
    begun: Callable[[], Any] = lambda: None
    committed: Callable[[Any], None] = lambda before: None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self._reach()
        with super().reading() as connection:
            yield connection

    @contextmanager
    def writing(self, *name: Any, **more: Any) -> Iterator[Connection]:
        """As the house's own; the first of ``name``: of its fault points."""
        what = name[0] if name else "write"
        self.armed.pass_point(f"{what}: before the transaction")
        self._reach()
        self.armed.transactions += 1
        if self.armed.transactions > TURNS:
            raise Violation(f"{TURNS} transactions in one step: the host runs in circles")
        before = self.begun()
        try:
            with super().writing(*name, **more) as connection:
                yield connection
                self.armed.pass_point(f"{what}: before the commit", holds_lock=True)
        except Crash:
            self.committed(before)  # it may have been killed right after its commit
            raise
        self.committed(before)
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

    def __getattr__(self, name: str) -> Any:
        return self if name in ("timetables", "pool", "watcher") else _nothing

    def fileobjs(self) -> tuple[int, ...]:
        return ()


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


class Home:
    """Where one host at a time lives: its folder, machine, and connections to the database."""

    def __init__(self, folder: Path, machine: Machine, engines: tuple[Engine, Engine], config: FlowConfig) -> None:
        (folder / "spool").mkdir(parents=True, exist_ok=True)
        self.machine = machine
        self.engines = engines
        self.config = replace(config, home=folder)
        self.host: SimulatedHost | None = None
        self.is_frozen = False  # a host stands still in the midst of its code

    @property
    def place(self) -> dict[str, str]:
        return {"home": str(self.config.home), "hostname": self.machine.name}


class SimulatedHost(Host):
    """One host process: dies by :class:`~.faults.Crash`, or ends by itself."""

    def __init__(self, world: Any, number: int, home: Home) -> None:
        self.name = f"host{number}"
        self.pid = 10_000 + number
        self.home = home
        self.machine = home.machine
        self.is_dead = False
        self.stopped_until = -1.0
        self.armed = Armed()
        self.simulated = SimulatedExecutor(world, home.machine, home, lambda: world.wake(self))
        self.desk: Any = None
        self._world = world

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still in the midst of its code."""
        return self.stopped_until >= 0

    def begin(self) -> None:
        """Become the host and take over: all that the real one does, with simulated collaborators."""
        with ExitStack() as patches:
            for name, value in self._collaborators().items():
                if hasattr(host, name):
                    patches.enter_context(patch.object(host, name, value))
            Host.__init__(self, self.home.config, ExitStack())
            super().begin()

    def _collaborators(self) -> dict[str, Any]:
        """What stands in for names of the host's module."""
        writer, reader = self.home.engines
        stub = _Stub()
        world = self._world

        def executor() -> Any:
            return PointedExecutor(self.simulated, self.armed)

        return {
            "SystemClock": lambda: SimulatedClock(lambda: world.now, self.machine),
            "Lease": SimpleNamespace(take=lambda home, now: nullcontext()),
            "HeadStart": SimpleNamespace(take=lambda config, now: nullcontext(SimpleNamespace(take_executor=executor))),
            "usable": lambda config: nullcontext(),
            "database": SimpleNamespace(create_engine=lambda url: writer, create_reader=lambda url: reader),
            "migrating": stub,
            "House": self._house,
            "selectors": SimpleNamespace(DefaultSelector=lambda: stub, EVENT_READ=1),
            "Wakeup": lambda selector, stack, stop: lambda: world.wake(self),
            "make_executor": lambda config: executor(),
            "WaitingKernels": lambda config, launcher: stub,
            "Parser": lambda *given: stub,
            "HouseSocket": lambda *given: stub,
            "retention": SimpleNamespace(Retention=lambda house: stub),
            "uuid": SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=self.name)),
            "boot_id": lambda: self.machine.boot_id,
            "house_socket": lambda home: None,
            "place": lambda home: self.home.place,
        }

    def _house(self, config: FlowConfig, reader: Engine, engine: Engine, clock: Any, effects: Any) -> SimulatedHouse:
        world = self._world
        return SimulatedHouse(
            config,
            reader,
            engine,
            clock,
            effects=effects,
            armed=self.armed,
            now=lambda: world.now,
            begun=world.begun,
            committed=lambda before: world.committed(self, before),
        )

    def work(self) -> None:
        """One round of the loop."""
        self.clock.begin_step()
        self._work()

    def sleep(self) -> float:
        """How long the host would sleep if nothing came in."""
        return self._sleep(10.0)

    def end(self) -> None:
        """End in order."""
        self._end_row()
