"""One world: all that happens in it follows from its seed."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Workload
from jupyter_flow.model.spec import DagSpec

from .bench import Bench
from .checks import Checker
from .dags import Script, script
from .executor import Machine, Process, SimulatedExecutor
from .faults import Crash, Injected, Violation
from .ground import SimulatedHearing, in_place
from .host import BEGAN, Home, SimulatedHost
from .plan import Plan

CALM_AFTER = 50.0
"""From this second on nothing goes wrong any more and nobody asks for anything."""
STUCK_AFTER = 900.0
"""Seconds without any change, beyond what clocks differ by, after which an unfinished run will never end."""
LONGEST = 6000
"""Steps after which a world counts as endless."""


class World:
    """Hosts, machines, database, clocks and people of one seed. :meth:`run` raises :class:`Violation`.

    Either hosts follow each other in one home, or several homes on one or two machines share the database.
    """

    longest = LONGEST

    def __init__(self, bench: Bench, seed: int, homes: Iterable[int] | None = None) -> None:
        self.bench = bench
        self.seed = seed
        self.chance = random.Random(seed)
        self.now = 0.0
        self.steps = 0
        self.trace: list[str] = []
        self.host: SimulatedHost | None = None  # the one whose code runs now
        self.specs: dict[str, DagSpec] = {}
        self.hearings: list[SimulatedHearing] = []
        self.told: list[str] = []
        self.changed_at = 0.0
        self._queue: list[tuple[float, float, int, str, Callable[[], None]]] = []
        self._number = 0
        self._waking: dict[str, float] = {}
        self._born = 0
        self._complaint: str | None = None
        places = list(homes) if homes is not None else self.chance.choice([[0], [0], [0, 0], [0, 0], [0, 1], [0, 0, 1]])
        self.is_shared = len(places) > 1
        self.config = FlowConfig(
            bench.folder,
            parallelism=self.chance.choice([2, 3, 16]),
            infra_retries=self.chance.choice([2, 50]),
            dags_are_paused_at_creation=False,
            resource_sampling=0.0,
            host_lost_after=60.0,
        )
        self.machines = [Machine(self, f"m{number}") for number in range(max(places) + 1)]
        self.homes = [
            Home(bench.folder / f"home{number}", self.machines[place], bench.engines[number], self.config)
            for number, place in enumerate(places)
        ]
        self.checker = Checker(self)

    # --- the ground

    @property
    def here(self) -> Machine:
        """The machine on which code runs now."""
        return self.host.machine if self.host is not None else self.machines[0]

    @property
    def hosts(self) -> list[SimulatedHost]:
        """The living hosts."""
        return [home.host for home in self.homes if home.host is not None]

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self.now > CALM_AFTER

    def processes(self) -> list[Process]:
        """All processes of attempts that ever were."""
        return [item for machine in self.machines for item in machine.by_attempt.values()]

    def given(self, attempt_id: str | None) -> Any:
        """What the product was told of an attempt when it asked last."""
        found = (machine.given.get(attempt_id or "") for machine in self.machines)
        return next((item for item in found if item is not None), None)

    def instant(self, machine: Machine | None = None) -> datetime:
        """What the clock of a machine shows; without one, of the machine that is ahead of the others."""
        offset = machine.offset if machine is not None else max(item.offset for item in self.machines)
        return BEGAN + timedelta(seconds=self.now + offset)

    def set_clock(self, machine: Machine, seconds: float) -> None:
        """Set a clock forward, or back: what waits by it need not wait longer for that."""
        machine.offset += seconds
        for key in self.checker.retry_at if seconds < 0 else ():
            self.checker.retry_at[key] += timedelta(seconds=seconds)

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
        self.checker.launched(workload, token, executor.machine)

    def code_began(self, process: Process) -> None:
        """User code begins to run."""
        self.note(f"runs: {process} as pid {process.pid}")
        for other in self.processes():
            if other is not process and other.works and other.task_key == process.task_key:
                if other.machine is not process.machine and self.checker.is_lost(other.attempt_id):
                    self.note("its earlier attempt may still run on a machine that cannot be reached")
                    continue
                raise Violation(f"two attempts of one task run: {other} and {process} of {process.task_key}")

    def begun(self) -> int:
        """A transaction begins; returns how much has been told to other hosts."""
        return len(self.told)

    def committed(self, host: SimulatedHost, before: int) -> None:
        """A transaction of ``host`` was committed: it is looked at, and what it tells is told."""
        told, self.told[before:] = self.told[before:], []
        self.checker.committed(host)
        for text in told:
            for hearing in list(self.hearings):
                if hearing.host is not host:
                    hearing.tell(text)

    def at_faultpoint(self, name: str) -> None:
        """The product has reached one of its own fault points."""
        if self.host is not None:
            self.host.armed.pass_point(name, holds_lock=name.endswith("before_commit"))

    def probe(self, url: str, wake: Callable[[], None], first: float) -> Any:
        """Stand in for the thread that asks an unreachable database whether it is back."""
        host = self.host
        found = SimpleNamespace(has_answer=False)

        def ask() -> None:
            if host is None or host.is_dead:
                return
            if self.now < host.armed.outage_until:
                self.after(2.0, "the probe asks", ask)
                return
            found.has_answer = True
            wake()

        self.after(first, "the probe asks", ask)
        return found

    # --- a world's life

    def run(self) -> None:
        """Let it happen until every run has ended and the dust has settled."""
        self.bench.reset()
        with in_place(self):
            Plan(self).make()
            try:
                while self._queue:
                    self.step()
                    if self.is_calm and self._is_over():
                        break
                self.checker.at_the_end()
                self._raise_complaint()
            except Exception as error:
                raise Violation(f"the product raised {error!r}") from error
            finally:
                self.bench.armed = None

    def step(self) -> None:
        """Let the next thing happen."""
        at, _, _, name, action = heapq.heappop(self._queue)
        self.now = max(self.now, at)
        self.steps += 1
        if self.steps > self.longest:
            raise Violation(f"{self.longest} steps and no end")
        self.note(name)
        action()
        self._raise_complaint()
        offsets = [machine.offset for machine in self.machines]
        patience = STUCK_AFTER + max(offsets) - min(offsets)  # a retry's date may be that of another machine's clock
        if self.now - self.changed_at > patience and (left := self.checker.unfinished()):
            raise Violation(f"nothing has changed for {patience:.0f} s, unfinished: {left}")

    def _raise_complaint(self) -> None:
        if self._complaint is not None:
            raise Violation(self._complaint)

    def _is_over(self) -> bool:
        if self.checker.unfinished() or any(item.alive for item in self.processes()):
            return False
        return not any(len(host.desk.active) for host in self.hosts if host.desk is not None)

    # --- hosts

    @contextmanager
    def inside(self, host: SimulatedHost) -> Iterator[None]:
        """Run code of ``host``: a crash ends it, and the world goes on."""
        before, self.host, self.bench.armed = self.host, host, host.armed
        host.armed.transactions = 0
        try:
            yield
        except Crash as crash:
            self.note(f"{host.name} is killed {crash}")
            self.bury(host)
        finally:
            self.host = before
            self.bench.armed = None if before is None else before.armed

    def start_host(self, home: Home) -> None:
        """A host of this home begins, unless one lives."""
        if home.host is not None:
            return
        if home.is_frozen:
            self.after(1.0, "a host starts", lambda: self.start_host(home))
            return
        self._born += 1
        host = home.host = SimulatedHost(self, self._born, home)
        host.machine.hosts[host.pid] = host
        host.armed.stop = lambda: self._stand_still(host)
        if not self.is_calm and self.chance.random() < 0.15:
            host.armed.crash_in = self.chance.randint(1, 12)
        with self.inside(host):
            try:
                host.begin()
            except Injected:
                self.note(f"{host.name} cannot begin")
                self.bury(host)
        self.after_work(host)

    def bury(self, host: SimulatedHost) -> None:
        """A host process is gone; another one follows in its home."""
        if host.is_dead:
            return
        host.is_dead = True
        host.simulated.close()
        host.home.host = None
        host.machine.hosts.pop(host.pid, None)
        for hearing in [item for item in self.hearings if item.host is host]:
            hearing.close()
        self._waking.pop(host.name, None)
        if self.chance.random() < 0.4:  # what forks for it went with it, and its last orders were not read
            pending = host.machine.pending
            for attempt_id in [key for key, (_, by) in pending.items() if by.home is host.home]:
                del pending[attempt_id]
        delay = self.chance.choice([0.0, 1.0, self.chance.uniform(0, 60)])
        self.after(delay, "a host starts", lambda: self.start_host(host.home))

    def _stand_still(self, host: SimulatedHost) -> None:
        """SIGSTOP in the midst of its code: the rest of the world goes on for a while, then it goes on itself."""
        if host.is_stopped:
            return
        length = self.chance.choice([1.0, self.chance.uniform(5, 80)])
        self.note(f"{host.name} stands still for {length:.1f} s")
        end = self.now + length
        host.stopped_until = end
        host.home.is_frozen = True
        here = self.host
        self.host, self.bench.armed = None, None
        try:
            while self._queue and self._queue[0][0] <= end and not host.is_dead:
                self.step()
        finally:
            host.home.is_frozen = False
            self.host = here
            self.bench.armed = None if here is None else here.armed
        host.stopped_until = -1.0
        if host.is_dead:
            raise Crash("while it stood still")
        self.now = max(self.now, end)
        self.note(f"{host.name} goes on")

    def wake(self, host: SimulatedHost, delay: float = 0.0) -> None:
        """Let ``host`` go round its loop ``delay`` seconds from now; mostly on time."""
        at = self.now + delay
        if host.is_dead or self._waking.get(host.name, at + 1) <= at:
            return
        self._waking[host.name] = at

        def go() -> None:
            if host.is_dead or self._waking.get(host.name) != at:
                return
            del self._waking[host.name]
            if host.is_stopped:
                self.wake(host, host.stopped_until - self.now + 0.001)
                return
            with self.inside(host):
                host.work()
            self.after_work(host)

        lot = self.chance.random()
        late = 0.0 if lot < 0.8 else self.chance.uniform(0, 0.5) if lot < 0.97 else self.chance.uniform(0, 30)
        self.after(delay + (0 if self.is_calm else late), f"{host.name} wakes", go)

    def after_work(self, host: SimulatedHost) -> None:
        """Let a host sleep, or end."""
        if host.is_dead:
            return
        if host.is_ended and not host.is_stopped:
            with self.inside(host):
                try:
                    host.end()
                except Injected:
                    pass
            self.bury(host)
            return
        if not host.is_stopped:
            self.wake(host, max(host.sleep(), 0.001))

    @property
    def digest(self) -> str:
        """What tells this world's story from any other's."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


def failing_story(world: World, error: BaseException, lines: int = 60) -> str:
    """Return what to look at when a world failed: it is made anew by its seed alone."""
    story = "\n".join(world.trace[-lines:])
    return f"seed {world.seed}: {error}\n(step {world.steps}, second {world.now:.1f}; the last {lines} lines)\n{story}"
