"""Fixtures that all rings share. See ``support/houses.py`` for what a house under test can do."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import files
from support.houses import House
from support.postgres import Postgres, a_server


@pytest.fixture(scope="session", autouse=True)
def _plain_process() -> None:
    """Undo what processes inherit from whatever started the tests: ignored signals, the width of a terminal."""
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    for name in ("COLUMNS", "LINES"):  # pytest-xdist sets them
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test process; make databases in it."""
    with a_server() as server:
        yield server


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[Callable[[], House]]:
    """A factory of houses; each is ended at the end of the test, and none of its processes may survive."""
    built: list[House] = []

    def build() -> House:
        built.append(House(tmp_path / f"house{len(built)}"))
        return built[-1]

    yield build
    problems = []
    for house in built:
        try:
            house.close()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def house(houses: Callable[[], House]) -> House:
    """One house, not started: write DAG files, then ``house.start()``."""
    return houses()


@pytest.fixture
def dag_folder(tmp_path: Path) -> Path:
    """An empty DAG folder, for tests without a house."""
    folder = tmp_path / "dags"
    folder.mkdir()
    return folder


@pytest.fixture
def write_dag(dag_folder: Path) -> Callable[..., Path]:
    """``write_dag(text, name="example.py")`` writes into ``dag_folder``."""

    def write(text: str, name: str = "example.py") -> Path:
        return files.write_dag(dag_folder, text, name)

    return write


@pytest.fixture
def write_notebook(dag_folder: Path) -> Callable[..., Path]:
    """``write_notebook(cells, name="notebook.ipynb", kernel="python3")`` writes into ``dag_folder``."""

    def write(cells: list[files.Cell], name: str = "notebook.ipynb", **options: str) -> Path:
        return files.write_notebook(dag_folder, cells, name, **options)

    return write
