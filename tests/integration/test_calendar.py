"""Runs of a DAG by day, counted by the database, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from support.flows import dag, daily, new_run, task
from support.stored_runs import store_in

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import Forbidden, InvalidInput, NotFound
from jupyter_flow.model.records import Actor
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import RunState
from jupyter_flow.service import views
from jupyter_flow.service.calendar_views import COMING, MOST_DAYS, dag_calendar
from jupyter_flow.service.house import House, open_house
from jupyter_flow.storage import runs
from jupyter_flow.storage.schema import dag_run

ME = Actor("me", "cli")


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    config = FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path / "dags",), db_url=database_url)
    with open_house(config, write=True) as opened:
        yield opened


def add_run(house: House, spec: DagSpec, version: int, logical: str | None, state: RunState, after: str = "") -> str:
    run_after = datetime.fromisoformat(after or str(logical)).astimezone(UTC)
    date = None if logical is None else datetime.fromisoformat(logical).astimezone(UTC)
    with house.writing() as connection:
        asked = new_run(spec.dag_id, run_after, logical_date=date)
        run = runs.create_run(connection, asked, version, spec, run_after).run
        connection.execute(update(dag_run).where(dag_run.c.id == run.id).values(state=str(state)))
    return run.run_id


def days(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {item["day"]: item["states"] for item in document["days"] if item["states"]}


def test_runs_stand_on_the_days_of_the_zone(house: House) -> None:
    spec = dag(task("t"), schedule=daily(), timezone="Europe/Berlin")
    version = store_in(house, spec)
    late = add_run(house, spec, version, "2025-03-29T23:30:00+00:00", RunState.SUCCESS)  # 00:30 on the 30th in Berlin
    add_run(house, spec, version, "2025-03-30T21:59:59+00:00", RunState.FAILED)  # the day has 23 hours
    add_run(house, spec, version, "2025-03-30T22:00:00+00:00", RunState.SUCCESS)
    none = add_run(house, spec, version, None, RunState.RUNNING, after="2025-03-30T12:00:00+00:00")
    add_run(house, spec, version, "2024-12-31T12:00:00+00:00", RunState.SUCCESS)
    add_run(house, dag(task("t"), dag_id="o"), store_in(house, dag(task("t"), dag_id="o")), "2025-03-30T12:00:00+00:00",
            RunState.SUCCESS)  # fmt: skip
    found = dag_calendar(house, ME, "d", "2025-01-01", "2025-12-31")
    assert days(found) == {
        "2025-03-30": {"success": 1, "failed": 1, "running": 1},
        "2025-03-31": {"success": 1},
    }
    assert (found["timezone"], found["coming_until"]) == ("Europe/Berlin", None)
    only = dag_calendar(house, ME, "d", "2025-03-31", "2025-03-31")
    assert days(only) == {"2025-03-31": {"success": 1}}
    bounds = {"logical_since": "2025-03-29T23:00:00Z", "logical_until": "2025-03-30T20:00:00Z"}
    listed = views.list_runs(house, ME, "d", **bounds)["runs"]
    assert {run["run_id"] for run in listed} == {late, none}


def test_what_is_to_come_is_counted_as_far_as_it_is_known(house: House) -> None:
    store_in(house, dag(task("t"), schedule=daily("0 */6 * * *")))
    now = house.clock.wall()
    found = dag_calendar(house, ME, "d", f"{now.year + 1}-01-01", f"{now.year + 1}-12-31")
    until = datetime.fromisoformat(found["coming_until"]).date()
    full = [item for item in found["days"] if item["day"] < str(until)]
    assert {item["coming"] for item in full} <= {4}
    assert 4 * (until - now.date()).days == pytest.approx(COMING, abs=8)
    this = dag_calendar(house, ME, "d")
    assert (this["start"], this["end"]) == (f"{this['today'][:4]}-01-01", f"{this['today'][:4]}-12-31")


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2025-02-30", None, "is not a day"),
        ("2025-02-01", "2025-01-31", "must be start or later"),
        ("2024-01-01", "2025-12-31", f"{MOST_DAYS} days"),
        ("0001-01-01", "0001-01-02", "from 1900"),
        ("9999-12-31", "9999-12-31", "from 1900"),
    ],
)
def test_what_is_no_span_of_days_is_refused(house: House, start: str, end: str | None, says: str) -> None:
    store_in(house, dag(task("t")))
    with pytest.raises(InvalidInput, match=says):
        dag_calendar(house, ME, "d", start, end)


def test_only_who_may_read_a_dag_sees_its_days(house: House) -> None:
    with pytest.raises(NotFound):
        dag_calendar(house, ME, "nobody")
    store_in(house, dag(task("t")))
    house.policy = lambda actor, verb, dag_id: False
    with pytest.raises(Forbidden):
        dag_calendar(house, ME, "d")
