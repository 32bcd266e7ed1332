"""What ``on_stop`` promises, with a real Jupyter Server that is killed, comes back, and is stopped while tasks run."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support.lab_server import LabServer
from support.waiting import wait_for

DAG = """
    from jupyter_flow import DAG, BashOperator, NotebookOperator

    WAIT = "touch {base}/$NAME; while [ ! -e {base}/gate ]; do sleep 0.1; done"
    with DAG("gated", schedule=None):
        first = BashOperator(task_id="first", bash_command=WAIT, env={{"NAME": "first"}}, append_env=True)
        first >> BashOperator(task_id="next", bash_command="true")
        NotebookOperator(task_id="book", notebook="book.ipynb")
"""
CELL = """
import os, time
open({flag!r}, "w").close()
while not os.path.exists({gate!r}):
    time.sleep(0.1)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabServer]:
    lab = LabServer(tmp_path / "server")
    yield lab
    (lab.base / "gate").touch()
    lab.close()


def begin(lab: LabServer, on_stop: str) -> psutil.Process:
    """Start a server and its tasks, kill it -9, and start it again; return the host, which did not mind."""
    lab.settings += [f"c.JupyterFlow.on_stop = {on_stop!r}", "c.JupyterFlow.kill_grace = 1.0"]
    lab.write_dag(DAG.format(base=lab.base))
    lab.write_notebook([CELL.format(flag=str(lab.base / "book"), gate=str(lab.base / "gate"))], "book.ipynb")
    lab.start()
    lab.wait_for_dag("gated")
    host = psutil.Process(lab.get("/health")["host"]["pid"])
    lab.post("/dags/gated/runs", {"unpause": True})
    wait_for(lambda: all((lab.base / name).exists() for name in ("first", "book")), "both tasks run", 90)
    lab.stop(signal.SIGKILL)
    assert ends_not(host)
    lab.start()
    assert lab.get("/health")["host"]["pid"] == host.pid
    assert states(lab) == {"first": "running", "book": "running", "next": "waiting"}
    return host


def ends_not(host: psutil.Process) -> bool:
    return host.is_running() and host.status() != psutil.STATUS_ZOMBIE


def states(lab: LabServer) -> dict[str, str]:
    """Return the states of the tasks, without asking anybody."""
    with closing(sqlite3.connect(f"file:{lab.home / 'flow.db'}?mode=ro", uri=True, timeout=30)) as database:
        return dict(database.execute("select task_id, state from task_instance").fetchall())


def test_finish_lets_what_runs_end_and_says_so(lab: LabServer) -> None:
    host = begin(lab, "finish")
    lab.stop()
    said = "2 running tasks (gated/first, gated/book) go on to the end, then its host ends: `jupyter flow stop --tasks`"
    assert said in lab.output()
    assert ends_not(host)
    (lab.base / "gate").touch()
    wait_for(lambda: not ends_not(host), "the host ends with them", 60)
    found = states(lab)
    assert (found["first"], found["book"]) == ("success", "success")
    assert found["next"] in ("waiting", "scheduled"), "nothing new starts: it is left to the next host"


def test_keep_goes_on_with_everything_and_says_so(lab: LabServer) -> None:
    host = begin(lab, "keep")
    lab.stop()
    said = "goes on scheduling in the background, with 2 running tasks (gated/first, gated/book): `jupyter flow stop`"
    assert said in lab.output()
    (lab.base / "gate").touch()
    wait_for(lambda: set(states(lab).values()) == {"success"}, "the same host does the rest", 60)
    assert ends_not(host)
    host.terminate()


def test_cancel_ends_what_runs_and_says_so(lab: LabServer) -> None:
    host = begin(lab, "cancel")
    lab.stop()
    assert "2 running tasks (gated/first, gated/book) are cancelled" in lab.output()
    wait_for(lambda: not ends_not(host), "the host ends", 60)
    found = states(lab)
    assert (found["first"], found["book"]) == ("cancelled", "cancelled")
    assert found["next"] != "success"
