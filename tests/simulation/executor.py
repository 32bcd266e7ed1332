"""Simulated processes on a simulated machine, and the executor through which a host starts and watches them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from jupyter_flow.execution import identity
from jupyter_flow.execution.children import Exited, Notice, Reported, Started
from jupyter_flow.execution.executor import Adoption, Problem, Running
from jupyter_flow.execution.identity import ProcessFacts
from jupyter_flow.model.instants import to_iso
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.records import Report, Workload

from .dags import Script
from .faults import Violation

GRACE = 5.0
"""Seconds between the steps of ending an attempt."""


class Ground(Protocol):
    """What machines and executors need of the world."""

    chance: random.Random
    now: float

    def after(self, delay: float, name: str, action: Callable[[], None]) -> None: ...
    def instant(self, machine: Machine) -> Any: ...
    def script(self, workload: Workload) -> Script: ...
    def launched(self, executor: SimulatedExecutor, workload: Workload, token: str) -> None: ...
    def code_began(self, process: Process) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class Process:
    """One process of an attempt. ``works``: its user code may still do something."""

    machine: Machine
    workload: Workload
    script: Script
    pid: int
    ticks: int
    alive: bool = True
    works: bool = True
    watchers: list[SimulatedExecutor] = field(default_factory=list)

    @property
    def attempt_id(self) -> str:
        return self.workload.attempt_id

    @property
    def task_key(self) -> tuple[str, str, str, int]:
        run = self.workload.run
        return run.dag_id, run.run_id, self.workload.task.task_id, self.workload.map_index

    def __str__(self) -> str:
        return f"{self.workload.task.task_id}[{self.workload.map_index}] attempt {self.workload.attempt_number}"


class Machine:
    """Processes by pid, and what they left behind. Pids are few, so that they come again."""

    def __init__(self, world: Ground, name: str) -> None:
        self.world = world
        self.name = name
        self.offset = 0.0  # by which its clock is wrong
        self.hosts: dict[int, Any] = {}  # living hosts by pid
        self.voided: set[str] = set()
        self.boots = 1
        self.ticks = 100
        self.by_pid: dict[int, Process | None] = {}  # None: a process that is nothing to us
        self.ticks_of: dict[int, int] = {}
        self.began_at: dict[int, float] = {}
        self.by_attempt: dict[str, Process] = {}
        self.results: dict[str, Report | Problem] = {}
        self.pending: dict[str, tuple[Workload, SimulatedExecutor]] = {}
        self.doomed: set[str] = set()
        self.given: dict[str, Report | Problem] = {}
        """What the product was told of each attempt, last."""

    @property
    def boot_id(self) -> str:
        return f"{self.name}-boot{self.boots}"

    def facts(self, pid: int) -> ProcessFacts | None:
        """Stand in for the process table."""
        if pid in self.hosts:
            return ProcessFacts(pid, "S", 1, pid, 1)
        if pid not in self.by_pid:
            return None
        return ProcessFacts(pid, "S", 1, pid, self.ticks_of[pid])

    def age(self, ticks: int) -> float:
        """Return for how long the process with these ticks has run."""
        return self.world.now - self.began_at[ticks]

    def runner_of(self, attempt_id: str) -> ProcessFacts | None:
        """Stand in for the census."""
        process = self.by_attempt.get(attempt_id)
        return self.facts(process.pid) if process is not None and process.alive else None

    # --- the life of a process

    def spawn(self, attempt_id: str) -> None:
        """Let an asked-for process begin."""
        if attempt_id not in self.pending:
            return
        workload, executor = self.pending.pop(attempt_id)
        chance = self.world.chance
        if attempt_id in self.voided:
            self.world.note(f"{workload.task.task_id} has no ticket any more")
            executor.tell(Exited(attempt_id, "task", None, 1, None), chance.uniform(0, 2))
            return
        if attempt_id in self.doomed:
            executor.tell(Exited(attempt_id, "task", None, None, 9), chance.uniform(0, 2))
            return
        script = self.world.script(workload)
        if script.fate == "unstartable":
            self.world.note(f"no process for {workload.task.task_id}")
            executor.tell(Exited(attempt_id, "task", None, None, None, "cannot fork"), chance.uniform(0, 2))
            return
        process = Process(self, workload, script, self._free_pid(), self._tick(), watchers=[executor])
        self.by_pid[process.pid] = self.by_attempt[attempt_id] = process
        self.ticks_of[process.pid] = process.ticks
        self.world.code_began(process)
        started = Started(attempt_id, "task", process.pid, process.ticks, self.boot_id)
        self._tell(process, started, chance.uniform(0, 3) if chance.random() < 0.85 else chance.uniform(3, 60))
        if chance.random() < 0.1:
            self._tell(process, started, chance.uniform(0, 30))
        if script.fate != "hangs":
            self.world.after(script.duration, f"end of {process}", lambda: self.finish(process))

    def finish(self, process: Process) -> None:
        """Its work is done: it leaves its result (or not) and goes."""
        if not process.alive or not process.works:
            return
        process.works = False
        fate = process.script.fate
        if fate == "reports":
            self.leave_result(process, process.script.outcome)
            self._go_soon(process, 0, None)
        elif fate == "bad":
            self.results[process.attempt_id] = Problem("bad", "it is no JSON")
            self._go_soon(process, 0, None)
        elif fate == "exits":
            self.end(process, 3, None)
        else:
            self.end(process, None, 9)

    def leave_result(self, process: Process, outcome: str) -> None:
        """Write ``result.json`` and ring."""
        world, script = self.world, process.script
        now = world.instant(self)
        end = to_iso(now)
        success = outcome == "success"
        reason = Reason("ok") if success else Reason("exception", {"type": "ValueError", "message": "no"})
        if outcome == "cancelled":
            reason = Reason("cancel", {"actor": "host"})
        report = Report(process.attempt_id, outcome, reason, end, end)  # type: ignore[arg-type]
        if success and script.length is not None:
            report = replace(report, xcoms=({"key": "return_value", "value": list(range(script.length))},))
        if success and script.follow is not None:
            report = replace(report, follow=script.follow)
        if outcome == "failed" and script.no_retry:
            report = replace(report, no_retry=True)
        if outcome == "up_for_reschedule":
            report = replace(report, reschedule_at=to_iso(now + timedelta(seconds=script.again_after)))
        self.results[process.attempt_id] = report
        chance = world.chance
        ring = Reported(process.attempt_id)
        if chance.random() < 0.75:
            self._tell(process, ring, chance.uniform(0, 1) if chance.random() < 0.8 else chance.uniform(1, 40))
            if chance.random() < 0.15:
                self._tell(process, ring, chance.uniform(0, 40))
        else:
            world.note(f"the report of {process} makes no sound")

    def _go_soon(self, process: Process, exit_code: int | None, number: int | None) -> None:
        delay = self.world.chance.uniform(0, 2)
        self.world.after(delay, f"exit of {process}", lambda: self.end(process, exit_code, number))

    def end(self, process: Process, exit_code: int | None, number: int | None) -> None:
        """The process is gone; whoever watches it hears of it, sooner or later."""
        if not process.alive:
            return
        process.alive = process.works = False
        del self.by_pid[process.pid], self.ticks_of[process.pid]
        chance = self.world.chance
        if chance.random() < 0.5:  # its pid goes to somebody else
            self.by_pid[process.pid] = None
            self.ticks_of[process.pid] = self._tick()
        exited = Exited(process.attempt_id, "task", process.pid, exit_code, number)
        self._tell(process, exited, chance.uniform(0, 1) if chance.random() < 0.85 else chance.uniform(1, 60))
        if chance.random() < 0.1:
            self._tell(process, exited, chance.uniform(0, 60))

    def terminate(self, process: Process) -> None:
        """SIGTERM: most processes report that they were cancelled, some do not listen, some are done just then."""
        choice = self.world.chance.random()
        if not process.works or choice < 0.3:
            return

        def obey() -> None:
            if process.works:
                process.works = False
                self.leave_result(process, "cancelled")
                self._go_soon(process, 0, None)

        def die() -> None:
            self.end(process, None, 15)

        delay = self.world.chance.uniform(0, 4)
        self.world.after(delay, f"SIGTERM reaches {process}", obey if choice < 0.75 else die)

    def reboot(self) -> None:
        """Power off, power on: nothing of before runs any more."""
        for process in list(self.by_attempt.values()):
            process.alive = process.works = False
        self.by_pid.clear()
        self.ticks_of.clear()
        self.pending.clear()
        self.boots += 1

    def flush(self, home: object) -> None:
        """All starts that hosts of one home asked for happen now."""
        for attempt_id, (_, executor) in list(self.pending.items()):
            if executor.home == home:
                self.spawn(attempt_id)

    def void(self, attempt_id: str) -> None:
        """Take the ticket of an attempt away: what starts later finds nothing to do."""
        self.voided.add(attempt_id)

    def _tell(self, process: Process, notice: Notice, delay: float) -> None:
        for executor in process.watchers:
            executor.tell(notice, delay)

    def _free_pid(self) -> int:
        return next(pid for pid in range(100, 10_000) if pid not in self.by_pid)

    def _tick(self) -> int:
        self.ticks += 1
        self.began_at[self.ticks] = self.world.now
        return self.ticks


class NoLauncher:
    """There is nothing to parse in the world."""

    def warm(self, profile: str) -> None: ...
    def retire(self, profile: str) -> None: ...


class SimulatedExecutor:
    """Implements :class:`jupyter_flow.execution.executor.Executor` for one host on one machine."""

    start_within = 120.0

    def __init__(self, world: Ground, machine: Machine, home: object, wake: Callable[[], None]) -> None:
        self.world = world
        self.home = home
        self.machine = machine
        self.launcher = NoLauncher()
        self.closed = False
        self._wake = wake
        self._notices: list[Notice] = []
        self._ladders: dict[str, float] = {}

    def start(self, workload: Workload, token: str) -> None:
        self.world.launched(self, workload, token)
        if workload.attempt_id in self.machine.voided:
            self.tell(Exited(workload.attempt_id, "task", None, None, None, "cannot write its spool"), 0.1)
            return
        self.machine.pending[workload.attempt_id] = (workload, self)
        chance = self.world.chance
        delay = chance.uniform(0, 1) if chance.random() < 0.93 else chance.uniform(20, 200)
        name = f"start of {workload.task.task_id}[{workload.map_index}]"
        self.world.after(delay, name, lambda: self.machine.spawn(workload.attempt_id))

    def cancel(self, attempt_id: str) -> None:
        process = self._process(attempt_id)
        if attempt_id in self._ladders or (process is None and attempt_id not in self.machine.pending):
            return
        self._ladders[attempt_id] = self.world.now
        if process is None:
            self.machine.doomed.add(attempt_id)
            return
        self.machine.terminate(process)
        self.world.after(2 * GRACE, f"end of patience with {process}", lambda: self._end_patience(attempt_id))

    def _end_patience(self, attempt_id: str) -> None:
        if not self.closed:
            self.kill(attempt_id)

    def kill(self, attempt_id: str) -> None:
        process = self._process(attempt_id)
        if process is not None:
            self.machine.end(process, None, 9)
        elif attempt_id in self.machine.pending:
            self.machine.doomed.add(attempt_id)

    def adopt(self, attempts: Iterable[Running]) -> Mapping[str, Adoption]:
        self.machine.flush(self.home)  # whoever forks for us gets through with what it was asked for
        return {attempt.attempt_id: self._adopt(attempt) for attempt in attempts}

    def _adopt(self, attempt: Running) -> Adoption:
        machine, key = self.machine, attempt.attempt_id
        if key in machine.results:
            return "finished"
        pid, ticks = attempt.pid, attempt.start_ticks
        if pid is None or ticks is None:
            found = machine.runner_of(key)
            pid, ticks = (found.pid, found.start_ticks) if found is not None else (None, None)
        if pid is None or ticks is None or not identity.is_running(pid, ticks, attempt.boot_id):
            return "lost"
        process = machine.by_pid[pid]
        if process is None or process.attempt_id != key:
            raise Violation(f"attempt {key} was adopted as pid {pid}, which is another process now")
        process.watchers.append(self)
        return "alive"

    def collect(self, attempt_id: str) -> Report | Problem:
        found = self.machine.results.get(attempt_id) or Problem("missing", "it left no result")
        self.machine.given[attempt_id] = found
        return found

    def recorded(self, attempt_id: str, is_current: bool) -> None: ...

    def fileobjs(self) -> Sequence[int]:
        return ()

    def notices(self) -> list[Notice]:
        found, self._notices = self._notices, []
        return found

    def tick(self, now: float) -> None: ...

    def next_tick(self) -> float | None:
        return None

    def close(self) -> None:
        self.closed = True

    def tell(self, notice: Notice, delay: float) -> None:
        """Let ``notice`` arrive after ``delay`` seconds, if the host lives then."""

        def arrive() -> None:
            if not self.closed:
                self._notices.append(notice)
                self._wake()

        self.world.after(delay, f"{type(notice).__name__} of {notice.key[:6]} arrives", arrive)

    def _process(self, attempt_id: str) -> Process | None:
        process = self.machine.by_attempt.get(attempt_id)
        return process if process is not None and process.alive else None
