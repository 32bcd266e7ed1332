"""Row 102: from a notebook with its own asserts, over a dev house, to production: one file, two profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of, task_of

DAG_FILE = """
    from jupyter_flow import DAG, NotebookOperator

    with DAG(
        "lifecycle",
        params={"rows": 3},
        default_args={"retries": 0},
        default_args_profiles={
            "dev": {"env": {"TARGET": "sandbox"}, "owner": "somebody"},
            "prod": {"env": {"TARGET": "warehouse"}, "retries": 3, "owner": "on-call"},
        },
    ):
        NotebookOperator(
            task_id="build", notebook="build.ipynb", parameters={"rows": "{{ params.rows }}"}
        ) >> NotebookOperator(task_id="publish", notebook="publish.ipynb")
    """
BUILD = [
    {"source": "rows = 3", "tags": ["parameters"]},
    "table = list(range(int(rows)))",
    {"source": "assert table, 'the table is empty'\nassert len(set(table)) == len(table)", "tags": ["unit-tests"]},
    "from jupyter_flow import flow\nflow.xcom_push('size', len(table))",
]
PUBLISH = ["import os\nfrom jupyter_flow import flow\nflow.xcom_push('target', os.environ['TARGET'])"]


def write(house: House) -> None:
    house.write_notebook(BUILD, "build.ipynb")
    house.write_notebook(PUBLISH, "publish.ipynb")
    house.write_dag(DAG_FILE, "lifecycle.py")


@pytest.fixture(scope="module", params=["dev", "prod"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, House]]:
    house = House(tmp_path_factory.mktemp(request.param))
    write(house)
    house.start("--profile", request.param)
    try:
        yield request.param, house
    finally:
        house.close()


def xcoms(house: House, run: dict[str, Any], task_id: str) -> dict[str, Any]:
    found = house.cli_json("tasks", "xcom", "lifecycle", run["run_id"], task_id)
    return {item["key"]: item["value"] for item in found}


def test_the_same_file_runs_with_the_settings_of_its_place(place: tuple[str, House]) -> None:
    profile, house = place
    run = house.run_dag("lifecycle")
    assert states_of(run) == {"build": "success", "publish": "success"}
    assert xcoms(house, run, "build") == {"size": 3}
    assert xcoms(house, run, "publish") == {"target": {"dev": "sandbox", "prod": "warehouse"}[profile]}
    tasks = {task["task_id"]: task for task in house.call("dags.show", dag_id="lifecycle")["tasks"]}
    assert tasks["build"]["retries"] == {"dev": 0, "prod": 3}[profile]


def test_an_assert_of_the_notebook_stops_the_run_before_anything_is_published(tmp_path: Path) -> None:
    house = House(tmp_path)
    write(house)
    result = house.cli("run", str(house.dags / "lifecycle.py"), "--conf", '{"rows": 0}', "--json")
    assert result.code == 1, result
    assert states_of(result.json) == {"build": "failed", "publish": "upstream_failed"}
    assert task_of(result.json, "build")["reason"]["text"] == "AssertionError in cell 4: the table is empty"
