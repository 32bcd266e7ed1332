"""What a turn of the desk asks of the database: on a server each statement is a journey, so they are counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from support.flows import dag as dag_of
from support.flows import new_run, report, task

from jupyter_flow.execution.children import Reported, Started
from jupyter_flow.execution.executor import Problem
from jupyter_flow.model.changes import TaskChange
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Report, Workload
from jupyter_flow.model.state import TaskState
from jupyter_flow.service.desk import Desk
from jupyter_flow.service.holding import machine
from jupyter_flow.service.host_row import HostRow
from jupyter_flow.service.house import House, open_house
from jupyter_flow.service.lease import place
from jupyter_flow.storage import dags, queries, runs

BUNDLE = "b" * 64
TASKS = 40
AT_ONCE = 4


class Processes:
    """An executor without processes; every attempt reports success when it is asked."""

    start_within = None

    def __init__(self) -> None:
        self.started: deque[str] = deque()
        self.recorded_as: dict[str, bool] = {}

    def start(self, workload: Workload, token: str) -> None:
        self.started.append(workload.attempt_id)

    def recorded(self, attempt_id: str, is_current: bool) -> None:
        self.recorded_as[attempt_id] = is_current

    def cancel(self, attempt_id: str) -> None:
        pass

    def collect(self, attempt_id: str) -> Report | Problem:
        return report(attempt_id)


class NoKernels:
    """No kernel waits."""

    def expect(self, now: float, ahead: bool = False) -> None:
        pass

    def sockets(self) -> dict[str, str]:
        return {}


@pytest.fixture
def house(tmp_path: Path, house_database_url: str) -> Iterator[House]:
    """A house with one run of independent tasks."""
    config = FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path,), db_url=house_database_url, parallelism=AT_ONCE)
    spec = dag_of(*(task(f"t{number}") for number in range(TASKS)), max_active_tasks=1000)
    now = datetime.now(UTC) - timedelta(minutes=1)
    with open_house(config, write=True) as house:
        (house.bundles / BUNDLE).mkdir(parents=True)
        with house.writing() as connection:
            stored = dags.store_dag(
                connection, spec, dag_folder=str(tmp_path), bundle_hash=BUNDLE, now=now, paused=False
            )
            runs.create_run(connection, new_run(spec.dag_id, now), stored.dag.version_id, spec, now)
        yield house


@pytest.fixture
def processes() -> Processes:
    return Processes()


@pytest.fixture
def desk(house: House, processes: Processes) -> Desk:
    """A desk whose run has as many attempts in flight as there are slots."""
    row = HostRow(house, "h1", place(house.config.home))
    row.take()
    desk = Desk(house, processes, NoKernels(), row.host_id, machine())  # type: ignore[arg-type]
    while desk.has_work:
        desk.turn()
    assert len(processes.started) == AT_ONCE
    return desk


def statements_of_a_turn(desk: Desk) -> list[str]:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    engine = desk.house.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert desk.has_work
        desk.turn()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


@pytest.mark.parametrize("count", [1, AT_ONCE])
def test_a_turn_has_as_many_statements_for_one_task_as_for_several(
    desk: Desk, processes: Processes, count: int
) -> None:
    for _ in range(2):
        attempts = [processes.started.popleft() for _ in range(count)]
        for attempt_id in attempts:
            desk.take([Started(attempt_id, "task", 1, 2, "boot"), Reported(attempt_id)])
        sent = statements_of_a_turn(desk)
        assert len(processes.started) == AT_ONCE, "as many are claimed as have ended"
        assert [processes.recorded_as[attempt_id] for attempt_id in attempts] == [True] * count
    assert len(sent) <= 15, "\n".join(sent)
    assert sum("INTO event" in statement for statement in sent) == 1
    with desk.house.reading() as connection:
        rows = queries.task_instances(connection, next(iter(desk.book.running)))
    assert sum(row.state == "success" for row in rows) == 2 * count
    assert all(row.start_date is not None for row in rows if row.state == "success")


def test_a_turn_of_starts_alone_does_not_count_slots_that_are_all_taken(desk: Desk, processes: Processes) -> None:
    first, second = (processes.started[number] for number in (0, 1))
    desk.take([Started(first, "task", 1, 2, "boot")])
    sent = statements_of_a_turn(desk)
    assert len(sent) <= 9, "\n".join(sent)
    assert not any("FROM pool" in statement for statement in sent)
    desk.take([Started(second, "task", 1, 2, "boot")])
    desk.due_touched = True  # something was changed that may have made room
    assert any("FROM pool" in statement for statement in statements_of_a_turn(desk))


def test_a_slot_that_was_made_free_without_an_end_is_seen(desk: Desk, processes: Processes) -> None:
    run_id = next(iter(desk.book.running))
    with desk.house.writing() as connection:
        row = queries.task_instances(connection, run_id)[0]
        runs.transition(connection, TaskChange(row.id, row.task_id, -1, TaskState.SUCCESS), datetime.now(UTC))
    desk.book.distrust(run_id)  # as a command does that marks a task
    desk.take([Started(processes.started[-1], "task", 1, 2, "boot")])
    desk.turn()
    assert len(processes.started) == AT_ONCE + 1
