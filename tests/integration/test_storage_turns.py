"""Several writers on one database: their order is that of their commits, and a reader's cursor passes none over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from support.flows import T0, chain
from support.stored_runs import StoredRun

from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.model.rows import Event
from jupyter_flow.storage import database, events, host, queries, schema
from jupyter_flow.storage.database import begin_write, connect_read, create_engine, create_reader, failure_of, is_shared

WRITERS = 3
ROUNDS = 12


@pytest.fixture
def engines(database_url: str) -> Iterator[list[Engine]]:
    """A writer's engine each, as hosts have."""
    made = [create_engine(database_url) for _ in range(WRITERS)]
    yield made
    for engine in made:
        engine.dispose()


def test_a_reader_sees_every_event_once_and_in_order_whoever_writes(
    engine: Engine, engines: list[Engine], database_url: str
) -> None:
    shared = StoredRun(engine, chain(2, dag_id="shared")).run
    seen: list[Event] = []
    writing = threading.Event()
    writing.set()

    def read() -> None:
        reader = create_reader(database_url)
        last = False
        while not last:
            last = not writing.is_set()
            with connect_read(reader) as connection:
                seen.extend(events.read_after(connection, seen[-1].id if seen else 0, 5))
                last = last and events.last_id(connection) == seen[-1].id
        reader.dispose()

    def write(number: int) -> None:
        for step in range(ROUNDS):
            with begin_write(engines[number]) as connection:
                note = events.notification(
                    shared.id, "shared", shared.run_id, {"message": f"{number}", "level": "info"}, None, None
                )
                events.append_run_events(connection, [note, note], T0, None)
                time.sleep(0.002 * ((number + step) % 3))  # work between an event and its commit
                events.append(connection, "dag_changed", T0, dag_id=f"d{number}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    reading = threading.Thread(target=read)
    for thread in (reading, *threads):
        thread.start()
    for thread in threads:
        thread.join(100)
    writing.clear()
    reading.join(100)
    with engine.connect() as connection:
        stored = connection.execute(select(schema.event.c.id).order_by(schema.event.c.id)).scalars().all()
        of_run = events.run_events(connection, shared.id)
    assert [item.id for item in seen] == stored
    assert len(stored) > 3 * WRITERS * ROUNDS
    assert [item.seq for item in of_run] == list(range(1, len(of_run) + 1))
    assert [item.id for item in of_run] == sorted(item.id for item in of_run)


def test_without_turns_a_cursor_would_pass_events_over(
    engine: Engine, engines: list[Engine], database_url: str
) -> None:
    """What the lock is for: two transactions of a server that do not take turns."""
    first, second = engines[:2]
    reader = create_reader(database_url)
    with engine.connect() as connection:
        if not is_shared(connection):
            with first.begin(), pytest.raises(OperationalError, match="locked"), begin_write(second, patience=0.05):
                pass  # a file has one writer in any case
            return
    with first.connect() as slow, slow.begin():
        events.append(slow, "dag_changed", T0, dag_id="slow")
        with second.begin() as quick:
            events.append(quick, "dag_changed", T0, dag_id="quick")
        with connect_read(reader) as connection:
            cursor = events.read_after(connection, 0)[-1].id
    with connect_read(reader) as connection:
        assert events.read_after(connection, cursor) == []
        assert [item.dag_id for item in events.read_after(connection, 0)] == ["slow", "quick"]
    reader.dispose()


def test_who_waits_too_long_for_its_turn_is_told_and_can_try_again(
    engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 200)
    holder, waiter = engines[:2]
    with begin_write(holder), pytest.raises(DBAPIError) as caught, begin_write(waiter):
        pass
    assert failure_of(caught.value) == "locked"
    with begin_write(waiter) as connection:
        events.append(connection, "dag_changed", T0)


def test_patience_is_for_one_transaction(engine: Engine) -> None:
    def waits() -> tuple[Any, ...]:
        with begin_write(engine) as connection:
            if not is_shared(connection):
                return (connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one(),)
            raw: Any = connection.connection.driver_connection
            shown = [
                connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("lock_timeout", "statement_timeout")
            ]
            return raw.patience, *shown

    usual = waits()
    with begin_write(engine, patience=77) as connection:
        if is_shared(connection):
            raw: Any = connection.connection.driver_connection
            assert raw.patience == 77
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "77s"
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "77s"
        else:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 77_000
    assert waits() == usual


def test_a_writer_that_is_cut_off_has_written_nothing_and_goes_on_afterwards(
    engine: Engine, engines: list[Engine]
) -> None:
    with engine.connect() as connection:
        shared = is_shared(connection)

    def cut_off() -> None:
        with begin_write(engine) as connection:
            events.append(connection, "dag_changed", T0)
            if shared:
                pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                with engines[0].connect() as other:
                    other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            else:
                raw: Any = connection.connection.driver_connection
                raw.rollback()
                raise OperationalError("", None, Exception("gone"))
            events.append(connection, "dag_changed", T0)

    with pytest.raises(OperationalError) as caught:
        cut_off()
    assert not shared or failure_of(caught.value) == "away"
    with begin_write(engine) as connection:
        assert events.last_id(connection) == 0
        events.append(connection, "dag_changed", T0)


def test_a_writer_that_stands_still_loses_its_turn(
    engine: Engine, engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is stopped in the middle of a transaction holds up the others for a time, not for ever."""
    with engine.connect() as connection:
        if not is_shared(connection):
            limit = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
            assert limit < 10_000  # one host per file: nobody else is held up
            return
    monkeypatch.setattr(database, "IDLE_IN_TRANSACTION", 1)
    still, other = engines[:2]

    def stand_still() -> None:
        with begin_write(still) as connection:
            host.take_lease(
                connection, host_id="h", hostname="m", pid=1, boot_id=None, version="1", now=T0, ttl=timedelta(1)
            )
            with begin_write(other) as meanwhile:  # waits for the server to end the transaction that stands still
                assert events.last_id(meanwhile) == 0
            events.append(connection, "dag_changed", T0)

    with pytest.raises(DBAPIError) as caught:
        stand_still()
    assert failure_of(caught.value) == "away"


def test_thousands_of_ids_fit_into_one_question(engine: Engine) -> None:
    with engine.connect() as connection:
        ids = list(range(1, 30_001))
        assert queries.task_instances_by_id(connection, ids) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg://ada:s3cret@h@example.org/flow", "an @ too many"),
        ("postgresql+psycopg://ada:s3cret@example.org:port/flow", "cannot be read"),
        ("s3cret", "cannot be read"),
        ("postgresql+psycopg2://ada:s3cret@example.org/flow", "use postgresql.psycopg"),
        ("mysql://ada:s3cret@example.org/flow", "use sqlite or postgresql"),
        ("sqlite://", "give a file"),
    ],
)
def test_an_unusable_url_is_refused_in_a_line_without_its_password(url: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        create_engine(url)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "name", "secret"),
    [
        ("postgresql+psycopg://ada:s3cret@db.example.org:5433/flow?sslmode=require", "db.example.org:5433/flow", True),
        ("postgresql://db.example.org/flow?password=s3cret", "db.example.org/flow", True),
        ("postgresql://ada@/flow?host=/run/postgresql", "/run/postgresql/flow", False),
        ("postgresql://ada:s3cret@h@db.example.org/flow", "db.example.org/flow", True),
        ("sqlite:////home/ada/flow.db", "/home/ada/flow.db", False),
        ("s3cret", "of an unreadable URL", True),
    ],
)
def test_a_database_is_named_without_user_and_password(url: str, name: str, secret: bool) -> None:
    assert database.described(url) == name
    assert database.has_password(url) is secret


def test_values_of_a_failed_statement_are_not_in_its_error(engine: Engine) -> None:
    with pytest.raises(DBAPIError) as caught, begin_write(engine) as connection:
        connection.execute(text("INSERT INTO nowhere (a) VALUES (:a)"), {"a": "s3cret"})
    assert "s3cret" not in str(caught.value)
