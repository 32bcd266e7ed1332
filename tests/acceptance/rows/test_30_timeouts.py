"""Row 30: timeouts of tasks and of cells end all that was started, and the reason says which one it was."""

from __future__ import annotations

from typing import Any

import pytest
from support.houses import House, states_of, task_of
from support.waiting import wait_for

DAG_FILE = """
    import subprocess
    import sys
    import time
    from datetime import timedelta
    from pathlib import Path

    from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator

    FOLDER = Path(__file__).parent


    def sleeps():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (FOLDER / "python.pids").write_text(str(child.pid))
        time.sleep(600)


    with DAG("timeouts", default_args={"retries": 0}):
        PythonOperator(task_id="python", python_callable=sleeps, execution_timeout=timedelta(seconds=6))
        BashOperator(
            task_id="shell",
            bash_command="sleep 600 & echo $! $$ > shell.pids; wait",
            execution_timeout=6,
        )
        NotebookOperator(task_id="whole", notebook="slow.ipynb", parameters={"name": "whole"}, execution_timeout=12)
        NotebookOperator(task_id="cell", notebook="slow.ipynb", parameters={"name": "cell"}, cell_timeout=6)
        NotebookOperator(task_id="alias", file_path="slow.ipynb", parameters={"name": "alias"}, timeout=6)
        NotebookOperator(task_id="enough", notebook="quick.ipynb", cell_timeout=30, execution_timeout=60)
        BashOperator(task_id="again", bash_command="sleep 600", execution_timeout=0.5, retries=1, retry_delay=0)
    """


@pytest.fixture(scope="module")
def run(house: House) -> dict[str, Any]:
    house.write_notebook(
        [
            {"source": "name = ''", "tags": ["parameters"]},
            "import os, subprocess, sys, time",
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "open(name + '.pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
            "time.sleep(600)",
            "open(name + '.never', 'w')",
        ],
        "slow.ipynb",
    )
    house.write_notebook(["import time", "time.sleep(0.1)"], "quick.ipynb")
    house.write_dag(DAG_FILE, "timeouts.py")
    return house.run_dag("timeouts")


def test_each_ends_as_failed_and_says_which_timeout_it_was(run: dict[str, Any]) -> None:
    states = states_of(run)
    assert states.pop("enough") == "success"
    assert set(states.values()) == {"failed"}
    reasons = {task["task_id"]: task["reason"]["text"] for task in run["tasks"] if task["state"] == "failed"}
    assert reasons["python"] == "timeout: not finished after 6 s"
    assert reasons["shell"] == "timeout: not finished after 6 s"
    assert reasons["whole"] == "timeout: not finished after 12 s"
    assert reasons["cell"] == reasons["alias"] == "timeout: cell 4 not finished after 6 s"


def test_a_timeout_counts_as_a_try(run: dict[str, Any]) -> None:
    assert task_of(run, "again")["try_number"] == 2


def test_nothing_that_they_started_is_left(house: House, run: dict[str, Any]) -> None:
    started = {path.stem for path in house.dags.glob("*.pids")}
    assert started >= {"python", "shell", "cell", "alias"}
    pids = {int(pid) for path in house.dags.glob("*.pids") for pid in path.read_text().split()}

    def left() -> list[Any]:
        return [found for found in house.census() if found.pid in pids or "sleep" in str(found)]

    wait_for(lambda: not left(), lambda: f"nothing is left: {left()}", 30)
    assert not list(house.dags.glob("*.never"))
