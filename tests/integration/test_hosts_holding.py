"""Which host holds a run, what is free, and how hosts hear of each other: in a real database."""

from __future__ import annotations

import select
import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from support.flows import ACTOR, T0, at, chain, claims, dag, new_run, task
from support.postgres import Postgres
from support.stored_runs import store
from support.waiting import wait_for

from jupyter_flow.model.changes import RunChange, TaskChange
from jupyter_flow.model.rows import DagRun, Host
from jupyter_flow.model.slots import SlotLimits
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.snapshot import RunSnapshot
from jupyter_flow.storage import edits, holding, host, pools, queries, runs, schema
from jupyter_flow.storage.database import Listener, begin_write, create_engine, notify

HOSTS = ("a", "b")


@pytest.fixture
def hosts(engine: Engine) -> Engine:
    """Two hosts of one home each: in the rows of a database of either kind."""
    with begin_write(engine) as connection:
        for number, name in enumerate(HOSTS):
            facts = {"hostname": "box", "boot_id": "b", "version": "0.1", "ttl": timedelta(seconds=10)}
            taken = host.take_lease(
                connection, host_id=name, pid=number, now=at(number), force=True, home=f"/{name}", **facts
            )
            assert taken.host_id == name
            connection.execute(schema.host.update().values(ended_at=None))  # SQLite knows one host at a time
    return engine


def started(engine: Engine, spec: DagSpec, host_id: str, instant: int = 0) -> DagRun:
    """A running run that ``host_id`` holds."""
    with begin_write(engine) as connection:
        version = store(connection, spec)
        created = runs.create_run(connection, new_run(spec.dag_id, at(instant)), version, spec, T0)
        return runs.transition_run(connection, RunChange(created.run.id, RunState.RUNNING), T0, host_id=host_id)


def found(engine: Engine, host_id: str) -> Host:
    with begin_write(engine) as connection:
        return host.by_ids(connection, [host_id])[host_id]


def end(engine: Engine, host_id: str) -> None:
    with begin_write(engine) as connection:
        assert holding.declare_ended(connection, host.by_ids(connection, [host_id])[host_id], at(20))


def take(engine: Engine, host_id: str) -> list[str]:
    with begin_write(engine) as connection:
        return [run.held_by for run in holding.take_free_runs(connection, host_id, at(30), lambda run: True)]


def test_a_run_is_held_while_it_runs(hosts: Engine) -> None:
    run = started(hosts, chain(1), "a")
    assert run.held_by == "a"
    with begin_write(hosts) as connection:
        assert queries.open_runs(connection, "b") == []
        assert [item.held_by for item in queries.open_runs(connection, "a")] == ["a"]
        ended = runs.transition_run(connection, RunChange(run.id, RunState.FAILED), T0)
        assert ended.held_by == ""
        edits.clear(connection, ended, [("t0", -1)], ended.dag_version_id, chain(1), T0, ACTOR)
        assert queries.run_by_id(connection, run.id).held_by == "scheduler"
        assert [item.id for item in queries.open_runs(connection, "b")] == [run.id]
        assert holding.queued(connection) == {run.id: "d"}


def test_only_what_an_ended_host_held_is_free_and_one_takes_it(hosts: Engine) -> None:
    run = started(hosts, chain(1), "a")
    assert take(hosts, "b") == []
    end(hosts, "a")
    with begin_write(hosts) as connection:
        assert not holding.is_alive(connection, "a")
        assert holding.is_alive(connection, "b")
        assert holding.take_free_runs(connection, "b", at(30), lambda run: False) == []
    assert len(take(hosts, "b")) == 1
    assert take(hosts, "c") == []
    with begin_write(hosts) as connection:
        assert queries.run_by_id(connection, run.id).held_by == "b"


def test_a_host_that_gave_a_sign_of_life_meanwhile_is_not_declared_ended(hosts: Engine) -> None:
    seen = found(hosts, "a")
    with begin_write(hosts, in_turn=False) as connection:
        assert host.heartbeat(connection, "a", at(15), timedelta(seconds=10))
    with begin_write(hosts) as connection:
        assert not holding.declare_ended(connection, seen, at(20))
        assert holding.is_alive(connection, "a")
    end(hosts, "a")
    with begin_write(hosts) as connection:
        assert not host.heartbeat(connection, "a", at(21), timedelta(seconds=10))


def test_a_queued_run_with_a_cancel_request_is_taken_by_somebody(hosts: Engine) -> None:
    with begin_write(hosts) as connection:
        version = store(connection, chain(1))
        created = runs.create_run(connection, new_run(), version, chain(1), T0)
    assert take(hosts, "b") == []
    with begin_write(hosts) as connection:
        edits.request_cancel(connection, created.run, T0, ACTOR)
    assert len(take(hosts, "b")) == 1


def test_what_others_change_of_a_run_makes_it_overdue_for_its_holder(hosts: Engine) -> None:
    run = started(hosts, chain(2), "a")
    with begin_write(hosts) as connection:
        assert holding.overdue(connection, "a", at(1)) == []
        row = queries.get_task_instance(connection, "d", run.run_id, "t0")
        edits.mark_task(connection, row, TaskState.SUCCESS, at(1), ACTOR)
        assert holding.overdue(connection, "a", at(1)) == [run.id]
        assert holding.overdue(connection, "b", at(1)) == []
        holding.hold(connection, [run.id], "a", at(2))
        assert holding.overdue(connection, "a", at(2)) == []
        edits.request_cancel(connection, run, at(3), ACTOR)
        assert holding.overdue(connection, "a", at(3)) == [run.id]


def ready_rows(engine: Engine, run: DagRun, spec: DagSpec) -> RunSnapshot:
    """Make all tasks of ``run`` ask for slots."""
    with begin_write(engine) as connection:
        rows = queries.task_instances(connection, run.id)
        wanted = [
            TaskChange(row.id, row.task_id, row.map_index, TaskState.SCHEDULED, row_version=row.row_version)
            for row in rows
        ]
        return RunSnapshot(run, spec, runs.transition_many(connection, wanted, T0).tasks)


def test_bounds_of_a_host_count_its_own_tasks_and_pools_count_all(hosts: Engine) -> None:
    specs = {name: dag(*(task(f"t{n}") for n in range(3)), dag_id=name) for name in HOSTS}
    snapshots = {name: ready_rows(hosts, started(hosts, spec, name), spec) for name, spec in specs.items()}
    limits = SlotLimits(parallelism=2, pools={"default_pool": 3})
    with begin_write(hosts) as connection:
        first = runs.claim(connection, claims(snapshots["a"].ready()), limits, "a", T0)
        second = runs.claim(connection, claims(snapshots["b"].ready()), limits, "b", T0)
    assert (len(first.tasks), len(second.tasks)) == (2, 1)
    assert {reason.code for _, reason in first.refused} == {"parallelism"}
    assert {reason.code for _, reason in second.refused} == {"pool_full"}
    with begin_write(hosts) as connection:
        assert holding.left_behind(connection, "b") == []
    end(hosts, "a")
    take(hosts, "b")
    with begin_write(hosts) as connection:
        left = holding.left_behind(connection, "b")
        assert {(key, owner) for key, _, owner in left} == {(row.attempt_id, "a") for row in first.tasks}
        assert set(holding.holders(connection, [item.run.id for item in snapshots.values()]).values()) == {"b"}


def test_a_pool_is_never_exceeded_by_hosts_that_claim_at_the_same_time(database_url: str, engine: Engine) -> None:
    """Each thread is a host with an engine of its own; a task that is claimed ends at once, so that all go on."""
    names = [f"h{n}" for n in range(4)]
    spec = {name: dag(*(task(f"t{n}", pool="tight") for n in range(12)), dag_id=name) for name in names}
    with begin_write(engine) as connection:
        pools.set_pool(connection, "tight", 3, None, T0, None)
    snapshots = {name: ready_rows(engine, started(engine, spec[name], name), spec[name]) for name in names}
    most: list[int] = []
    done: dict[str, int] = dict.fromkeys(names, 0)
    failed: list[BaseException] = []

    def work(name: str) -> None:
        own = create_engine(database_url)
        try:
            while done[name] < 12:
                with begin_write(own, patience=60) as connection:
                    limits = SlotLimits(pools=queries.pools(connection))
                    got = runs.claim(connection, claims(snapshots[name].ready()), limits, name, T0).tasks
                    most.append(queries.usage(connection).pools.get("tight", 0))
                snapshots[name].update_tasks(got)
                with begin_write(own, patience=60) as connection:
                    ends = [
                        TaskChange(row.id, row.task_id, row.map_index, TaskState.SUCCESS, attempt_id=row.attempt_id)
                        for row in got
                    ]
                    snapshots[name].update_tasks(runs.transition_many(connection, ends, T0).tasks)
                done[name] += len(got)
        except BaseException as error:
            failed.append(error)
        finally:
            own.dispose()

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert not failed, failed
    assert done == dict.fromkeys(names, 12)
    assert max(most) == 3, "the pool was never full, or overfull"
    with begin_write(engine) as connection:
        assert queries.usage(connection).pools == {}


def test_one_idempotency_key_gives_one_run_whoever_asks(database_url: str, engine: Engine) -> None:
    with begin_write(engine) as connection:
        version = store(connection, chain(1))
    answers: list[tuple[int, bool]] = []

    def ask(number: int) -> None:
        own = create_engine(database_url)
        for step in range(5):
            with begin_write(own, patience=60) as connection:
                asked = new_run(instant=at(number * 100 + step), idempotency_key="once")
                made = runs.create_run(connection, asked, version, chain(1), T0)
                answers.append((made.run.id, made.created))
        own.dispose()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(answers) == 20
    assert len({run for run, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1


def test_a_notification_comes_with_the_commit_and_only_then(postgres: Postgres, postgres_template: str) -> None:
    name = postgres.create_database(postgres_template)
    engine = create_engine(postgres.url(name))
    listener = Listener(postgres.url(name))
    try:
        with begin_write(engine) as connection:
            notify(connection, "kept")
            assert not select.select([listener], [], [], 0.2)[0]
        assert select.select([listener], [], [], 30)[0]
        assert listener.take() == ["kept"]
        with begin_write(engine) as connection:
            notify(connection, "lost")
            connection.rollback()
        with begin_write(engine) as connection:
            notify(connection, "last")
        assert select.select([listener], [], [], 30)[0]
        assert listener.take() == ["last"]
    finally:
        engine.dispose()
        postgres.drop_database(name)  # ends the connection of the listener
    assert select.select([listener], [], [], 30)[0]
    wait_for(lambda: listener.take() is None, "the listener notices that its connection is gone", 30)
    listener.close()
