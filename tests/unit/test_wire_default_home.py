"""The home that CLI, server and magics share is where Jupyter keeps its data."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_core import paths

from jupyter_flow.wire.paths import default_dag_folders, default_home, jupyter_data_dir

CASES: list[dict[str, str]] = [
    {},
    {"XDG_DATA_HOME": "/elsewhere/share"},
    {"JUPYTER_DATA_DIR": "/data/jupyter", "XDG_DATA_HOME": "/elsewhere/share"},
    {"JUPYTER_DATA_DIR": ""},
    {"JUPYTER_PLATFORM_DIRS": "1"},
    {"JUPYTER_PLATFORM_DIRS": "no", "HOME": "/tmp"},
]


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "JUPYTER_DATA_DIR",
        "XDG_DATA_HOME",
        "JUPYTER_PLATFORM_DIRS",
        "JUPYTER_FLOW_HOME",
        "JUPYTER_FLOW_DAGS",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("environment", CASES)
def test_jupyters_data_folder_is_found_as_jupyter_finds_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert jupyter_data_dir() == Path(paths.jupyter_data_dir())
    assert default_home() == Path(paths.jupyter_data_dir()) / "flow"


def test_the_environment_names_home_and_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_FLOW_HOME", "state")
    monkeypatch.setenv("JUPYTER_FLOW_DAGS", "/one:two::")
    assert default_home() == Path.cwd() / "state"
    assert default_dag_folders() == (Path("/one"), Path.cwd() / "two")
    monkeypatch.delenv("JUPYTER_FLOW_DAGS")
    assert default_dag_folders() == ()
