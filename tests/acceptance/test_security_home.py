"""S35: what stands in the home belongs to its owner alone, whatever the umask; what tasks write keeps theirs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.houses import House, task_of
from support.lab_server import LabServer

from jupyter_flow.wire.paths import runtime_dir

DAG = """
from jupyter_flow import DAG, BashOperator, NotebookOperator

with DAG("writes", schedule=None):
    BashOperator("bash", "umask; touch bash.txt") >> NotebookOperator("book", "book.ipynb")
"""


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The umask that hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def lab(tmp_path: Path, open_umask: None) -> Iterator[LabServer]:
    lab = LabServer(tmp_path / "lab")
    lab.write_notebook(["open('book.txt', 'w').close()", "1 + 1"], "book.ipynb")
    lab.write_dag(DAG, "writes.py")
    yield lab
    lab.close()


def modes(folder: Path) -> dict[str, int]:
    """Path below ``folder`` -> its permissions, links and sockets included."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(parent, name)
            found[path.relative_to(folder).as_posix()] = stat.S_IMODE(path.lstat().st_mode)
    return found


def wide(folder: Path) -> dict[str, str]:
    """What others may reach in ``folder``, itself included."""
    all_of_it = {**modes(folder), ".": stat.S_IMODE(folder.stat().st_mode)}
    return {name: oct(mode) for name, mode in all_of_it.items() if mode & 0o077}


def test_everything_in_the_home_is_the_owners_alone(lab: LabServer) -> None:
    lab.start()
    lab.wait_for_dag("writes")
    run = lab.run_to_end("writes")
    assert run["state"] == "success", run
    found = modes(lab.home)
    names = {Path(name).name for name in found}
    expected = {"flow.db", "flow.db-wal", "flow.db-shm", "host.log", "host.lock", "forkservers.log", "spec.json"}
    assert expected | {"log.jsonl", "cells.jsonl", "book.ipynb", "result.json", "writes.py"} <= names
    assert wide(lab.home) == {}
    sockets = runtime_dir(lab.home)
    assert {"house.sock"} <= set(modes(sockets))
    # within a private folder a kernel makes its sockets with the umask of its user
    assert not [name for name in wide(sockets) if "/" not in name]
    for name in ("bash.txt", "book.txt"):  # a task's own files are as its user wants them
        assert stat.S_IMODE((lab.dags / name).stat().st_mode) == 0o666
    path = task_of(run, "bash")["log_path"]
    assert '"text": "0000"' in Path(path).read_text()


def test_a_wide_home_of_before_is_made_private(house: House, open_umask: None) -> None:
    house.makes_database = True
    house.write_notebook(["1"], "book.ipynb")
    house.write_dag(DAG, "writes.py")
    house.start()
    house.stop()
    house.home.chmod(0o755)
    (house.home / "flow.db").chmod(0o644)
    house.start()
    house.wait_for_dag("writes")
    assert wide(house.home) == {}


def test_a_link_at_the_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path / "linked")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    house.home.mkdir(mode=0o700)
    (house.home / "host.lock").symlink_to(victim)
    result = house.cli("scheduler")
    assert (result.code, len(result.err.splitlines())) == (2, 1), str(result)
    assert victim.read_text() == "mine"
