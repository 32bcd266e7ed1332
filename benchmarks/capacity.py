"""The measured points of the capacity model, and a check of it: what it predicts for a spike against the spike.

Target: none but the check, predicted ÷ measured time of the spike between 0.7 and 1.4. Points: 50 runs of 20 no-op
tasks on SQLite; rows and bytes in the database and in the spool per task instance, CPU time of the host per task
instance. The spike: 200 DAGs of one task, triggered at once. What one DAG takes and what a hundred take predict the
time of the whole, when every DAG has run before: what is done once (a forkserver, the image of a DAG file) is no part
of it. The hundred are measured before and after the whole, so that a machine that drifts misleads less.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from capacity_model import Load, Points, per_day, spike_seconds
from common import Effort, Line, house, median, watching
from support.houses import House
from support.waiting import wait_for

TASKS = 20
TABLES = ("dag_run", "task_instance", "attempt", "event", "xcom")
CHAIN = """
from jupyter_flow import DAG, PythonOperator, chain

def no_op():
    pass

with DAG("points", max_active_runs=16, max_active_tasks=1000):
    chain(*[PythonOperator(task_id=f"t{n}", python_callable=no_op) for n in range(20)])
"""
SPIKE = """
from jupyter_flow import DAG, PythonOperator

def no_op():
    pass

for n in range(COUNT):
    with DAG(f"spike{n}"):
        PythonOperator(task_id="t", python_callable=no_op)
"""


def measure(effort: Effort) -> list[Line]:
    """Return the points, and the check."""
    points = _points(effort.times(50, 10))
    day = per_day(points, Load())
    details = {name: round(value, 2) for name, value in vars(points).items()}
    lines = [
        Line(
            "capacity_points", "database bytes a task instance", round(points.database_bytes), "B", None, True, details
        ),
        Line(
            "capacity_day",
            "database of a day with a million task instances",
            round(day["database_gb"], 1),
            "GB",
            None,
            True,
            {name: round(value, 1) for name, value in day.items()},
        ),
    ]
    count = effort.times(200, 60)
    predicted, measured = _spike(count)
    found = {"dags": count, "predicted_s": round(predicted, 2), "measured_s": round(measured, 2)}
    ratio = round(max(predicted / measured, measured / predicted), 2)
    return [*lines, Line("capacity_check", "capacity model, a spike of DAGs", ratio, "× off", 1.4, True, found)]


def _points(runs: int) -> Points:
    with house(prepare=lambda subject: subject.write_dag(CHAIN, "points.py")) as subject:
        with watching(subject, "points") as watcher:
            watcher.time_run("points")
            before, rows = _size(subject), _rows(subject)
            spool, cpu = _spool(subject), _cpu(subject.pid)
            begun = time.perf_counter()
            for number in range(runs):
                subject.call("dags.trigger", dag_id="points", run_id=f"r{number}")
            _wait_for_success(subject, "points", runs + 1)
            seconds = time.perf_counter() - begun
            cpu = _cpu(subject.pid) - cpu
        count = runs * TASKS
        grown = {name: value - rows[name] for name, value in _rows(subject).items()}
        return Points(
            tasks_per_second=count / seconds,
            host_cpu_ms=1000 * cpu / count,
            database_bytes=(_size(subject) - before) / count,
            spool_bytes=(_spool(subject) - spool) / count,
            rows=sum(grown.values()) / count,
            events=grown["event"] / count,
        )


def _spike(count: int) -> tuple[float, float]:
    """Return the predicted and the measured seconds for ``count`` DAGs that become due at once."""
    text = SPIKE.replace("COUNT", str(count))
    with house(prepare=lambda subject: subject.write_dag(text, "spike.py")) as subject:
        subject.wait_for_dag(f"spike{count - 1}", 120)
        with subject.client(timeout=120) as client:
            for number in range(count):
                client.call("dags.unpause", dag_id=f"spike{number}")
            _time(subject, range(count))  # each once: their first runs are dearer
            one = median([_time(subject, range(1)) for _ in range(5)])
            before = _time(subject, range(count // 2))
            whole = _time(subject, range(count))
            after = _time(subject, range(count // 2))
    return spike_seconds(one, (before + after) / 2, count // 2, count), whole


def _time(subject: House, numbers: range) -> float:
    done = _done(subject)
    begun = time.perf_counter()
    with subject.client(timeout=120) as client:
        for number in numbers:
            client.call("dags.trigger", dag_id=f"spike{number}")
    wait_for(lambda: _done(subject) == done + len(numbers), f"{len(numbers)} runs end", 300)
    return time.perf_counter() - begun


def _done(subject: House) -> int:
    return int(subject.rows("SELECT COUNT(*) AS n FROM dag_run WHERE state = 'success'")[0]["n"])


def _wait_for_success(subject: House, dag_id: str, count: int) -> None:
    wait_for(lambda: _done(subject) >= count, f"{count} runs of {dag_id} succeed", 600)


def _rows(subject: House) -> dict[str, int]:
    return {name: int(subject.rows(f"SELECT COUNT(*) AS n FROM {name}")[0]["n"]) for name in TABLES}


def _size(subject: House) -> int:
    """Return the bytes of the pages in use."""
    (found,) = subject.rows("SELECT page_count * page_size AS used FROM pragma_page_count(), pragma_page_size()")
    return int(found["used"])


def _spool(subject: House) -> int:
    files = (Path(place) / name for place, _, names in os.walk(subject.home / "spool") for name in names)
    return sum(path.lstat().st_size for path in files)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
