"""Airflow: ``airflow standalone`` with SQLite and its default executor."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from notebook import write_notebook

FOLDER = Path(sys.argv[1])
DAGS = """
import datetime
from airflow.sdk import DAG, chain
from airflow.providers.standard.operators.python import PythonOperator

def no_op():
    pass

def execute():
    import papermill
    papermill.execute_notebook(NOTEBOOK, NOTEBOOK + ".out.ipynb", progress_bar=False)

with DAG("chain", schedule=None):
    chain(*[PythonOperator(task_id=f"t{n}", python_callable=no_op) for n in range(10)])
with DAG("fan_out", schedule=None, max_active_tasks=100):
    first = PythonOperator(task_id="first", python_callable=no_op)
    last = PythonOperator(task_id="last", python_callable=no_op)
    first >> [PythonOperator(task_id=f"m{n}", python_callable=no_op) for n in range(50)] >> last
with DAG("notebook", schedule=None):
    PythonOperator(task_id="t", python_callable=execute)
"""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    """Measure."""
    dags = FOLDER / "dags"
    dags.mkdir()
    notebook = write_notebook(FOLDER / "n.ipynb")
    (dags / "work.py").write_text(f"NOTEBOOK = {str(notebook)!r}\n{DAGS}")
    port = _free_port()
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
    }
    process = subprocess.Popen(["airflow", "standalone"], env=environment, stdout=sys.stderr, stderr=sys.stderr)
    try:
        database = FOLDER / "airflow.db"
        _wait(lambda: _count(database, "select count(*) from dag where not is_stale") == 3, 300)
        found: dict[str, object] = {"version": importlib.metadata.version("apache-airflow")}
        for name in ("chain", "fan_out", "notebook"):
            found[name] = [_time(environment, database, name, number) for number in range(4)][1:]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    print(json.dumps(found))


def _time(environment: dict[str, str], database: Path, name: str, number: int) -> float:
    """Return the seconds from the creation of the run, as its row has it, to its end (without the command line)."""
    run = f"r{number}"
    subprocess.run(["airflow", "dags", "trigger", name, "-r", run], env=environment, check=True, stdout=sys.stderr)
    where = f"from dag_run where dag_id = '{name}' and run_id = '{run}'"
    _wait(lambda: _count(database, f"select count(*) {where} and state in ('success', 'failed')") == 1, 300)
    with sqlite3.connect(database) as connection:
        (state, seconds) = connection.execute(
            f"select state, (julianday(end_date) - julianday(queued_at)) * 86400 {where}"
        ).fetchone()
    assert state == "success", state
    return round(float(seconds), 3)


def _count(database: Path, query: str) -> int:
    if not database.exists():
        return -1
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return -1


def _wait(condition: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError("not reached")
        time.sleep(0.1)


main()
