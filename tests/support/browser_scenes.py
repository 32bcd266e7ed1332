"""Houses that are large from the start, for pages under measurement: rows written in bulk, nothing has run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import text

from jupyter_flow.model.changes import NewRun
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.spec import DagSpec, TaskSpec
from jupyter_flow.model.state import RunType
from jupyter_flow.service.house import open_house
from jupyter_flow.storage import dags, runs

from .copied_runs import copies
from .lab_server import LabServer

MANY_DAGS = """
    from jupyter_flow import DAG, EmptyOperator

    for number in range({count}):
        with DAG(f"dag_{{number:03d}}", schedule="@daily", start_date="2026-01-01", tags=[f"team-{{number % 7}}"]):
            EmptyOperator(task_id="first") >> EmptyOperator(task_id="last")
"""
WIDE = """
    from jupyter_flow import DAG, EmptyOperator, TaskGroup

    with DAG("wide", schedule="@hourly", start_date="2026-01-01", description="One thousand tasks"):
        for part in range({count} // 100):
            with TaskGroup(f"part_{{part}}"):
                for number in range(100):
                    EmptyOperator(task_id=f"task_{{number:02d}}")
"""
LAYERED = """
    from jupyter_flow import DAG, EmptyOperator

    with DAG("layered", schedule=None, description="Each task waits for one or two of the layer before"):
        layer = []
        for depth in range({count} // 20):
            before, layer = layer, [EmptyOperator(task_id=f"task_{{depth:02d}}_{{n:02d}}") for n in range(20)]
            for n, task in enumerate(layer):
                for step in (0, 1)[: 1 + (n % 3 == 0)] if before else ():
                    before[(n + step) % 20] >> task
"""
TALKER = """
    from jupyter_flow import DAG, BashOperator

    with DAG("talker", schedule=None):
        BashOperator(task_id="talk", bash_command="echo begun")
"""
ENDED_RUNS = """
    UPDATE dag_run SET state = CASE WHEN id % 17 THEN 'success' ELSE 'failed' END, start_date = logical_date,
        end_date = datetime(logical_date, '+' || (60 + id * 7 % 300) || ' seconds')
"""
ENDED_TASKS = """
    UPDATE task_instance SET state = (SELECT state FROM dag_run WHERE dag_run.id = task_instance.dag_run_id),
        start_date = datetime('now', '-1 hours'), end_date = datetime('now', '-1 hours', '+9 seconds')
"""
ENDED_WIDE_TASKS = """
    UPDATE task_instance SET state = CASE WHEN id % 1501 THEN 'success' ELSE 'failed' END,
        queued_at = datetime('now', '-1 hours', '+' || (id * 37 % 400 + id % 1000 / 5) || ' seconds'),
        start_date = datetime('now', '-1 hours', '+' || (id * 37 % 400 + id % 1000 / 5 + 9) || ' seconds'),
        end_date = datetime('now', '-1 hours', '+' || (id * 37 % 400 + id % 1000 / 5 + 20 + id % 90) || ' seconds')
"""
ENDED_WIDE_RUNS = """
    UPDATE dag_run SET state = CASE WHEN id % 3 THEN 'success' ELSE 'failed' END, start_date = logical_date,
        end_date = datetime(logical_date, '+' || (600 + id * 7 % 300) || ' seconds')
"""


def many_dags(server: LabServer, count: int, length: int) -> None:
    """``count`` DAGs of two tasks, each with ``length`` runs that have ended; all paused."""
    path = server.write_dag(MANY_DAGS.format(count=count), "many.py")
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    tasks = (TaskSpec("first", "EmptyOperator"), TaskSpec("last", "EmptyOperator"))
    specs = [DagSpec(f"dag_{number:03d}", path.name, tasks) for number in range(count)]
    _write(server.home, path, specs, now, length, (ENDED_RUNS, ENDED_TASKS))


def wide(server: LabServer, count: int, length: int) -> None:
    """The DAG ``wide`` of ``count`` tasks in groups of a hundred, with ``length`` runs; some tasks have failed."""
    path = server.write_dag(WIDE.format(count=count), "wide.py")
    names = [f"part_{n // 100}.task_{n % 100:02d}" for n in range(count)]
    spec = DagSpec("wide", path.name, tuple(TaskSpec(name, "EmptyOperator") for name in names))
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=length)
    _write(server.home, path, [spec], first, length, (ENDED_WIDE_TASKS, ENDED_WIDE_RUNS))


def layered(server: LabServer, count: int) -> None:
    """The DAG ``layered``: ``count`` tasks in layers of twenty."""
    server.write_dag(LAYERED.format(count=count), "layered.py")


def long_log(server: LabServer, count: int) -> dict[str, Any]:
    """Let a task run, and give it a log of ``count`` lines; return its run. Every thousandth line is a warning."""
    run: dict[str, Any] = server.run_to_end("talker")
    run_path = f"/dags/talker/runs/{quote(run['run_id'], safe='')}"
    (attempt,) = server.get(f"{run_path}/tasks/talk")["attempts"]
    at = "2026-01-01T00:00:00.000000+00:00"
    with (server.home / "spool" / attempt["attempt_id"] / "log.jsonl").open("w", encoding="utf-8") as file:
        for seq in range(1, count + 1):
            level = "info" if seq % 1000 else "warning"
            words = f"step {seq} of {count}: loss {1 / seq:.6f}"
            file.write(f'{{"seq":{seq},"at":"{at}","stream":"stdout","level":"{level}","text":"{words}"}}\n')
    return run


def _write(
    home: Path, dag_file: Path, specs: list[DagSpec], now: datetime, length: int, statements: tuple[str, ...]
) -> None:
    with open_house(FlowConfig(home=home), write=True) as house, house.writing() as connection:
        for spec in specs:
            stored = dags.store_dag(
                connection, spec, dag_folder=str(dag_file.parent), bundle_hash="0" * 64, now=now, paused=True
            )
            new = NewRun(spec.dag_id, "scheduled__0", RunType.SCHEDULED, now, now, now, now, "scheduler", "")
            runs.create_run(connection, new, stored.dag.version_id, spec, now)
        for statement in (*copies(connection, length - 1), *statements):
            connection.execute(text(statement))
