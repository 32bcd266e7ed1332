"""One world: all that happens in it follows from its seed."""

from __future__ import annotations

import hashlib
import heapq
import logging
import random
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event

from jupyter_flow.execution import identity
from jupyter_flow.model import faultpoint
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import Conflict, FlowError
from jupyter_flow.model.records import Actor, Workload
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.service import callbacks, commands, dispatch, guard, pools, recovery
from jupyter_flow.storage import dags, database, migrating
from jupyter_flow.storage import pools as stored_pools

from .checks import Checker
from .dags import POOL, Script, random_dag, script
from .executor import Machine, Process, SimulatedExecutor
from .faults import Crash, Injected, Violation
from .host import BEGAN, SimulatedClock, SimulatedHost

ACTOR = Actor("ada", "cli")
CALM_AFTER = 90.0
"""From this second on nothing goes wrong any more and nobody asks for anything."""
STUCK_AFTER = 900.0
"""Seconds without any change after which an unfinished run will never end."""
LONGEST = 4000
"""Steps after which a world counts as endless."""
SLOTS = 3
"""Hosts with a database connection of their own, dead ones included: taken in turn."""


class Bench:
    """What worlds share to be quick: a migrated template, one database file, and engines that know their statements."""

    def __init__(self, folder: Path) -> None:
        template = folder / "template.db"
        engine = database.create_engine(f"sqlite:///{template}")
        migrating.migrate(engine)
        engine.dispose()
        self.path = folder / "flow.db"
        shutil.copyfile(template, self.path)
        self.template = sqlite3.connect(template)
        url = f"sqlite:///{self.path}"
        self.armed: SimulatedHost | None = None
        self.engines = [(self._writer(url), database.create_reader(url)) for _ in range(SLOTS)]
        self.raw = sqlite3.connect(self.path, isolation_level=None)
        self.raw.execute("PRAGMA synchronous=OFF")
        self.home = folder

    def _writer(self, url: str) -> Engine:
        engine = database.create_engine(url)

        @event.listens_for(engine, "connect")
        def _be_quick(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        @event.listens_for(engine, "before_cursor_execute")
        def _before(*_arguments: Any) -> None:
            if self.armed is not None:
                self.armed.armed.pass_statement()

        return engine

    def reset(self) -> None:
        """Begin with an empty, migrated database."""
        self.template.backup(self.raw)

    def close(self) -> None:
        """Close every connection."""
        for pair in self.engines:
            for engine in pair:
                engine.dispose()
        self.raw.close()
        self.template.close()


class _Ears(logging.Handler):
    """Hears what the product logs: an error that nobody injected is a violation."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self.world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (Injected, Conflict)):
            self.world.note(f"the product says: {type(error).__name__}")
            return
        if record.name.endswith(".guard") and error is None:  # one clear line about disk or database
            self.world.note("the host says what is wrong with its database")
            return
        self.world.complain(f"the product logged an error: {record.getMessage()}: {error!r}")


class World:
    """Hosts, machines, database, clocks and people of one seed. :meth:`run` raises :class:`Violation`."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench = bench
        self.seed = seed
        self.chance = random.Random(seed)
        self.now = 0.0
        self.steps = 0
        self.trace: list[str] = []
        self.hosts: list[SimulatedHost] = []
        self.host: SimulatedHost | None = None  # the one whose code runs now
        self.specs: dict[str, DagSpec] = {}
        self.changed_at = 0.0
        self.runs_asked = 0
        self._queue: list[tuple[float, float, int, str, Callable[[], None]]] = []
        self._number = 0
        self._waking: dict[str, float] = {}
        self._born = 0
        self._complaint: str | None = None
        self.config = FlowConfig(
            bench.home,
            parallelism=self.chance.choice([2, 3, 16]),
            infra_retries=self.chance.choice([2, 50]),
            dags_are_paused_at_creation=False,
            resource_sampling=0.0,
        )
        self.machine = Machine(self, "m")
        self.clock = SimulatedClock(lambda: self.now)
        self.checker = Checker(self)

    # --- the ground

    def instant(self) -> datetime:
        """What the clock of the machine shows."""
        return self.clock.wall()

    def after(self, delay: float, name: str, action: Callable[[], None]) -> None:
        """Let something happen ``delay`` seconds from now; what falls together happens in random order."""
        self._number += 1
        heapq.heappush(self._queue, (self.now + delay, self.chance.random(), self._number, name, action))

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{self.steps:4} {self.now:9.4f} {text}")

    def complain(self, text: str) -> None:
        """Keep the first thing that must not be; raised when the step is over."""
        self._complaint = self._complaint or text

    def script(self, workload: Workload) -> Script:
        """What the process of an attempt does."""
        run = workload.run
        spec = self.specs[run.dag_id]
        return script(self.seed, spec, workload.task, run.run_id, workload.map_index, workload.attempt_number)

    def launched(self, executor: SimulatedExecutor, workload: Workload, token: str) -> None:
        """A host starts an attempt."""
        self.note(f"launch {workload.task.task_id}[{workload.map_index}] attempt {workload.attempt_number}")
        self.checker.launched(workload, token)

    def code_began(self, process: Process) -> None:
        """User code begins to run."""
        self.note(f"runs: {process} as pid {process.pid}")
        for other in self.machine.by_attempt.values():
            if other is not process and other.works and other.task_key == process.task_key:
                raise Violation(f"two attempts of one task run: {other} and {process} of {process.task_key}")

    def committed(self, host: SimulatedHost) -> None:
        """A transaction of ``host`` was committed."""
        self.checker.committed(host)

    # --- a world's life

    def run(self) -> None:
        """Let it happen until every run has ended and the dust has settled."""
        self.bench.reset()
        with self._in_place():
            self._plan()
            try:
                while self._queue:
                    self._step()
                    if self.now > CALM_AFTER and self._is_over():
                        break
                self.checker.at_the_end()
                self._raise_complaint()
            finally:
                self.bench.armed = None

    def _step(self) -> None:
        at, _, _, name, action = heapq.heappop(self._queue)
        self.now = max(self.now, at)
        self.steps += 1
        if self.steps > LONGEST:
            raise Violation(f"{LONGEST} steps and no end")
        self.note(name)
        action()
        self._raise_complaint()
        if self.now - self.changed_at > STUCK_AFTER and (left := self.checker.unfinished()):
            raise Violation(f"nothing has changed for {STUCK_AFTER:.0f} s, unfinished: {left}")

    def _raise_complaint(self) -> None:
        if self._complaint is not None:
            raise Violation(self._complaint)

    def _is_over(self) -> bool:
        if self.checker.unfinished() or any(item.alive for item in self.machine.by_attempt.values()):
            return False
        return not any(len(host.desk.active) for host in self.hosts)

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """Put the world where the product looks for the machine and for chance."""
        numbers = random.Random(f"ids of {self.seed}")
        chosen = SimpleNamespace(uuid4=lambda: uuid.UUID(int=numbers.getrandbits(128), version=4))
        census = SimpleNamespace(runner_of=self.machine.runner_of)
        here = SimpleNamespace(boot_id=lambda: self.machine.boot_id, age=self.machine.age)
        ears = _Ears(self)
        logger = logging.getLogger("jupyter_flow")
        was = (logger.level, logger.propagate)
        with ExitStack() as stack:
            for module in (dispatch, callbacks):
                stack.enter_context(patch.object(module, "uuid", chosen))
                if module.new_token.__module__ == "jupyter_flow.service.tokens":  # not a mutant's
                    stack.enter_context(patch.object(module, "new_token", lambda: f"{numbers.getrandbits(128):x}"))
            for module in (recovery, callbacks):
                stack.enter_context(patch.object(module, "census", census))
                stack.enter_context(patch.object(module, "identity", here))
            stack.enter_context(patch.object(identity, "facts", self.machine.facts))
            stack.enter_context(patch.object(guard, "_Probe", self._probe))
            stack.enter_context(patch.object(guard, "space_of", lambda folder: None))
            stack.enter_context(patch.object(guard, "_identity", lambda config: None))
            stack.enter_context(patch.object(identity, "boot_id", lambda: self.machine.boot_id))
            logger.addHandler(ears)
            logger.setLevel(logging.ERROR)
            logger.propagate = False
            faultpoint.arm(self._at_faultpoint)
            try:
                yield
            finally:
                faultpoint.arm(None)
                logger.removeHandler(ears)
                logger.level, logger.propagate = was

    def _probe(self, url: str, wake: Callable[[], None], first: float) -> Any:
        """Stand in for the thread that asks an unreachable database whether it is back."""
        host = self.host
        assert host is not None
        found = SimpleNamespace(has_answer=False)

        def ask() -> None:
            if host.is_dead:
                return
            if self.now < host.armed.outage_until:
                self.after(2.0, "the probe asks", ask)
                return
            found.has_answer = True
            wake()

        self.after(first, "the probe asks", ask)
        return found

    def _at_faultpoint(self, name: str) -> None:
        if self.host is not None:
            self.host.armed.pass_point(name)

    # --- hosts

    @contextmanager
    def inside(self, host: SimulatedHost) -> Iterator[None]:
        """Run code of ``host``: a crash ends it, and the world goes on."""
        before, self.host, self.bench.armed = self.host, host, host
        host.house.transactions = 0
        try:
            yield
        except Crash as crash:
            self.note(f"{host.name} is killed {crash}")
            self._bury(host)
        finally:
            self.host = self.bench.armed = before

    def start_host(self) -> None:
        """A new host takes over, unless one lives."""
        if self.hosts:
            return
        self._born += 1
        engines = self.bench.engines[self._born % SLOTS]
        host = SimulatedHost(self, f"host{self._born}", self.config, self.machine, self.clock, engines)
        self.hosts.append(host)
        if self.now < CALM_AFTER and self.chance.random() < 0.15:
            host.armed.crash_in = self.chance.randint(1, 12)
        with self.inside(host):
            try:
                host.begin()
            except Injected:
                self.note(f"{host.name} cannot begin")
                self._bury(host)
        if not host.is_dead:
            self._after_work(host)

    def _bury(self, host: SimulatedHost) -> None:
        host.is_dead = True
        host.simulated.close()
        self.hosts.remove(host)
        self._waking.pop(host.name, None)
        if self.chance.random() < 0.4:  # what forks for it went with it, and its last orders were not read
            self.machine.pending.clear()
        self.after(self.chance.choice([0.0, 1.0, self.chance.uniform(0, 60)]), "a host starts", self.start_host)

    def wake(self, host: SimulatedHost, delay: float = 0.0) -> None:
        """Let ``host`` go round its loop ``delay`` seconds from now; mostly on time."""
        at = self.now + delay
        if host.is_dead or self._waking.get(host.name, at + 1) <= at:
            return
        self._waking[host.name] = at

        def go() -> None:
            if not host.is_dead and self._waking.get(host.name) == at:
                del self._waking[host.name]
                with self.inside(host):
                    host.work()
                self._after_work(host)

        lot = self.chance.random()
        late = 0.0 if lot < 0.8 else self.chance.uniform(0, 0.5) if lot < 0.97 else self.chance.uniform(0, 30)
        self.after(delay + (late if self.now < CALM_AFTER else 0), f"{host.name} wakes", go)

    def _after_work(self, host: SimulatedHost) -> None:
        if host.is_dead:
            return
        if host.is_ended:
            with self.inside(host):
                try:
                    host.end()
                except Injected:
                    pass
            if not host.is_dead:
                self._bury(host)
            return
        self.wake(host, max(host.sleep(), 0.001))

    # --- what is in store

    def _plan(self) -> None:
        chance = self.chance
        setup = self.bench.engines[0][0]
        with database.begin_write(setup) as connection:
            stored_pools.set_pool(connection, POOL, chance.choice([2, 2, 3]), None, BEGAN, None)
            for number in range(chance.choice([1, 1, 2])):
                spec = random_dag(chance, f"d{number}")
                self.specs[spec.dag_id] = spec
                dags.store_dag(connection, spec, dag_folder="/dags", bundle_hash="b" * 64, now=BEGAN)
                dags.set_paused(connection, spec.dag_id, False, BEGAN, None)
        self.after(0.0, "a host starts", self.start_host)
        for dag_id in self.specs:
            for _ in range(chance.choice([1, 1, 2])):
                self.after(chance.uniform(0, 5), f"somebody triggers {dag_id}", lambda d=dag_id: self._trigger(d))
        soon = 60.0
        self.after(chance.uniform(0.5, soon), "something will kill a host", self._arm_crash)
        for action, name, weight in (
            (self._arm_crash, "something will kill a host", 0.4),
            (self._kill, "SIGKILL of the host", 0.4),
            (self._arm_error, "a statement will fail", 0.5),
            (self._outage, "the database goes away", 0.3),
            (self._step_clock, "the clock is set", 0.5),
            (self._reboot, "the machine reboots", 0.1),
            (self._lose_children, "a process is killed", 0.5),
            (self._stop, "the host is stopped", 0.15),
        ):
            if chance.random() < weight:
                self.after(chance.uniform(0.5, soon), name, action)
        for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
            self.after(chance.uniform(1, soon), "somebody asks for something", self._ask)

    def _any_host(self) -> SimulatedHost | None:
        return self.chance.choice(self.hosts) if self.hosts else None

    def _arm_crash(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.crash_in = self.chance.randint(1, 30)

    def _kill(self) -> None:
        if (host := self._any_host()) is not None:
            self._bury(host)

    def _stop(self) -> None:
        if (host := self._any_host()) is not None:
            host.is_ended = True
            self._after_work(host)

    def _arm_error(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.error_in = self.chance.randint(1, 60)
            host.armed.error_name = self.chance.choice(["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", None])

    def _outage(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.outage_until = self.now + self.chance.uniform(0.1, 30)

    def _step_clock(self) -> None:
        self.clock.offset += self.chance.choice([-120.0, -5.0, 5.0, 120.0, 3600.0])

    def _reboot(self) -> None:
        self.machine.reboot()
        for host in list(self.hosts):
            self._bury(host)

    def _lose_children(self) -> None:
        alive = [item for item in self.machine.by_attempt.values() if item.alive]
        if alive:
            self.machine.end(self.chance.choice(alive), None, 9)

    # --- people

    def _trigger(self, dag_id: str) -> None:
        self.runs_asked += 1
        number = self.runs_asked
        self._command("trigger", lambda house: commands.trigger_dag(house, ACTOR, dag_id, run_id=f"r{number}"), True)

    def _ask(self) -> None:
        chance = self.chance
        open_runs = self.checker.known_runs()
        if not open_runs:
            return
        dag_id, run_id = chance.choice(open_runs)
        task_id = chance.choice([item.task_id for item in self.specs[dag_id].tasks])
        state = chance.choice(["success", "failed"])
        what: list[tuple[str, Callable[[Any], Any]]] = [
            (f"cancel {run_id}", lambda house: commands.cancel_run(house, ACTOR, dag_id, run_id)),
            (f"clear {run_id}", lambda house: commands.clear_run(house, ACTOR, dag_id, run_id)),
            (f"clear failed {run_id}", lambda house: commands.clear_run(house, ACTOR, dag_id, run_id, True)),
            (f"clear {run_id} {task_id}", lambda house: commands.clear_task(house, ACTOR, dag_id, run_id, task_id)),
            (f"mark {run_id} {state}", lambda house: commands.mark_run(house, ACTOR, dag_id, run_id, state)),
            (
                f"mark {run_id} {task_id} {state}",
                lambda house: commands.mark_task(house, ACTOR, dag_id, run_id, task_id, state),
            ),
            (f"slots {POOL}", lambda house: pools.set_pool(house, ACTOR, POOL, chance.choice([2, 4]))),
        ]
        name, action = chance.choice(what)
        self._command(name, action, False)

    def _command(self, name: str, action: Callable[[Any], Any], again: bool) -> None:
        """Let somebody ask a host; ``again``: until it is done."""
        host = self._any_host()
        done = False
        if host is not None:
            self.note(f"{name} by {host.name}")
            with self.inside(host):
                try:
                    action(host.house)
                    host._commanded = True
                    done = True
                except FlowError as error:
                    self.note(f"refused: {type(error).__name__}")
                    done = not again or "has a run" in str(error)
                except Injected:
                    pass
                if not host.is_dead:
                    host.work()
            self._after_work(host)
        if not done and again:
            self.after(2.0, name, lambda: self._command(name, action, again))

    @property
    def digest(self) -> str:
        """What tells this world's story from any other's."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


def failing_story(world: World, error: BaseException, lines: int = 60) -> str:
    """Return what to look at when a world failed: it is made anew by its seed alone."""
    story = "\n".join(world.trace[-lines:])
    return f"seed {world.seed}: {error}\n(step {world.steps}, second {world.now:.1f}; the last {lines} lines)\n{story}"
