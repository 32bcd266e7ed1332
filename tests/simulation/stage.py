"""A world in which nothing happens by chance: a test says what happens, one host does the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Self

from jupyter_flow.model.records import Workload
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.service import commands, due
from jupyter_flow.service.house import House
from jupyter_flow.storage import dags, database

from .bench import Bench
from .dags import Script
from .ground import in_place
from .host import BEGAN, SimulatedClock
from .plan import ACTOR
from .world import World


class Stage(World):
    """A DAG or several, a host, tasks that take ten seconds (``takes``) and succeed, but for attempts in ``fails``."""

    def __init__(self, bench: Bench, *specs: DagSpec, homes: Iterable[int] = (0,)) -> None:
        super().__init__(bench, 0, homes)
        self.specs = {spec.dag_id: spec for spec in specs}
        self.takes = 10.0
        self.fails: set[tuple[str, int]] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.bench.reset()
        self._stack.enter_context(in_place(self))
        with database.begin_write(self.bench.engines[0][0]) as connection:
            for spec in self.specs.values():
                dags.store_dag(connection, spec, dag_folder=str(self.bench.folder), bundle_hash="b" * 64, now=BEGAN)
                dag = dags.set_paused(connection, spec.dag_id, False, BEGAN, None)
                due.refresh_next(connection, dag, BEGAN)
        self.chance.random = lambda: 0.5  # type: ignore[method-assign]
        self.chance.uniform = lambda low, high: low + 0.1  # type: ignore[method-assign]
        self.host_up()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def script(self, workload: Workload) -> Script:
        failed = (workload.task.task_id, workload.attempt_number) in self.fails
        return Script("reports", "failed" if failed else "success", self.takes)

    def host_up(self) -> None:
        for home in self.homes:
            self.start_host(home)

    def host_down(self) -> None:
        """SIGKILL of the last one; nobody starts another."""
        self.bury(self.hosts[-1])
        self._queue = [item for item in self._queue if item[3] != "a host starts"]

    def trigger(self, run_id: str) -> None:
        [dag_id] = self.specs
        self.ask(lambda house: commands.trigger_dag(house, ACTOR, dag_id, run_id=run_id))

    def ask(self, action: Callable[[Any], Any]) -> None:
        """Let the first host carry out a command."""
        host = self.hosts[0]
        with self.inside(host):
            action(host.house)
            host._commanded = True
            host.work()
        self.after_work(host)

    def ask_offline(self, action: Callable[[Any], Any]) -> None:
        """Carry out a command while no host runs."""

        writer, reader = self.bench.engines[0]
        action(House(self.config, reader, writer, SimulatedClock(lambda: self.now, self.machines[0])))

    def outage(self, seconds: float) -> None:
        """Let the database be away for some time."""
        self.hosts[0].armed.outage_until = self.now + seconds

    def pass_time(self, seconds: float) -> None:
        """Let everything happen that is due in these seconds."""
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.step()
        self.now = end

    def until(self, holds: Callable[[], bool], seconds: float = 600.0) -> None:
        """Let things happen until something holds."""
        end = self.now + seconds
        while not holds():
            if not self._queue or self._queue[0][0] > end:
                raise AssertionError("it never came true:\n" + "\n".join(self.trace[-40:]))
            self.step()

    # --- what there is

    def state(self, task_id: str) -> str:
        query = "SELECT state FROM task_instance WHERE task_id = ?"
        return str(self.bench.raw.execute(query, (task_id,)).fetchone()[0])

    def run_state(self, run_id: str) -> str:
        return str(self.bench.raw.execute("SELECT state FROM dag_run WHERE run_id = ?", (run_id,)).fetchone()[0])

    def outcomes(self) -> list[str]:
        return [row[0] for row in self.bench.raw.execute("SELECT outcome FROM attempt ORDER BY attempt_number")]

    def tries(self) -> list[tuple[int, int]]:
        """The number and the try of each attempt."""
        return list(self.bench.raw.execute("SELECT attempt_number, try_number FROM attempt ORDER BY attempt_number"))

    def living(self) -> list[str]:
        return [item.workload.task.task_id for item in self.processes() if item.works]
