"""Which DAGs have to do with a notebook, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from support.flows import T0, new_run

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Actor
from jupyter_flow.model.spec import DagSpec, TaskSpec
from jupyter_flow.service import doors
from jupyter_flow.service.house import House, open_house
from jupyter_flow.storage import dags, runs
from jupyter_flow.storage.schema import task_instance

ME = Actor("me", "cli")
CELLS = DagSpec(
    "cells",
    "50%_done.ipynb",
    (
        TaskSpec("load", "NotebookCellOperator", arguments={"dag_notebook": "50%_done.ipynb", "cell": 2}),
        TaskSpec("fit", "NotebookCellOperator", arguments={"dag_notebook": "50%_done.ipynb", "cell": 3}),
    ),
)
RUNS = DagSpec(
    "runs",
    "sub/pipeline.py",
    (
        TaskSpec("book", "NotebookOperator", arguments={"notebook": "../50%_done.ipynb"}),
        TaskSpec("other", "NotebookOperator", arguments={"notebook": "50%_done.ipynb"}),
        TaskSpec("echo", "BashOperator", arguments={"bash_command": "cat 50%_done.ipynb"}),
    ),
)
STRANGER = DagSpec("stranger", "x.py", (TaskSpec("book", "NotebookOperator", arguments={"notebook": "50_done.ipynb"}),))


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    config = FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path / "dags",), db_url=database_url)
    with open_house(config, write=True) as opened:
        with opened.writing() as connection:
            for spec in (CELLS, RUNS, STRANGER):
                stored = dags.store_dag(connection, spec, dag_folder="/dags", bundle_hash="0" * 64, now=T0)
                if spec is CELLS:
                    run = runs.create_run(connection, new_run("cells", T0), stored.dag.version_id, spec, T0).run
            where = (task_instance.c.dag_run_id == run.id, task_instance.c.task_id == "fit")
            connection.execute(update(task_instance).where(*where).values(state="failed"))
        yield opened


def test_a_notebook_knows_what_it_defines_and_what_runs_it(house: House) -> None:
    shown = doors.perform(house, ME, "notebooks.uses", {"path": "/dags/50%_done.ipynb"})
    cells, by_path = shown["dags"]
    assert (cells["dag_id"], cells["is_dag_file"], cells["last_run"]["state"]) == ("cells", True, "queued")
    assert [(task["task_id"], task["cell"], task["state"]) for task in cells["tasks"]] == [
        ("load", 2, "waiting"),
        ("fit", 3, "failed"),
    ]
    assert (by_path["dag_id"], by_path["is_dag_file"], by_path["last_run"]) == ("runs", False, None)
    assert [(task["task_id"], task["cell"], task["state"]) for task in by_path["tasks"]] == [("book", None, None)]


@pytest.mark.parametrize("path", ["", "/dags", "/dags/never.ipynb", "/elsewhere/50%_done.ipynb"])
def test_other_paths_have_none(house: House, path: str) -> None:
    assert doors.perform(house, ME, "notebooks.uses", {"path": path})["dags"] == []
