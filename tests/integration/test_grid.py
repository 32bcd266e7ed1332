"""The grid: tasks against runs, on both databases, with deep pages that cost what the first one costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update
from support.flows import T0, dag, new_run, task
from support.stored_runs import store_in

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import InvalidInput, NotFound
from jupyter_flow.model.records import Actor
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import TaskState
from jupyter_flow.service import doors, grid
from jupyter_flow.service.house import House, open_house
from jupyter_flow.storage import queries, runs
from jupyter_flow.storage.schema import task_instance

ME = Actor("me", "cli")


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    config = FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path / "dags",), db_url=database_url)
    with open_house(config, write=True) as opened:
        yield opened


def add_run(house: House, spec: DagSpec, version: int, number: int) -> int:
    with house.writing() as connection:
        asked = new_run(spec.dag_id, T0 + timedelta(minutes=number))
        return runs.create_run(connection, asked, version, spec, T0).run.id


def set_state(house: House, dag_run_id: int, task_id: str, state: TaskState) -> None:
    """Write a state past the one door: how a run came there is not what is looked at."""
    with house.writing() as connection:
        where = (task_instance.c.dag_run_id == dag_run_id, task_instance.c.task_id == task_id)
        connection.execute(update(task_instance).where(*where).values(state=str(state)))


def test_every_state_has_a_letter_of_its_own() -> None:
    assert set(grid.CODES) == set(TaskState)
    assert len(set(grid.CODES.values())) == len(TaskState)
    assert set(grid.LOUDEST) == set(grid.CODES.values())
    assert grid.NOT_THERE not in grid.CODES.values()


def test_runs_of_several_versions_stand_in_one_grid(house: House) -> None:
    first = dag(task("b"), task("old", "b"))
    version = store_in(house, first)
    one = add_run(house, first, version, 1)
    set_state(house, one, "b", TaskState.SUCCESS)
    set_state(house, one, "old", TaskState.FAILED)
    second = dag(task("z"), task("b", "z"), task("a", "b"))
    two = add_run(house, second, store_in(house, second), 2)
    for task_id, state in [("z", TaskState.SUCCESS), ("b", TaskState.UP_FOR_RETRY)]:
        set_state(house, two, task_id, state)
    shown = doors.perform(house, ME, "dags.grid", {"dag_id": "d"})
    assert shown["tasks"] == ["z", "b", "a", "old"]
    assert [run["states"] for run in shown["runs"]] == ["stw.", ".s.f"]
    assert [run["state"] for run in shown["runs"]] == ["queued", "queued"]
    assert {shown["codes"][letter] for letter in "stwf"} == {"success", "up_for_retry", "waiting", "failed"}
    assert shown["next"] is None
    assert "mapped" not in shown["runs"][0]


def test_mapped_tasks_are_counted(house: House) -> None:
    spec = dag(task("a"), task("m", "a"))
    run = add_run(house, spec, store_in(house, spec), 1)
    with house.writing() as connection:
        (row,) = (item for item in queries.instances_of(connection, run, "m"))
        values = {name: value for name, value in row._mapping.items() if name != "id"}
        states = ["success"] * 5 + ["running"] * 2 + ["failed"]
        more = [{**values, "map_index": number, "state": state} for number, state in enumerate(states)]
        connection.execute(insert(task_instance), more)
        connection.execute(text("DELETE FROM task_instance WHERE task_id = 'm' AND map_index = -1"))
    (shown,) = doors.perform(house, ME, "dags.grid", {"dag_id": "d"})["runs"]
    assert shown["states"] == "wf"
    assert shown["mapped"] == {"m": {"s": 5, "r": 2, "f": 1}}


def test_pages_follow_each_other_and_bad_ones_are_refused(house: House) -> None:
    spec = dag(task("a"))
    version = store_in(house, spec)
    for number in range(5):
        add_run(house, spec, version, number)
    seen, before = [], None
    while True:
        page = doors.perform(house, ME, "dags.grid", {"dag_id": "d", "limit": 2, "before": before})
        seen += [run["run_id"] for run in page["runs"]]
        before = page["next"]
        if before is None:
            break
    listed = doors.perform(house, ME, "runs.list", {"dag_id": "d"})["runs"]
    assert seen == [run["run_id"] for run in listed]
    for bad in ({"limit": 0}, {"limit": 501}, {"limit": "many"}, {"before": "nonsense"}):
        with pytest.raises(InvalidInput):
            doors.perform(house, ME, "dags.grid", {"dag_id": "d", **bad})
    with pytest.raises(NotFound):
        doors.perform(house, ME, "dags.grid", {"dag_id": "other"})


def test_a_thousand_tasks_and_a_hundred_runs_fit_into_200_kilobytes(house: House) -> None:
    spec = dag(*(task(f"a_task_with_a_name_{number:04d}") for number in range(1_000)))
    version = store_in(house, spec)
    for number in range(3):
        add_run(house, spec, version, number)
    text_of = json.dumps(doors.perform(house, ME, "dags.grid", {"dag_id": "d"}), separators=(",", ":"))
    three, one = len(text_of), text_of.count("w" * 1_000)
    assert one == 3
    per_run = 1_000 + 300
    assert three + 97 * per_run < 200_000


def test_a_deep_page_begins_where_it_begins(house: House) -> None:
    """The query of a page must be bounded by the index and not read what stands before it."""
    spec = dag(task("a"))
    version = store_in(house, spec)
    for number in range(3):
        add_run(house, spec, version, number)
    with house.reading() as connection:
        page, cursor = queries.list_runs(connection, "d", limit=1)
        statements: list[str] = []
        run_after, key = queries.read_run_cursor(cursor or "")
        assert (run_after, key) == (page[0].run_after, page[0].id)
        if connection.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(
                "EXPLAIN QUERY PLAN SELECT * FROM dag_run WHERE dag_id = 'd' AND run_after <= '2026' AND"
                " (run_after < '2026' OR id < 2) ORDER BY run_after DESC, id DESC LIMIT 2"
            ).all()
            statements = [row[3] for row in plan]
            assert any("dag_id=? AND run_after<?" in line for line in statements), statements
            assert not any("TEMP B-TREE" in line for line in statements), statements
