"""The walls of docs/architecture.md: imports go down only, and never across the wall between house and child side."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import sources

HOUSE = {"storage", "scheduling", "execution", "parsing", "service", "server", "cli"}
CHILD = {
    *("authoring", "operators", "sensors", "notifications", "timetables", "utils", "airflow_names", "runner", "magics"),
    "bridge",
}
GROUND = {"model", "wire"}

MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "wire": {"model"},
    "storage": {"model"},
    "scheduling": {"model"},
    "execution": {"model", "wire"},
    "parsing": {"model", "wire", "storage", "execution"},
    "service": {"model", "wire", "storage", "scheduling", "execution", "parsing"},
    "server": {"model", "wire", "service"},
    "cli": {"model", "wire", "service"},
    "authoring": {"model", "wire"},
    "operators": {"model", "authoring"},
    "sensors": {"model", "authoring", "operators"},
    "utils": {"authoring", "timetables"},
    "airflow_names": {"model", "authoring", "operators", "sensors", "notifications", "timetables", "utils"},
    "runner": {"model", "wire", "authoring", "operators", "sensors", "notifications", "timetables", "airflow_names"},
    "timetables": {"model", "authoring"},
    "magics": {"model", "wire", "authoring", "operators"},
    "bridge": {"model", "wire"},
    "notifications": {"model", "authoring"},
}
"""Room -> rooms it may import, as its sign says."""

MAY_USE: dict[str, set[str]] = {
    "model": {"croniter", "dateutil"},
    "wire": set(),
    "storage": {"sqlalchemy", "alembic"},
    "scheduling": set(),
    "execution": {"psutil", "jupyter_client"},
    "parsing": {"sqlalchemy", "watchfiles"},
    "service": {"cron_descriptor", "sqlalchemy", "watchfiles", "psutil", "jsonschema", "referencing"},
    "server": {"jupyter_server", "tornado", "traitlets", "jupyter_events", "jupyter_core", "jupyter_client", "psutil"},
    "cli": {"click", "rich", "jupyter_client", "jupyter_core"},
    "authoring": {"croniter", "jinja2", "jsonschema"},
    "operators": {"filelock"},
    "sensors": {"sqlalchemy"},
    "notifications": set(),
    "timetables": set(),
    "utils": set(),
    "airflow_names": {"dateutil", "yaml"},
    "runner": {
        "IPython",
        "babel",
        "dateutil",
        "fsspec",
        "ipykernel",
        "jinja2",
        "jupyter_client",
        "jupyter_core",
        "nbclient",
        "nbformat",
        "papermill",
        "psutil",
        "tornado",
        "traitlets",
        "zmq",
    },
    "magics": {"IPython", "ipywidgets", "jupyter_core", "traitlets"},
    "bridge": {"distributed", "fsspec", "psutil"},
}
"""Room -> third-party packages it may import."""

NEVER_IN_HOUSE = {"papermill", "nbclient", "IPython", "ipykernel", "dask", "distributed", "jinja2", "nbformat"}
"""What must never be loaded beside the database: it runs, or drags in, user code."""


def test_every_room_is_in_the_plan() -> None:
    assert set(sources.rooms()) == set(MAY_IMPORT) == GROUND | HOUSE | CHILD == set(MAY_USE)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    wrong = []
    for file in sources.files(room):
        for found in sources.imports(file):
            parts = found.module.split(".")
            if parts[0] != "jupyter_flow" or len(parts) < 2 or parts[1] not in MAY_IMPORT:
                continue
            if parts[1] != room and parts[1] not in MAY_IMPORT[room]:
                wrong.append(str(found))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", sorted(MAY_USE))
def test_a_room_uses_only_the_libraries_of_its_sign(room: str) -> None:
    wrong = [
        str(found)
        for file in sources.files(room)
        for found in sources.imports(file)
        if (top := found.module.partition(".")[0]) not in {"jupyter_flow", "__future__", *sys.stdlib_module_names}
        and top not in MAY_USE[room]
        and not top.startswith("jupyter_flow_")  # our own files, loaded by a foreign interpreter
    ]
    assert not wrong, "\n".join(wrong)


def test_the_two_sides_meet_only_on_the_ground() -> None:
    for room, allowed in MAY_IMPORT.items():
        assert not (room in HOUSE and allowed & CHILD), room
        assert not (room in CHILD and allowed & HOUSE), room


def test_house_side_may_never_use_what_runs_user_code() -> None:
    for room in sorted(HOUSE | GROUND):
        assert not MAY_USE[room] & NEVER_IN_HOUSE, room


def test_files_beside_the_rooms_import_no_side_eagerly() -> None:
    beside = [file for file in sources.files() if sources.room_of(file) == ""]
    assert [file.name for file in beside] == ["__init__.py", "__main__.py"]
    for found in sources.imports(sources.PACKAGE / "__init__.py"):
        assert found.module.partition(".")[0] in sys.stdlib_module_names, str(found)


def test_imports_across_the_wall_by_name_are_caught_too() -> None:
    # `importlib.import_module("jupyter_flow.runner…")` would slip through the walk above.
    wrong = []
    for room in sorted(HOUSE | GROUND):
        for file in sources.files(room):
            text = file.read_text(encoding="utf-8")
            if "import_module(" in text or "__import__(" in text:
                wrong.append(sources.name_of(file))
    assert not wrong, wrong


def test_the_walk_sees_relative_and_lazy_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot fail is none: plant each kind of import and see it found."""
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    file = tmp_path / "jupyter_flow" / "cli" / "planted.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "from ..runner import attempt\nfrom . import output\nimport papermill.execute\n"
        "def f():\n    from ..storage.runs import claim\n"
    )
    found = {item.module: item for item in sources.imports(file)}
    assert "jupyter_flow.runner.attempt" in found
    assert "jupyter_flow.cli.output" in found
    assert "papermill.execute" in found
    assert found["jupyter_flow.storage.runs"].lazy
    assert not found["jupyter_flow.runner"].lazy
