"""What lists cost the server: a page of runs out of 100,000, at the top and deep down; a grid of tasks and runs.

Targets: 50 runs ≤ 5 ms, the deepest page ≤ 1.5 × the first · a grid of 1,000 tasks × 100 runs ≤ 100 ms and
≤ 200 kB, not compressed.

Views are called in this process as the server calls them, and their documents are made into JSON; what is counted is
processor time, as nothing but the processor is waited for. The rows are copies of real ones.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from common import Effort, Line
from sqlalchemy import text

from jupyter_flow.model.changes import NewRun
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Actor
from jupyter_flow.model.spec import DagSpec, TaskSpec
from jupyter_flow.model.state import RunType
from jupyter_flow.service import doors
from jupyter_flow.service.house import House, open_house
from jupyter_flow.storage import dags, runs

ME = Actor("bench", "cli")
PAGE = 50


def measure(effort: Effort) -> list[Line]:
    """Return the lines."""
    history, width, length = effort.times(100_000, 5_000), effort.times(1_000, 200), 100
    with (
        tempfile.TemporaryDirectory() as folder,
        open_house(FlowConfig(home=Path(folder, "home")), write=True) as house,
    ):
        _write_history(house, history)
        cursor = None
        top = _milliseconds(lambda: _ask(house, "runs.list", dag_id="many", limit=PAGE))
        for _ in range(history // 500 - 1):  # the way down, in larger steps
            cursor = _ask(house, "runs.list", dag_id="many", limit=500, before=cursor)["next"]
        deep = _milliseconds(lambda: _ask(house, "runs.list", dag_id="many", limit=PAGE, before=cursor))
        _write_grid(house, width, length)
        grid = _milliseconds(lambda: _ask(house, "dags.grid", dag_id="grid", limit=length))
        size = len(json.dumps(_ask(house, "dags.grid", dag_id="grid", limit=length), separators=(",", ":"))) / 1000
    ratio = {"deep_ms": round(deep, 1), "first_ms": round(top, 1)}
    what = f"grid of {width:,} tasks × {length} runs"
    return [
        Line("runs_page", f"{PAGE} runs out of {history:,}", round(top, 1), "ms", 5, True),
        Line("runs_deep", "the deepest page of them", round(deep / top, 2), "× the first", 1.5, True, ratio),
        Line("grid", what, round(grid, 1), "ms", 100, True),
        Line("grid_size", what, round(size, 1), "kB", 200, True),
    ]


def _ask(house: House, op: str, **args: Any) -> Any:
    return doors.perform(house, ME, op, args)


def _milliseconds(ask: Callable[[], Any]) -> float:
    """The median processor time of an answer with its JSON."""
    seconds = []
    for _ in range(15):
        started = time.process_time()
        json.dumps(ask())
        seconds.append(time.process_time() - started)
    return 1000 * statistics.median(seconds)


def _store(house: House, dag_id: str, tasks: int, count: int) -> None:
    spec = DagSpec(dag_id, f"{dag_id}.py", tuple(TaskSpec(f"task_number_{n:04d}", "X") for n in range(tasks)))
    now = datetime.now(UTC)
    with house.writing() as connection:
        stored = dags.store_dag(connection, spec, dag_folder="/dags", bundle_hash="0" * 64, now=now)
        for number in range(count):
            at = now + timedelta(minutes=number)
            new = NewRun(dag_id, f"manual__{number}", RunType.MANUAL, at, at, at, at, "cli", "bench")
            runs.create_run(connection, new, stored.dag.version_id, spec, now)


def _write_grid(house: House, width: int, length: int) -> None:
    _store(house, "grid", width, length)
    with house.writing() as connection:
        connection.execute(text("UPDATE task_instance SET state = CASE WHEN id % 7 THEN 'success' ELSE 'failed' END"))


def _write_history(house: House, count: int) -> None:
    _store(house, "many", 1, 1)
    own = {"id", "run_id", "logical_date", "run_after", "idempotency_key", "state"}
    with house.writing() as connection:
        columns = [row[1] for row in connection.execute(text("PRAGMA table_info(dag_run)")) if row[1] not in own]
        names, values = ", ".join(columns), ", ".join(f"r.{name}" for name in columns)
        date = "datetime('2000-01-01', '+' || i || ' minutes')"
        connection.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
                f" INSERT INTO dag_run (run_id, state, logical_date, run_after, {names})"
                f" SELECT 'past__' || i, 'success', {date}, {date}, {values} FROM dag_run r, n"
            ),
            {"count": count},
        )
