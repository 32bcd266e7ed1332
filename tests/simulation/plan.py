"""What a seed has in store: DAGs, what goes wrong, and what people ask for."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from jupyter_flow.model.errors import FlowError
from jupyter_flow.model.records import Actor
from jupyter_flow.service import commands, pools
from jupyter_flow.storage import dags, database
from jupyter_flow.storage import pools as stored_pools

from .dags import POOL, random_dag
from .faults import Injected
from .host import BEGAN, SimulatedHost

ACTOR = Actor("ada", "cli")
SOON = 40.0
"""Seconds within which things go wrong and people ask."""


class Plan:
    """Puts into the queue of ``world`` what its seed has in store."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.chance = world.chance
        self.runs_asked = 0

    def make(self) -> None:
        """Store the DAGs, and plan everything else."""
        world, chance = self.world, self.chance
        with database.begin_write(world.bench.engines[0][0]) as connection:
            stored_pools.set_pool(connection, POOL, chance.choice([2, 2, 3]), None, BEGAN, None)
            for number in range(chance.choice([1, 1, 2])):
                spec = random_dag(chance, f"d{number}")
                world.specs[spec.dag_id] = spec
                dags.store_dag(connection, spec, dag_folder=str(world.bench.folder), bundle_hash="b" * 64, now=BEGAN)
                dags.set_paused(connection, spec.dag_id, False, BEGAN, None)
        for home in world.homes:
            world.after(chance.choice([0.0, 0.0, 8.0]), "a host starts", lambda h=home: world.start_host(h))
        for dag_id in world.specs:
            for _ in range(chance.choice([1, 1, 2])):
                world.after(chance.uniform(0, 5), f"somebody triggers {dag_id}", lambda d=dag_id: self._trigger(d))
        self._faults()
        for _ in range(chance.choice([0, 1, 2, 4] if world.is_shared else [0, 0, 1, 1, 2, 3])):
            world.after(chance.uniform(1, SOON), "somebody asks for something", self._ask)
        self._aim(random.Random(f"queued {world.seed}"))

    # --- what goes wrong

    def _faults(self) -> None:
        world, chance = self.world, self.chance
        world.after(chance.uniform(0.5, SOON), "something will kill a host", self._arm_crash)
        faults: list[tuple[Callable[[], None], str, float]] = [
            (self._arm_crash, "something will kill a host", 0.4),
            (self._kill, "SIGKILL of a host", 0.4),
            (self._arm_error, "a statement will fail", 0.5),
            (self._lose_answer, "a commit will not be answered", 0.25),
            (self._outage, "the database goes away", 0.3),
            (self._step_clock, "a clock is set", 0.6),
            (self._reboot, "a machine reboots", 0.1),
            (self._lose_children, "a process is killed", 0.5),
            (self._end_host, "a host is ended", 0.15),
            (self._arm_stop, "something will stop a host", 0.6 if world.is_shared else 0.2),
        ]
        for action, name, weight in faults:
            if chance.random() < weight:
                world.after(chance.uniform(0.5, SOON), name, action)
        if chance.random() < 0.25:
            world.after(chance.uniform(0.5, 12), "a clock is set back", self._set_back)

    def _any_host(self) -> SimulatedHost | None:
        hosts = self.world.hosts
        return self.chance.choice(hosts) if hosts else None

    def _arm_crash(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.crash_in = self.chance.randint(1, 30)

    def _arm_stop(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.stop_in = self.chance.randint(1, 15)

    def _kill(self) -> None:
        if (host := self._any_host()) is not None:
            self.world.bury(host)

    def _end_host(self) -> None:
        if (host := self._any_host()) is not None:
            host.is_ended = True
            self.world.after_work(host)

    def _arm_error(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.error_in = self.chance.randint(1, 60)
            host.armed.error_name = self.chance.choice(["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", None])

    def _lose_answer(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.lost_answer_in = self.chance.randint(1, 6)

    def _outage(self) -> None:
        if (host := self._any_host()) is not None:
            host.armed.outage_until = self.world.now + self.chance.uniform(0.1, 40)

    def _step_clock(self) -> None:
        machine = self.chance.choice(self.world.machines)
        self.world.set_clock(machine, self.chance.choice([-120.0, -40.0, -5.0, 5.0, 3600.0]))

    def _set_back(self) -> None:
        self.world.set_clock(self.chance.choice(self.world.machines), -300.0)

    def _reboot(self) -> None:
        machine = self.chance.choice(self.world.machines)
        machine.reboot()
        for host in list(self.world.hosts):
            if host.machine is machine:
                self.world.bury(host)

    def _lose_children(self) -> None:
        alive = [item for item in self.world.processes() if item.alive]
        if alive:
            process = self.chance.choice(alive)
            process.machine.end(process, None, 9)

    # --- people

    def _trigger(self, dag_id: str) -> None:
        self.runs_asked += 1
        number = self.runs_asked
        self._command(
            f"trigger r{number}", lambda house: commands.trigger_dag(house, ACTOR, dag_id, run_id=f"r{number}"), True
        )

    def _ask(self) -> None:
        chance = self.chance
        known = self.world.checker.known_runs()
        if not known:
            return
        dag_id, run_id = chance.choice(known)
        task_id = chance.choice([item.task_id for item in self.world.specs[dag_id].tasks])
        state = chance.choice(["success", "failed"])
        slots = chance.choice([2, 4])
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
            (f"slots {POOL}", lambda house: pools.set_pool(house, ACTOR, POOL, slots)),
        ]
        name, action = chance.choice(what)
        self._command(name, action, False)

    def _aim(self, chance: random.Random) -> None:
        """Ask for something right between a claim and its start, where chance seldom comes.

        By a chance of its own: the schedules of seeds without it stay what they are.
        """
        if chance.random() >= 0.25:
            return
        clears, state = chance.random() < 0.7, chance.choice(["success", "failed"])

        def act(after: float) -> None:
            queued = [item for item in self.world.checker.tasks.values() if item.state == "queued"]
            if not queued:
                if after < SOON:
                    self.world.after(0.3, "somebody looks for what is queued", lambda: act(after + 0.3))
                return
            task = chance.choice(queued)
            run = self.world.checker.runs[task.dag_run_id]
            ids = (run.dag_id, run.run_id, task.task_id)
            if clears:
                self._command(f"clear queued {ids}", lambda house: commands.clear_task(house, ACTOR, *ids), False)
            else:
                name = f"mark queued {ids} {state}"
                self._command(name, lambda house: commands.mark_task(house, ACTOR, *ids, state), False)

        begin = chance.uniform(1, 20)
        self.world.after(begin, "somebody looks for what is queued", lambda: act(begin))

    def _command(self, name: str, action: Callable[[Any], Any], again: bool) -> None:
        """Let somebody ask a host; ``again``: until it is done."""
        world = self.world
        host = self._any_host()
        done = False
        if host is not None and not host.is_stopped:
            world.note(f"{name} by {host.name}")
            with world.inside(host):
                try:
                    action(host.house)
                    host._commanded = True
                    done = True
                except FlowError as error:
                    world.note(f"refused: {type(error).__name__}")
                    done = not again or "has a run" in str(error)
                except Injected:
                    pass
                if not host.is_dead:
                    host.work()
            world.after_work(host)
        if not done and again:
            world.after(2.0, name, lambda: self._command(name, action, again))
