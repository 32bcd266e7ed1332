"""Sizes: 1,000 DAG files, a run of 10,000 tasks, and a history of a thousand to a million task instances.

Targets: pass over 1,000 unchanged files ≤ 50 ms · one decision pass over a run of 10,000 tasks ≤ 200 ms · the time from
trigger to end of a run ≤ 1.5 × with the longest history what it is with the shortest.

The first and the last are asked of a running host and timed from outside; the rows of the past are copies of the rows
of one real run, written into the database while no host runs.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime

from common import Effort, Line, house, median
from support.flows import dag, run_row, task, task_row
from support.houses import House

from jupyter_flow.scheduling.decide import decide
from jupyter_flow.scheduling.snapshot import RunSnapshot

FILES = 1_000
TASKS = 10_000
SMALL = """
from datetime import datetime
from jupyter_flow import DAG, EmptyOperator

with DAG(dag_id="dag_{number:04d}", schedule="@daily", start_date=datetime(2026, 1, 1)):
    EmptyOperator(task_id="start") >> EmptyOperator(task_id="end")
"""
PAST = """
from jupyter_flow import DAG, EmptyOperator

with DAG(dag_id="past"):
    EmptyOperator(task_id="only")
"""
PER_RUN = 10
"""Past task instances of one past run."""


def measure(effort: Effort) -> list[Line]:
    """Return the three lines."""
    return [_unchanged(effort), _decision(effort), _history(effort)]


def _unchanged(effort: Effort) -> Line:
    def write(subject: House) -> None:
        for number in range(FILES):
            subject.write_dag(SMALL.format(number=number), f"dag_{number:04d}.py")

    with house(prepare=write) as subject:
        _until(lambda: len(subject.call("dags.list", timeout=120)["dags"]) == FILES, 600)
        passes = []
        for _ in range(effort.times(25, 5)):
            started = time.perf_counter()
            subject.call("dags.reload", timeout=120, wait=True)
            passes.append(time.perf_counter() - started)
    details = {"max_ms": round(max(passes) * 1000, 1)}
    return Line(
        "parse_unchanged_1000",
        f"pass over {FILES:,} unchanged DAG files",
        round(median(passes) * 1000, 1),
        "ms",
        50,
        True,
        details,
    )


def _decision(effort: Effort) -> Line:
    """Decide the whole of a run of layers of 100 tasks, each after all of the layer before it."""
    width = 100
    tasks = [task("t0")]
    for number in range(1, TASKS):
        layer = number // width
        before = [f"t{(layer - 1) * width + offset}" for offset in range(0, width, 10)] if layer else []
        tasks.append(task(f"t{number}", *before))
    spec = dag(*tasks)
    now = datetime.now(UTC)
    times = []
    for _ in range(effort.times(9, 3)):
        snapshot = RunSnapshot(run_row(), spec, [task_row(item, number) for number, item in enumerate(tasks, 1)])
        started = time.perf_counter()
        decide(snapshot, now)
        times.append(time.perf_counter() - started)
    details = {"max_ms": round(max(times) * 1000, 1)}
    return Line(
        "decide_10000",
        f"one decision pass over a run of {TASKS:,} tasks",
        round(median(times) * 1000, 1),
        "ms",
        200,
        True,
        details,
    )


def _history(effort: Effort) -> Line:
    sizes = [1_000, 100_000] if effort.quick else [1_000, 10_000, 100_000, 1_000_000]
    measured: dict[int, float] = {}
    with house(prepare=lambda subject: subject.write_dag(PAST, "past.py") and None) as subject:
        subject.run_dag("past")
        there = 0
        for size in sizes:
            subject.stop()
            _write_past(subject, there, size)
            there = size
            subject.start()
            subject.run_dag("past")
            seconds = []
            for _ in range(effort.times(21, 7)):
                started = time.perf_counter()
                subject.run_dag("past")
                seconds.append(time.perf_counter() - started)
            measured[size] = median(seconds)
    first, last = measured[sizes[0]], measured[sizes[-1]]
    details = {"median_ms": {f"{size:,}": round(value * 1000, 1) for size, value in measured.items()}}
    return Line(
        "history",
        f"trigger → end of a run, {sizes[-1]:,} past task instances",
        round(last / first, 2),
        f"× with {sizes[0]:,}",
        1.5,
        True,
        details,
    )


def _write_past(subject: House, there: int, size: int) -> None:
    """Copy the rows of the first run until there are ``size`` past task instances."""
    with sqlite3.connect(subject.home / "flow.db") as database:
        run = _columns(database, "dag_run", {"id", "run_id", "logical_date", "run_after", "idempotency_key"})
        instance = _columns(database, "task_instance", {"id", "dag_run_id", "run_id", "task_id"})
        (first,) = database.execute("SELECT min(id) FROM dag_run").fetchone()
        numbers = "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
        database.execute(
            f"{numbers} INSERT INTO dag_run (run_id, logical_date, run_after, {run})"
            " SELECT 'past__' || i, datetime('2000-01-01', '+' || i || ' minutes'),"
            f" datetime('2000-01-01', '+' || i || ' minutes'), {run} FROM dag_run, n WHERE dag_run.id = ?",
            (there // PER_RUN, size // PER_RUN, first),
        )
        database.execute(
            "WITH RECURSIVE k(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM k WHERE j + 1 < ?)"
            f" INSERT INTO task_instance (dag_run_id, run_id, task_id, {instance})"
            f" SELECT r.id, r.run_id, 'only' || j, {_of('t', instance)} FROM task_instance t, k, dag_run r"
            " WHERE t.dag_run_id = ? AND r.run_id LIKE 'past__%'"
            " AND NOT EXISTS (SELECT 1 FROM task_instance x WHERE x.dag_run_id = r.id)",
            (PER_RUN, first),
        )


def _columns(database: sqlite3.Connection, table: str, without: set[str]) -> str:
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    return ", ".join(name for name in names if name not in without)


def _of(alias: str, columns: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in columns.split(", "))


def _until(is_true: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not is_true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not reached within {timeout} s")
        time.sleep(0.2)
