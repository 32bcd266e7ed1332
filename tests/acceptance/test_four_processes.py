"""Server, host, runner and kernel are four processes, as ``/proc`` tells it while notebook tasks run in JupyterLab.

The user's module maps a file into whatever process imports it: ``/proc/PID/maps`` then says where user code is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.census import Found, attempt_processes
from support.lab_server import LabServer
from support.waiting import wait_for

MODULE = """
import mmap
import os
import pathlib
import time

FOLDER = pathlib.Path({folder!r})
with (FOLDER / "marker.bin").open("rb") as _file:
    _held = mmap.mmap(_file.fileno(), 0, prot=mmap.PROT_READ)


def journal_and_wait(name):
    note = FOLDER / f"{{name}}.pid"
    note.with_suffix(".part").write_text(f"{{os.getpid()}} {{os.environ['JUPYTER_FLOW_ATTEMPT']}}")
    note.with_suffix(".part").rename(note)
    while not (FOLDER / "gate").exists():
        time.sleep(0.02)
"""
DAG = """
import the_users_module
from jupyter_flow import DAG, NotebookOperator, task

with DAG("four", schedule=None) as dag:
    books = [NotebookOperator(task_id=name, notebook="book.ipynb") for name in ("a", "b", "c", "d")]
    books[:2] >> books[2] >> books[3]

    @task
    def python():
        the_users_module.journal_and_wait("python")

    python()
"""
BOOK = """
import the_users_module
from jupyter_flow import flow
the_users_module.journal_and_wait(flow.context["task_id"])
"""
HELD = ("a", "b", "python")
BOOKS = ("a", "b", "c", "d")


class Four:
    """A server with a run whose first three tasks are held at a gate."""

    def __init__(self, lab: LabServer) -> None:
        self.lab = lab
        self.folder = lab.base / "journal"
        self.folder.mkdir()
        self.marker = self.folder / "marker.bin"
        self.marker.write_bytes(b"user code is here" * 300)
        (lab.dags / "the_users_module.py").write_text(MODULE.format(folder=str(self.folder)))
        lab.write_notebook([BOOK], "book.ipynb")
        lab.write_dag(DAG, "four.py")

    def start(self) -> None:
        """Start all and wait until the tasks are held."""
        self.lab.settings.append("c.JupyterFlow.notebook_parallelism = 2")
        self.lab.start("lab")
        self.lab.wait_for_dag("four")
        self.run = self.lab.post("/dags/four/runs", {"unpause": True, "run_id": "one"})
        wait_for(lambda: all((self.folder / f"{name}.pid").exists() for name in HELD), self.story, 90)

    def open_gate(self) -> dict[str, Any]:
        """Let the run go to its end and return it."""
        (self.folder / "gate").touch()

        def ended() -> Any:
            run = self.lab.get("/dags/four/runs/one")
            return run if run["state"] in ("success", "failed") else None

        return wait_for(ended, self.story, 90)  # type: ignore[no-any-return]

    def story(self) -> str:
        """What is known, for messages."""
        return json.dumps(self.lab.get("/dags/four/runs/one"), indent=1)

    def pid(self, name: str) -> int:
        """The process in which the task's own code runs, by its own word."""
        return int((self.folder / f"{name}.pid").read_text().split()[0])

    def attempt(self, name: str) -> list[Found]:
        """All processes of the task's attempt."""
        return attempt_processes((self.folder / f"{name}.pid").read_text().split()[1])

    def holds_user_code(self, pid: int) -> bool:
        """Tell whether the user's module is in the process."""
        return str(self.marker) in (Path("/proc") / str(pid) / "maps").read_text()


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Four]:
    made = Four(LabServer(tmp_path / "lab"))
    yield made
    (made.folder / "gate").touch()
    made.lab.close()


def session(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[3])


def test_server_host_runner_and_kernel_are_four_processes(four: Four) -> None:
    four.start()
    assert four.lab.process is not None
    server, host = four.lab.process.pid, four.lab.get("/health")["host"]["pid"]
    house_side = {session(server), session(host)}
    assert len({server, host} | house_side) == 2, "server and host lead a session each"
    runners = {}
    for name in ("a", "b"):
        kernel = four.pid(name)
        leaders = [process.pid for process in four.attempt(name) if process.sid == process.pid]
        (runners[name],) = [pid for pid in leaders if pid != kernel]
        assert len({server, host, runners[name], kernel}) == 4
        assert session(kernel) not in house_side
        assert four.holds_user_code(kernel)
        assert not four.holds_user_code(runners[name]), "a notebook's runner needs no DAG file"
    assert session(four.pid("python")) == four.pid("python"), "a Python task runs in its runner"
    assert four.holds_user_code(four.pid("python"))
    assert len({server, host, *runners.values(), *map(four.pid, HELD)}) == 7
    for process in (server, host):
        assert not four.holds_user_code(process)
        assert not {child.pid for child in psutil.Process(process).children()} & set(map(four.pid, HELD))

    run = four.open_gate()
    assert run["state"] == "success", four.story()
    assert len({four.pid(name) for name in BOOKS}) == len(BOOKS), "a kernel is never used twice"
    assert not any(four.holds_user_code(pid) for pid in (server, host))
    tasks = (*BOOKS, "python")
    wait_for(lambda: not [found for name in tasks for found in four.attempt(name)], "processes end with their attempt")
