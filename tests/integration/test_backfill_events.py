"""Whoever looks at a backfill is told of every change of it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from support.flows import dag, daily, task
from support.stored_runs import store_in

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Actor
from jupyter_flow.model.state import RunState
from jupyter_flow.service import backfill_runs, backfills
from jupyter_flow.service.house import House, open_house
from jupyter_flow.storage import events
from jupyter_flow.storage.schema import dag_run

ME = Actor("me", "cli")


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    config = FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path / "dags",), db_url=database_url)
    with open_house(config, write=True) as opened:
        store_in(opened, dag(task("t"), schedule=daily()))
        yield opened


def told(house: House, after: int) -> tuple[list[str], int]:
    with house.reading() as connection:
        found = events.read_after(connection, after)
    assert {event.dag_id for event in found} <= {"d"}
    return [event.kind for event in found], found[-1].id if found else after


def test_every_change_has_an_event_of_its_own(house: House) -> None:
    _, last = told(house, 0)
    number = backfills.create_backfill(house, ME, "d", "2026-01-01", "2026-01-04", max_active_runs=2)["backfill_id"]
    seen, last = told(house, last)
    assert seen == ["backfill_changed"]

    backfills.pause_backfill(house, ME, number)
    backfills.unpause_backfill(house, ME, number)
    assert told(house, last)[0] == ["backfill_changed", "backfill_changed"]

    with house.writing() as connection:
        made = backfill_runs.create_due(connection, house.clock.wall())
        states = {made[0].id: RunState.SUCCESS, made[1].id: RunState.FAILED}
        for key, state in states.items():
            connection.execute(update(dag_run).where(dag_run.c.id == key).values(state=str(state)))
    shown = backfills.show_backfill(house, ME, number)
    assert shown["states"] == {"success": 1, "failed": 1}
    assert shown["progress"] == {"total": 4, "skipped": 0, "pending": 2, "active": 0, "finished": 2}

    _, last = told(house, last)
    backfills.cancel_backfill(house, ME, number)
    assert told(house, last)[0] == ["backfill_changed"]


def test_the_end_is_told_too(house: House) -> None:
    number = backfills.create_backfill(house, ME, "d", "2026-01-01", "2026-01-01")["backfill_id"]
    with house.writing() as connection:
        (run,) = backfill_runs.create_due(connection, house.clock.wall())
        connection.execute(update(dag_run).where(dag_run.c.id == run.id).values(state=str(RunState.SUCCESS)))
    _, last = told(house, 0)
    with house.writing() as connection:
        assert backfill_runs.create_due(connection, house.clock.wall()) == []
    seen, last = told(house, last)
    assert seen == ["backfill_changed"]
    assert backfills.show_backfill(house, ME, number)["state"] == "completed"
    with house.writing() as connection:
        backfill_runs.create_due(connection, house.clock.wall())
    assert told(house, last)[0] == []
