"""``jupyter flow demo``, and what a run looks like on a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

from support.files import parameters
from support.houses import House

DAG = """
from jupyter_flow import DAG, NotebookOperator
with DAG("small", schedule=None):
    measure = NotebookOperator(task_id="measure", notebook="measure.ipynb", parameters={"size": 4})
    measure >> NotebookOperator(task_id="look", notebook="look.ipynb")
"""


def example(house: House, last: str = "print('seen')") -> Path:
    """Write an example with two notebooks; the first pushes metrics."""
    push = "from jupyter_flow import flow\nflow.xcom_push('metrics', {'auc': 0.75, 'by': {'size': size}, 'name': 'x'})"
    house.write_notebook([parameters("size = 1"), push], "measure.ipynb")
    house.write_notebook([last], "look.ipynb")
    return house.write_dag(DAG, "small.py")


def test_the_demo_shows_states_metrics_notebooks_and_the_way_on(house: House) -> None:
    path = example(house)
    result = house.cli("demo", str(path))
    assert result.code == 0, str(result)
    assert re.search(r"measure\s+NotebookOperator\s+success\s+1", result.out)
    assert re.search(r"measure\s+auc\s+0\.75", result.out)
    assert re.search(r"measure\s+by\.size\s+4", result.out)
    notebooks = re.findall(r"^  (/\S+\.ipynb)$", result.out, re.MULTILINE)
    assert [Path(name).name for name in notebooks] == ["measure.ipynb", "look.ipynb"]
    assert all(Path(name).is_file() for name in notebooks)
    assert f"JUPYTER_FLOW_HOME={house.home}" in result.out
    assert "jupyter-lab" in result.out


def test_the_demo_exits_1_when_a_task_fails(house: House) -> None:
    path = example(house, last="raise RuntimeError('no luck')")
    result = house.cli("demo", str(path), "--json")
    assert result.code == 1, str(result)
    assert result.json["state"] == "failed"
    assert result.json["metrics"] == {"measure": {"auc": 0.75, "by.size": 4.0}}


def test_a_terminal_shows_a_live_line_per_task(house: House) -> None:
    path = house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator
        with DAG("live", schedule=None):
            first = BashOperator(task_id="first", bash_command="sleep 1")
            first >> BashOperator(task_id="second", bash_command="exit 2")
        """,
        "live.py",
    )
    code, shown = _on_a_terminal(house, "run", str(path))
    assert code == 1, shown
    assert "\x1b[" in shown, "no live display"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    for words in ("first", "second", "running", "success", "failed", "exit code 2"):
        assert words in text, text
    assert "Traceback" not in text


def _on_a_terminal(house: House, *args: str) -> tuple[int, str]:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "jupyter_flow", *args]
    env = {**house.env, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}
    process = subprocess.Popen(command, env=env, stdin=slave, stdout=slave, stderr=slave, cwd=house.base)
    os.close(slave)
    chunks = []
    deadline = time.monotonic() + 90
    try:
        while time.monotonic() < deadline:
            readable, _, _ = select.select([master], [], [], 1)
            if not readable:
                continue
            try:
                chunks.append(os.read(master, 65_536))
            except OSError:  # EIO: the last writer is gone
                break
        return process.wait(30), b"".join(chunks).decode(errors="replace")
    finally:
        process.kill()
        process.wait()
        os.close(master)
