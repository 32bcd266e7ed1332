"""The quick start, followed word for word: its cells, its DAG file, its commands."""

from __future__ import annotations

import shlex

import pytest
from support.files import parameters
from support.houses import House, states_of
from support.markdown import blocks

PAGE = "docs/quickstart.md"


def _commands() -> list[list[str]]:
    lines = [line for block in blocks("bash") if block.document == PAGE for line in block.text.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("jupyter flow ")]


@pytest.mark.timeout(240)
def test_the_quick_start_works_as_it_is_written(house: House) -> None:
    first_cell, second_cell, dag_file = (block.text for block in blocks("python") if block.document == PAGE)
    house.write_notebook([parameters(first_cell), second_cell], "hello.ipynb")
    house.write_dag(dag_file, "hello.py")
    run_once, *others = _commands()

    assert run_once == ["run", "dags/hello.py"]
    once = house.cli(*run_once)
    assert once.code == 0, str(once)
    assert "success" in once.out

    house.start()
    house.wait_for_dag("hello")
    said = {}
    for words in others:
        if words[0] == "scheduler":
            continue  # the house under test is that host
        result = house.cli(*words)
        assert result.code == 0, str(result)
        said[" ".join(words)] = result.out
    assert "hello" in said["dags unpause hello"]
    assert said["runs list hello"].count("success") >= 2
    assert "healthy" in said["status"]

    runs = house.call("runs.list", dag_id="hello")["runs"]
    assert all(states_of(house.run("hello", run["run_id"]))["hello"] == "success" for run in runs if run["end_date"])
    manual = next(run for run in runs if run["run_type"] == "manual")
    log = house.cli("tasks", "log", "hello", manual["run_id"], "shout")
    assert f"HELLO, {manual['logical_date'][:10]}!" in log.out
