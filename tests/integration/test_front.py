"""The first look, on both databases: rows of DAGs, what needs attention, what runs, a day on one time axis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from support.flows import T0, dag, daily, new_run, task
from support.stored_runs import store_in

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.records import Actor
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.service import front_views
from jupyter_flow.service.house import House, open_house
from jupyter_flow.service.schedule_words import spoken_schedule
from jupyter_flow.storage import runs
from jupyter_flow.storage.schema import dag_run, task_instance

ME = Actor("me", "cli")


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    config = FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path / "dags",), db_url=database_url)
    with open_house(config, write=True) as opened:
        yield opened


def add_run(house: House, spec: DagSpec, version: int, minute: int, state: RunState, seconds: float = 0) -> int:
    """Write a run and its state past the one door: how it came there is not what is looked at."""
    start = T0 + timedelta(minutes=minute)
    with house.writing() as connection:
        key = runs.create_run(connection, new_run(spec.dag_id, start), version, spec, start).run.id
        end = start + timedelta(seconds=seconds) if state not in (RunState.RUNNING, RunState.QUEUED) else None
        values = {"state": str(state), "start_date": start, "end_date": end}
        connection.execute(update(dag_run).where(dag_run.c.id == key).values(values))
        return key


def set_task(house: House, dag_run_id: int, task_id: str, state: TaskState, second: float, text: str = "") -> None:
    values: dict[str, object] = {"state": str(state), "end_date": T0 + timedelta(seconds=second)}
    if text:
        values["reason"] = Reason("exception", {"type": "ValueError", "message": text}).to_json()
    with house.writing() as connection:
        where = (task_instance.c.dag_run_id == dag_run_id, task_instance.c.task_id == task_id)
        connection.execute(update(task_instance).where(*where).values(values))


def test_rows_hold_the_last_runs_and_come_in_pages(house: House) -> None:
    for name in ("c", "a", "b"):
        store_in(
            house, dag(task("t"), dag_id=name, tags=("x",), schedule=daily("30 6 * * 1"), display_name=name.upper())
        )
    spec = dag(task("t"), task("u", "t"), dag_id="b")
    version = store_in(house, spec)
    for minute in range(14):
        last = add_run(house, spec, version, minute, RunState.SUCCESS, 5)
    set_task(house, last, "t", TaskState.FAILED, 1)
    page = front_views.list_dag_rows(house, ME, limit=2)
    assert [row["dag_id"] for row in page["dags"]] == ["a", "b"]
    assert page["next"] == "b"
    first, second = page["dags"]
    assert (first["dag_display_name"], first["runs"], first["last_states"]) == ("A", [], {})
    assert first["schedule_words"] == "At 06:30, only on Monday"
    assert second["dag_display_name"] == "b"
    assert len(second["runs"]) == front_views.BARS
    assert second["runs"][-1]["start_date"] == (T0 + timedelta(minutes=13)).isoformat()
    assert second["last_states"] == {"failed": 1, "waiting": 1}
    rest = front_views.list_dag_rows(house, ME, limit=2, after="b")
    assert ([row["dag_id"] for row in rest["dags"]], rest["next"]) == (["c"], None)
    named = front_views.list_dag_rows(house, ME, dag_ids=["c", "nobody"])
    assert [row["dag_id"] for row in named["dags"]] == ["c"]


def test_attention_is_for_dags_whose_last_ended_run_failed(house: House) -> None:
    spec = dag(task("t"), task("u"), dag_id="bad")
    version = store_in(house, spec)
    add_run(house, spec, version, 0, RunState.FAILED)
    failed = add_run(house, spec, version, 1, RunState.FAILED, 30)
    add_run(house, spec, version, 2, RunState.RUNNING)
    set_task(house, failed, "u", TaskState.FAILED, 1, "the bad value")
    set_task(house, failed, "t", TaskState.FAILED, 2, "second")
    mended = dag(task("t"), dag_id="mended")
    version = store_in(house, mended)
    add_run(house, mended, version, 0, RunState.FAILED)
    add_run(house, mended, version, 1, RunState.SUCCESS)
    (shown,) = front_views.list_attention(house, ME)["failed"]
    assert (shown["dag_id"], shown["task_id"], shown["cause"]) == ("bad", "u", "ValueError: the bad value")
    assert shown["end_date"] == (T0 + timedelta(minutes=1, seconds=30)).isoformat()


def test_pages_of_attention_join(house: House) -> None:
    for number in range(5):
        spec = dag(task("t"), dag_id=f"d{number}")
        add_run(house, spec, store_in(house, spec), number, RunState.FAILED)
    seen, cursor = [], None
    while True:
        page = front_views.list_attention(house, ME, limit=2, before=cursor)
        seen += [run["dag_id"] for run in page["failed"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == ["d4", "d3", "d2", "d1", "d0"]


def test_running_runs_tell_how_far_they_are_and_what_is_usual(house: House) -> None:
    spec = dag(task("t"), task("u", "t"), dag_id="r")
    version = store_in(house, spec)
    for minute, seconds in enumerate((10, 30, 20)):
        add_run(house, spec, version, minute, RunState.SUCCESS, seconds)
    key = add_run(house, spec, version, 9, RunState.RUNNING)
    set_task(house, key, "t", TaskState.SUCCESS, 1)
    (shown,) = front_views.list_running(house, ME)["runs"]
    assert (shown["ended"], shown["total"], shown["usual_duration"]) == (1, 2, 20.0)
    assert shown["states"] == {"success": 1, "waiting": 1}


def test_a_timeline_has_the_past_and_what_comes(house: House) -> None:
    spec = dag(task("t"), dag_id="p")
    version = store_in(house, spec)
    add_run(house, spec, version, -600, RunState.SUCCESS)
    add_run(house, spec, version, 0, RunState.FAILED)
    add_run(house, spec, version, 1, RunState.RUNNING)
    start, end = (T0 - timedelta(hours=1)).isoformat(), (T0 + timedelta(hours=1)).isoformat()
    shown = front_views.timeline(house, ME, start, end)
    assert [run["state"] for run in shown["runs"]] == ["running", "failed"]
    assert (shown["failed"], shown["coming"], shown["next"]) == (1, [], None)
    with pytest.raises(InvalidInput, match="end must be later"):
        front_views.timeline(house, ME, end, start)


@pytest.mark.parametrize("limit", [0, 501, True, "1"])
def test_limits_are_checked(house: House, limit: object) -> None:
    for view in (front_views.list_dag_rows, front_views.list_attention, front_views.list_running):
        with pytest.raises(InvalidInput, match="limit"):
            view(house, ME, limit=limit)  # type: ignore[operator]


def test_odd_cron_expressions_are_left_as_they_are() -> None:
    assert spoken_schedule(daily("x")) is None
    assert spoken_schedule(daily("*/15 * * * *")) == "Every 15 minutes"
