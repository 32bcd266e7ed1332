"""Desks of several hosts on one database: what one starts, the other leaves; what one leaves, the other takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from support.flows import ACTOR, T0, dag, new_run, report, task
from support.postgres import Postgres

from jupyter_flow.execution.children import Reported
from jupyter_flow.execution.executor import Problem
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Report, Workload
from jupyter_flow.model.rows import DagRun, TaskInstance
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.service import commands
from jupyter_flow.service.desk import Desk
from jupyter_flow.service.holding import HostEnded
from jupyter_flow.service.host_row import HostRow
from jupyter_flow.service.house import Effects, House
from jupyter_flow.service.recovery import recover
from jupyter_flow.storage import dags, holding, host, queries, runs, schema
from jupyter_flow.storage.database import begin_write, create_engine, create_reader

BUNDLE = "b" * 64


class Clock:
    """Goes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall(self) -> datetime:
        return T0 + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return 1000.0 + self.seconds

    def boottime(self) -> float:
        return self.monotonic()


class Processes:
    """An executor that starts nothing. ``reports``: what attempts leave behind."""

    start_within = None

    def __init__(self) -> None:
        self.started: list[Workload] = []
        self.cancelled: list[str] = []
        self.reports: dict[str, Report] = {}

    def start(self, workload: Workload, token: str) -> None:
        self.started.append(workload)

    def recorded(self, attempt_id: str, is_current: bool) -> None:
        pass

    def cancel(self, attempt_id: str) -> None:
        self.cancelled.append(attempt_id)

    def adopt(self, attempts: Any) -> dict[str, str]:
        return {item.attempt_id: "finished" if item.attempt_id in self.reports else "lost" for item in attempts}

    def collect(self, attempt_id: str) -> Report | Problem:
        return self.reports.get(attempt_id) or Problem("missing", "it left no result.json")


class NoKernels:
    def expect(self, now: float, ahead: bool = False) -> None:
        pass

    def socket(self) -> None:
        return None


class Member:
    """A host without its loop."""

    def __init__(self, folder: Path, url: str, name: str, clock: Clock, **settings: Any) -> None:
        home = folder / name
        (home / "spool").mkdir(parents=True)
        (home / "bundles" / BUNDLE).mkdir(parents=True)
        self.engine, self.reader = create_engine(url), create_reader(url)
        config = FlowConfig(home=home, db_url=url, dag_folders=(folder,), host_lost_after=60.0, **settings)
        self.house = House(config, self.reader, self.engine, clock, effects=Effects())
        self.processes = Processes()
        HostRow(self.house, name, {"home": str(home), "hostname": name}).take()
        self.desk = Desk(self.house, self.processes, NoKernels(), name, "boot")  # type: ignore[arg-type]
        self.name = name

    def turn(self) -> None:
        """Look around and take turns until nothing is left to do."""
        self.desk.holding.look()
        self.desk.sweep.is_due = True
        for _ in range(20):
            if not self.desk.has_work:
                return
            self.desk.turn()
        raise AssertionError("the desk runs in circles")

    def end_all(self) -> None:
        """Let all attempts that were started succeed."""
        for active in self.desk.active:
            self.processes.reports[active.attempt_id] = report(active.attempt_id)
            self.desk.take([Reported(active.attempt_id)])

    def close(self) -> None:
        self.engine.dispose()
        self.reader.dispose()


Join = Callable[..., Member]


@pytest.fixture
def url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """The URL of a database that hosts can share."""
    name = postgres.create_database(postgres_template)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def join(tmp_path: Path, url: str, clock: Clock) -> Iterator[Join]:
    """Makes hosts."""
    members: list[Member] = []

    def make(name: str, **settings: Any) -> Member:
        members.append(Member(tmp_path, url, name, clock, **settings))
        return members[-1]

    yield make
    for member in members:
        member.close()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


def store(engine: Engine, folder: Path, spec: DagSpec) -> int:
    with begin_write(engine) as connection:
        facts: dict[str, Any] = {"dag_folder": str(folder), "bundle_hash": BUNDLE, "now": T0, "paused": False}
        return dags.store_dag(connection, spec, **facts).dag.version_id


def queue(engine: Engine, spec: DagSpec, version: int, count: int) -> list[DagRun]:
    with begin_write(engine) as connection:
        instants = [T0 - timedelta(minutes=number + 1) for number in range(count)]
        return [runs.create_run(connection, new_run(spec.dag_id, at), version, spec, T0).run for at in instants]


def run_of(engine: Engine, number: int) -> DagRun:
    with begin_write(engine) as connection:
        return queries.run_by_id(connection, number)


def task_of(engine: Engine, number: int) -> TaskInstance:
    with begin_write(engine) as connection:
        return queries.task_instances(connection, number)[0]


def move_away(engine: Engine, name: str) -> None:
    """Let a host be of another machine, from now on."""
    with begin_write(engine) as connection:
        connection.execute(schema.host.update().where(schema.host.c.host_id == name).values(boot_id="elsewhere"))


def declare_ended(engine: Engine, name: str) -> None:
    with begin_write(engine) as connection:
        assert holding.declare_ended(connection, host.by_ids(connection, [name])[name], T0)


def test_a_host_starts_as_many_runs_as_it_has_slots_and_leaves_the_others(
    join: Join, engine: Engine, tmp_path: Path
) -> None:
    spec = dag(task("t"), max_active_runs=100)
    found = queue(engine, spec, store(engine, tmp_path, spec), 7)
    first, second = join("a", parallelism=3), join("b", parallelism=2)
    for member in (first, second):
        member.turn()
    assert (len(first.processes.started), len(second.processes.started)) == (3, 2)
    waiting = [run for run in (run_of(engine, item.id) for item in found) if run.state == "queued"]
    assert [str(run.reason) for run in waiting] == ["waits for a host with a free slot"] * 2
    second.end_all()
    second.turn()
    assert len(second.processes.started) == 4


def test_a_host_alone_starts_all_runs(join: Join, engine: Engine, tmp_path: Path) -> None:
    spec = dag(task("t"), max_active_runs=100)
    found = queue(engine, spec, store(engine, tmp_path, spec), 5)
    join("a", parallelism=2).turn()
    assert {run_of(engine, item.id).held_by for item in found} == {"a"}


def test_max_active_runs_holds_over_hosts_that_work_at_the_same_time(
    join: Join, engine: Engine, tmp_path: Path
) -> None:
    spec = dag(task("t"), max_active_runs=3)
    found = queue(engine, spec, store(engine, tmp_path, spec), 24)
    members = [join(name) for name in ("a", "b")]
    most: list[int] = []
    failed: list[BaseException] = []

    def work(member: Member) -> None:
        try:
            for _ in range(60):
                member.turn()
                with begin_write(member.engine, patience=60) as connection:
                    most.append(queries.running_count(connection, "d"))
                member.end_all()
                if not queries_open(engine):
                    return
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not failed, failed
    assert max(most) == 3
    assert {str(run_of(engine, item.id).state) for item in found} == {"success"}
    started = [workload.run.run_id for member in members for workload in member.processes.started]
    assert len(started) == len(set(started)) == 24


def queries_open(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(queries.open_runs(connection))


def test_a_run_of_a_queue_that_nobody_serves_says_so_and_goes_to_who_serves_it(
    join: Join, engine: Engine, tmp_path: Path
) -> None:
    spec = dag(task("t", queue="gpu"))
    (run,) = queue(engine, spec, store(engine, tmp_path, spec), 1)
    first = join("a")
    first.turn()
    assert str(run_of(engine, run.id).reason) == (
        "no host serves all queues of its tasks (gpu): add them to queues of one"
    )
    second = join("b", queues={"gpu": 1})
    first.turn()
    second.turn()
    assert run_of(engine, run.id).held_by == "b"


def test_a_run_whose_files_are_not_here_is_left_to_others(join: Join, engine: Engine, tmp_path: Path) -> None:
    spec = dag(task("t"))
    (run,) = queue(engine, spec, store(engine, tmp_path, spec), 1)
    first, second = join("a"), join("b")
    for member in (first, second):
        move_away(engine, member.name)
    (first.house.bundles / BUNDLE).rmdir()
    first.turn()
    assert run_of(engine, run.id).state == "queued"
    second.turn()
    assert run_of(engine, run.id).held_by == "b"


def test_a_host_that_was_declared_ended_writes_nothing_and_goes_on_under_another_name(
    join: Join, engine: Engine, tmp_path: Path
) -> None:
    spec = dag(task("t"), task("u", "t"))
    (run,) = queue(engine, spec, store(engine, tmp_path, spec), 1)
    first = join("a")
    first.turn()
    second = join("b")
    declare_ended(engine, "a")
    recover(second.desk)
    assert run_of(engine, run.id).held_by == "b"
    first.end_all()
    with pytest.raises(HostEnded):
        first.turn()
    assert task_of(engine, run.id).state == "queued"
    row = HostRow(first.house, "a", {"home": str(first.house.config.home), "hostname": "a"})
    first.desk.begin_anew(row.take_anew())
    first.turn()
    assert task_of(engine, run.id).state == "success", "a result counts while its attempt is the current one"
    second.turn()
    assert [workload.task.task_id for workload in second.processes.started] == ["u"]


def test_attempts_of_a_host_on_another_machine_are_lost_after_a_while_and_their_results_refused(
    join: Join, engine: Engine, tmp_path: Path, clock: Clock
) -> None:
    spec = dag(task("t"))
    (run,) = queue(engine, spec, store(engine, tmp_path, spec), 1)
    first = join("a")
    first.turn()
    move_away(engine, "a")
    second = join("b")
    declare_ended(engine, "a")
    recover(second.desk)
    second.turn()
    assert run_of(engine, run.id).held_by == "b"
    clock.seconds = 59
    second.turn()
    assert second.processes.started == [], "it may still run where we cannot see it"
    clock.seconds = 61
    second.turn()
    (again,) = second.processes.started
    assert (again.try_number, again.attempt_number) == (1, 2)
    first.end_all()
    first.desk.begin_anew(
        HostRow(first.house, "a", {"home": str(first.house.config.home), "hostname": "a"}).take_anew()
    )
    first.turn()
    current = task_of(engine, run.id)
    assert (current.state, current.attempt_id) == ("queued", again.attempt_id)
    second.end_all()
    second.turn()
    assert run_of(engine, run.id).state == "success"


def test_what_is_asked_of_one_host_ends_what_another_runs(join: Join, engine: Engine, tmp_path: Path) -> None:
    spec = dag(task("t"))
    (run,) = queue(engine, spec, store(engine, tmp_path, spec), 1)
    first = join("a")
    first.turn()
    second = join("b")
    commands.cancel_run(second.house, ACTOR, "d", run.run_id)
    first.turn()  # no notification came: it finds the request by itself
    (started,) = first.processes.started
    assert first.processes.cancelled == [started.attempt_id]
