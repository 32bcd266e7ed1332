"""Tasks that wait behind pools: what one claim costs while 1,000, 3,000 and 10,000 of them are ready.

Targets: a turn of the host that ends one task and claims and hands over the next ≤ 5 ms with 10,000 ready, and ≤ 1.5 ×
what it is with 1,000 (no step of it walks all that waits).

Two shapes: runs of 50 tasks of three weights over four pools and ten DAGs; and one run with one mapped task of many
instances. The host's own desk on SQLite (synchronous=FULL) in this process; only processes are left out: an
attempt that is handed over ends when the benchmark says so. What is compared is processor time: the time on the wall,
in the details, has the wait for the disk in it and whatever else the machine does.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from common import Effort, Line, median
from support.flows import new_run, report

from jupyter_flow.execution.children import Reported, Started
from jupyter_flow.execution.executor import Problem
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Report, Workload
from jupyter_flow.model.spec import DagSpec, TaskSpec
from jupyter_flow.service.desk import Desk
from jupyter_flow.service.house import House, open_house
from jupyter_flow.storage import dags, pools, runs

BUNDLE = "b" * 64
POOLS = 4
SLOTS = 4
PER_RUN = 50
DAGS = 10
ROUNDS = 3
"""The quickest round counts: whatever else the machine does makes one slower, nothing makes it quicker."""


class Processes:
    """An executor without processes: what was started last, and reports of success for all."""

    start_within = None

    def __init__(self) -> None:
        self.started: deque[str] = deque()

    def start(self, workload: Workload, token: str) -> None:
        self.started.append(workload.attempt_id)

    def recorded(self, attempt_id: str, is_current: bool) -> None:
        pass

    def collect(self, attempt_id: str) -> Report | Problem:
        return report(attempt_id)


class NoKernels:
    """No kernel waits."""

    def expect(self, now: float, ahead: bool = False) -> None:
        pass

    def sockets(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True)
class Cost:
    """Milliseconds of a turn that ends one task and starts the next."""

    wall: float
    processor: float


def measure(effort: Effort) -> list[Line]:
    """Return the lines."""
    sizes = [1_000, 3_000] if effort.quick else [1_000, 3_000, 10_000]
    turns = effort.times(300, 60)
    lines = []
    for name, what, shape in (("pools", "behind four pools", spread), ("mapped", "of one mapped task", mapped)):
        costs = {size: _cost(shape(size), turns) for size in sizes}
        curve = {f"{size:,}": round(cost.wall, 2) for size, cost in costs.items()}
        cpu = {f"{size:,}": round(cost.processor, 2) for size, cost in costs.items()}
        first, last = costs[sizes[0]], costs[sizes[-1]]
        said = f"{sizes[-1]:,} ready tasks {what}"
        details = {"processor_ms": cpu, "wall_ms": curve}
        lines += [
            Line(f"queued_{name}", f"one claim, {said}", round(last.processor, 2), "ms", 5, True, details),
            Line(
                f"queued_{name}_growth",
                f"one claim, {said}",
                round(last.processor / first.processor, 2),
                f"× with {sizes[0]:,}",
                1.5,
                True,
            ),
        ]
    return lines


def spread(size: int) -> list[tuple[DagSpec, int]]:
    """DAGs with so many runs each: ``size`` tasks of three weights in all, over the pools."""
    tasks = tuple(
        TaskSpec(f"t{n}", "PythonOperator", pool=f"pool{n % POOLS}", priority_weight=1 + n % 3) for n in range(PER_RUN)
    )
    return [(DagSpec(f"d{n}", f"d{n}.py", tasks, max_active_runs=1000), size // PER_RUN // DAGS) for n in range(DAGS)]


def mapped(size: int) -> list[tuple[DagSpec, int]]:
    """One run of one task with ``size`` instances."""
    expand = {"kind": "product", "inputs": {"x": {"const": size}}}
    task = TaskSpec("t", "PythonOperator", pool="pool0", expand=expand)
    return [(DagSpec("d", "d.py", (task,), max_active_tasks=10_000), 1)]


def _cost(load: list[tuple[DagSpec, int]], turns: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        config = FlowConfig(home=home, dag_folders=(Path(folder),), parallelism=1000, max_map_length=100_000)
        with open_house(config, write=True) as house:
            (house.bundles / BUNDLE).mkdir(parents=True)
            _store(house, load)
            processes = Processes()
            desk = Desk(house, processes, NoKernels(), "bench", "boot")  # type: ignore[arg-type]
            _settle(desk)
            for _ in range(10):
                _next(desk, processes)
            rounds = [_round(desk, processes, turns // ROUNDS) for _ in range(ROUNDS)]
    return Cost(min(cost.wall for cost in rounds), min(cost.processor for cost in rounds))


def _round(desk: Desk, processes: Processes, turns: int) -> Cost:
    wall, processor = [], []
    for _ in range(turns):
        began, used = time.perf_counter(), time.process_time()
        _next(desk, processes)
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return Cost(1000 * median(wall), 1000 * median(processor))


def _next(desk: Desk, processes: Processes) -> None:
    """Let the oldest attempt start and end, and its slot be given to the next task."""
    attempt_id = processes.started.popleft()
    before = len(processes.started)
    desk.take([Started(attempt_id, "task", 1, 2, "boot"), Reported(attempt_id)])
    if not desk.has_work:
        raise RuntimeError("the end of a task is no work")
    desk.turn()
    if len(processes.started) != before + 1:
        raise RuntimeError(f"{len(processes.started) - before} tasks were claimed for one that ended")


def _settle(desk: Desk) -> None:
    while desk.has_work:
        desk.turn()


def _store(house: House, load: list[tuple[DagSpec, int]]) -> None:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {"dag_folder": "/dags", "bundle_hash": BUNDLE, "now": now, "paused": False}
    with house.writing() as connection:
        for number in range(POOLS):
            pools.set_pool(connection, f"pool{number}", SLOTS, None, now, None)
        for spec, count in load:
            version = dags.store_dag(connection, spec, **facts).dag.version_id
            for number in range(count):
                runs.create_run(
                    connection, new_run(spec.dag_id, now - timedelta(minutes=number + 1)), version, spec, now
                )
