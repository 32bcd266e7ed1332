"""How long runs and tasks took, and what is usual, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from support.flows import T0, dag, new_run, task
from support.stored_runs import store_in

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import Forbidden, InvalidInput, NotFound
from jupyter_flow.model.records import Actor
from jupyter_flow.model.state import RunState, RunType, TaskState
from jupyter_flow.service.house import House, open_house
from jupyter_flow.service.trends import dag_durations
from jupyter_flow.storage import runs
from jupyter_flow.storage.schema import dag_run, task_instance

ME = Actor("me", "cli")
SPEC = dag(task("t"), task("u"))


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    config = FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path / "dags",), db_url=database_url)
    with open_house(config, write=True) as opened:
        opened.version = store_in(opened, SPEC)  # type: ignore[attr-defined]
        yield opened


def add_run(house: House, day: int, state: RunState, seconds: float, late: float = 1.0) -> int:
    """Write a run and its task ``t``, past the one door: how they came there is not what is looked at."""
    due = T0 + timedelta(days=day)
    start, end = due + timedelta(seconds=late), due + timedelta(seconds=late + seconds)
    with house.writing() as connection:
        run = runs.create_run(connection, new_run("d", due, RunType.SCHEDULED), house.version, SPEC, due).run  # type: ignore[attr-defined]
        is_open = state is RunState.RUNNING
        values = {"state": str(state), "start_date": start, "end_date": None if is_open else end}
        connection.execute(update(dag_run).where(dag_run.c.id == run.id).values(values))
        outcome = TaskState.FAILED if state is RunState.FAILED else TaskState.SUCCESS
        where = (task_instance.c.dag_run_id == run.id, task_instance.c.task_id == "t")
        half = {"state": str(outcome), "start_date": start, "end_date": start + timedelta(seconds=seconds / 2)}
        connection.execute(update(task_instance).where(*where).values(half))
    return run.id


def test_what_is_usual_and_what_is_not(house: House) -> None:
    for day, seconds in enumerate((10, 12, 11, 13, 300)):
        add_run(house, day, RunState.SUCCESS, seconds)
    add_run(house, 5, RunState.FAILED, 2)
    add_run(house, 6, RunState.RUNNING, 0)
    found = dag_durations(house, ME, "d")
    assert [item["duration"] for item in found["runs"]] == [2, 300, 13, 11, 12, 10]
    assert [item["state"] for item in found["runs"]] == ["failed", *["success"] * 5]
    assert (found["median"], found["low"], found["high"]) == (12, 11, 13)
    assert [item["duration"] for item in found["runs"] if item["is_outlier"]] == [2, 300]
    assert found["success_rate"] == pytest.approx(5 / 6)
    assert (found["usual_landing"], found["runs"][0]["landing"]) == (13, 3)
    assert found["runs"][-1]["at"] == T0.isoformat()

    of_task = dag_durations(house, ME, "d", task_id="t")
    assert [item["duration"] for item in of_task["runs"]] == [1, 150, 6.5, 5.5, 6, 5]
    assert (of_task["runs"][0]["state"], of_task["median"]) == ("failed", 6)
    never = dag_durations(house, ME, "d", task_id="u")
    assert (never["runs"], never["median"], never["success_rate"]) == ([], None, None)
    few = dag_durations(house, ME, "d", limit=3)
    assert ([item["duration"] for item in few["runs"]], few["low"]) == ([2, 300, 13], None)


def test_a_mapped_task_lasts_from_its_first_start_to_its_last_end(house: House) -> None:
    key = add_run(house, 0, RunState.FAILED, 8)
    with house.writing() as connection:  # the other task stands in for a second instance
        values = {"task_id": "t", "map_index": 1, "state": "success"}
        values |= {"start_date": T0 + timedelta(seconds=3), "end_date": T0 + timedelta(seconds=21)}
        where = (task_instance.c.dag_run_id == key, task_instance.c.task_id == "u")
        connection.execute(update(task_instance).where(*where).values(values))
    (item,) = dag_durations(house, ME, "d", task_id="t")["runs"]
    assert (item["state"], item["duration"], item["landing"]) == ("failed", 20, 21)
    with house.writing() as connection:
        where = (task_instance.c.dag_run_id == key, task_instance.c.map_index == 1)
        connection.execute(update(task_instance).where(*where).values(state="running", end_date=None))
    assert dag_durations(house, ME, "d", task_id="t")["runs"] == [], "not while an instance runs"


def test_what_cannot_be_is_refused(house: House) -> None:
    with pytest.raises(NotFound, match="has no task 'x'"):
        dag_durations(house, ME, "d", task_id="x")
    with pytest.raises(NotFound):
        dag_durations(house, ME, "nobody")
    with pytest.raises(InvalidInput):
        dag_durations(house, ME, "d", limit=501)
    house.policy = lambda actor, verb, dag_id: False
    with pytest.raises(Forbidden):
        dag_durations(house, ME, "d")
