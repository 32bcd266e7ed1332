"""What boards of outages ask at the end sees what is wrong: lost and unasked runs, failed tasks, growing memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos import board_r18
from chaos.traffic import Traffic, quantile, started_twice
from sqlalchemy import Engine, update
from support import flows
from support.stored_runs import StoredRun

from jupyter_flow.storage import schema
from jupyter_flow.storage.database import begin_write

RUN = ("d", "good")


@pytest.fixture
def traffic(engine: Engine) -> Traffic:
    """Somebody asked for one run, and it has succeeded."""
    StoredRun(engine, flows.dag(flows.task("a")), run_id="good").run_to_end()
    asked = Traffic([], ["d"], 1.0, seed=1)
    asked.answered["key-0"] = RUN
    assert asked.problems(engine) == []
    return asked


def test_a_run_that_was_answered_and_is_not_there(engine: Engine, traffic: Traffic) -> None:
    traffic.answered["key-1"] = ("d", "lost")
    assert traffic.problems(engine) == ["run d/lost was answered and is not there"]


def test_a_run_of_which_nobody_heard(engine: Engine, traffic: Traffic) -> None:
    del traffic.answered["key-0"]
    assert traffic.problems(engine) == ["run d/good was made, and nobody heard of it"]


def test_one_run_for_two_keys(engine: Engine, traffic: Traffic) -> None:
    traffic.answered["key-1"] = RUN
    assert traffic.problems(engine) == [f"key-1 was answered by {RUN}, as another key was"]


def test_a_task_that_failed(engine: Engine, traffic: Traffic) -> None:
    with begin_write(engine) as connection:
        connection.execute(update(schema.task_instance).values(state="failed"))
    (told,) = traffic.problems(engine)
    assert told.startswith("d/good/a is failed")


def test_what_somebody_was_told(engine: Engine, traffic: Traffic) -> None:
    traffic.faults.append("key-1: Conflict: locked")
    assert traffic.problems(engine) == ["key-1: Conflict: locked"]


def test_a_task_that_began_twice(tmp_path: Path) -> None:
    line = '{"what": "start", "dag": "d", "run": "r", "task": "t", "map": -1, "attempt": "%s", "pid": 1, "ns": 1}\n'
    journal = tmp_path / "journal"
    journal.write_text(line % "one")
    assert started_twice(tmp_path) == []
    journal.write_text(line % "one" + line % "two")
    assert started_twice(tmp_path) == ["('d', 'r', 't', -1) began 2 times"]


def test_how_much_memory_grows() -> None:
    memory = board_r18.Memory(None, every=1.0)  # type: ignore[arg-type]
    assert memory.slope() is None
    memory.samples = [(hour / 100, 50.0 + (30.0 if hour < 16 else 0.0) + 2.5 * hour / 100) for hour in range(100)]
    assert memory.slope() == pytest.approx(2.5)
    memory.samples = memory.samples[:30]
    assert memory.slope() is None, "too short to tell"
    memory.samples = [(hour / 100, 50.0) for hour in range(100)]
    assert memory.slope() == pytest.approx(0.0)


def test_the_value_below_which_most_are() -> None:
    assert quantile([], 0.99) == 0.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([float(number) for number in range(100)], 0.99) == 99.0
