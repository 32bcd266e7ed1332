"""Moving a house between databases, copying its file, and looking whether its rows are sound."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, text, update
from support.flows import T0, chain
from support.stored_runs import StoredRun

from jupyter_flow.model.errors import Conflict, InvalidInput
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.records import Actor
from jupyter_flow.storage import audit, backup, checking, copying, host, migrating, schema, upkeep, variables
from jupyter_flow.storage.database import begin_write, connect_read, create_engine, create_reader, is_shared
from jupyter_flow.storage.schema_base import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty database of either kind to copy to."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'target.db'}"
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres")
            name = server.create_database()
            stack.callback(server.drop_database, name)
            url = server.url(name)
        engine = create_engine(url)
        stack.callback(engine.dispose)
        migrating.migrate(engine)
        yield engine


def lived_in(engine: Engine) -> None:
    """Runs, values, settings; the newest events and the newest audit row are deleted again."""
    StoredRun(engine, chain(2)).run_to_end()
    StoredRun(engine, chain(2, dag_id="e")).claim()
    with begin_write(engine) as connection:
        variables.set_variable(connection, "ö%_'\n🙂", 'a "value"\t\\u0000', None, T0)
        connection.execute(update(schema.pool).values(slots=7))
        host.take_lease(
            connection, host_id="h", hostname="m", pid=1, boot_id=None, version="1", now=T0, ttl=timedelta(seconds=60)
        )
        newest = connection.execute(select(schema.event.c.id).order_by(schema.event.c.id.desc())).scalars().first()
        connection.execute(delete(schema.event).where(schema.event.c.id == newest))


def rows(connection: Connection) -> dict[str, list[Any]]:
    return {
        table.name: connection.execute(select(table).order_by(*table.primary_key.columns)).all()
        for table in metadata.sorted_tables
    }


def test_a_copy_has_the_same_rows_and_goes_on_with_new_ids(engine: Engine, database_url: str, target: Engine) -> None:
    lived_in(engine)
    reader = create_reader(database_url)
    with connect_read(reader) as reading:
        last = upkeep.last_given_id(reading, schema.event)
        with begin_write(target) as writing:
            counts = copying.copy_all(reading, writing)
        with target.connect() as connection:
            assert rows(connection) == rows(reading)
            assert sum(counts.values()) == sum(map(len, rows(connection).values())) > 20
    with begin_write(target) as writing:
        values = {"seq": 0, "kind": "host_changed", "dag_id": "", "at": T0}
        number = writing.execute(insert(schema.event).returning(schema.event.c.id), values).scalar_one()
        assert number == (last or 0) + 1
    done = StoredRun(target, chain(2, dag_id="new")).run_to_end()
    assert done.state == "success"
    reader.dispose()


def test_only_an_empty_database_is_copied_to(engine: Engine, database_url: str, target: Engine) -> None:
    with begin_write(target) as connection:
        variables.set_variable(connection, "k", "v", None, T0)
    reader = create_reader(database_url)
    with (
        connect_read(reader) as reading,
        pytest.raises(Conflict, match=r"not empty \(table variable\)"),
        begin_write(target) as writing,
    ):
        copying.copy_all(reading, writing)
    with target.connect() as connection:
        assert connection.execute(select(schema.pool.c.name)).scalars().all() == ["default_pool"]
    reader.dispose()


def test_a_living_host_is_named_and_an_ended_one_is_not_in_the_way(engine: Engine) -> None:
    with begin_write(engine) as connection:
        host.take_lease(
            connection, host_id="h", hostname="m", pid=7, boot_id=None, version="1", now=T0, ttl=timedelta(seconds=60)
        )
        copying.check_unused(connection, T0 + timedelta(seconds=61))
        with pytest.raises(Conflict, match=r"pid 7 on m.*jupyter flow stop"):
            copying.check_unused(connection, T0)
        host.end_host(connection, "h", T0)
        copying.check_unused(connection, T0)


def test_the_file_is_backed_up_while_a_writer_is_at_work(engine: Engine, database_url: str, tmp_path: Path) -> None:
    reader = create_reader(database_url)
    place = tmp_path / "backups"
    place.mkdir()
    copy = place / "flow.db"
    lived_in(engine)
    with engine.connect() as connection:
        if is_shared(connection):
            with pytest.raises(InvalidInput, match=r"pg_dump --format=custom"):
                backup.back_up(reader, copy)
            assert list(place.iterdir()) == []
            return
        before = rows(connection)
    os.umask(os.umask(0o000))
    with begin_write(engine) as writing:
        variables.set_variable(writing, "not", "committed", None, T0)
        size = backup.back_up(reader, copy)
    assert (size, stat.S_IMODE(copy.stat().st_mode)) == (copy.stat().st_size, 0o600)
    assert [path.name for path in place.iterdir()] == ["flow.db"]
    restored = create_reader(f"sqlite:///{copy}")
    with connect_read(restored) as connection:
        assert rows(connection) == before
        assert upkeep.problems_of(connection) == []
    restored.dispose()
    with pytest.raises(Conflict, match="--force"):
        backup.back_up(reader, copy)
    copy.write_text("old")
    backup.back_up(reader, copy, force=True)
    assert sqlite3.connect(copy).execute("SELECT value FROM variable WHERE key = 'not'").fetchone() == ("committed",)
    for wrong, words in ((place, "is a folder"), (tmp_path / "flow.db", "is the database itself")):
        with pytest.raises(InvalidInput, match=words):
            backup.back_up(reader, wrong, force=True)
    with pytest.raises(InvalidInput, match="No such file"):
        backup.back_up(reader, tmp_path / "nowhere" / "x.db")
    reader.dispose()


BREACHES: dict[str, Callable[[Connection], Any]] = {
    "d/r/t0 is not finished and nobody holds it": lambda c: c.execute(
        update(schema.task_instance).where(schema.task_instance.c.task_id == "t0").values(held_by="")
    ),
    "d/r/t0 is queued or running and nobody is to look at it": lambda c: c.execute(
        update(schema.task_instance).where(schema.task_instance.c.task_id == "t0").values(check_at=schema.NEVER)
    ),
    "d/r/t0 is queued or running without an unfinished attempt of its own": lambda c: c.execute(
        update(schema.attempt).values(finished_at=T0)
    ),
    "d/r/t1 is in a state that does not exist": lambda c: c.execute(
        text("UPDATE task_instance SET state = 'asleep' WHERE task_id = 't1'")
    ),
    "d/r is an unfinished run that nobody holds or is to look at": lambda c: c.execute(
        update(schema.dag_run).values(held_by="")
    ),
    "d/r is a run with a gap in its events": lambda c: c.execute(delete(schema.event).where(schema.event.c.seq == 2)),
    "d/r is a run in a state that does not exist": lambda c: c.execute(
        text("UPDATE dag_run SET state = 'asleep', held_by = 'scheduler'")
    ),
}


@pytest.mark.parametrize("words", BREACHES)
def test_rows_that_break_a_rule_are_named(engine: Engine, words: str) -> None:
    run = StoredRun(engine, chain(2), run_id="r")
    run.claim()
    with begin_write(engine) as connection:
        assert list(checking.breaches(connection)) == []
        BREACHES[words](connection)
        assert list(checking.breaches(connection)) == [words]


def test_many_breaches_are_cut_short(engine: Engine) -> None:
    StoredRun(engine, chain(40))
    with begin_write(engine) as connection:
        connection.execute(update(schema.task_instance).values(held_by=""))
        found = list(checking.breaches(connection))
    assert len(found) == checking.SHOWN + 1
    assert found[-1].startswith("more of this kind")


def test_a_damaged_database_says_so(engine: Engine, database_url: str, tmp_path: Path) -> None:
    with begin_write(engine) as connection:
        assert upkeep.problems_of(connection) == []
        if is_shared(connection):
            connection.exec_driver_sql("ALTER TABLE xcom DROP CONSTRAINT fk_xcom_dag_run_id")
            connection.exec_driver_sql(
                "ALTER TABLE xcom ADD CONSTRAINT half FOREIGN KEY (dag_run_id) REFERENCES dag_run (id) NOT VALID"
            )
            assert upkeep.problems_of(connection) == [
                "foreign key half was never checked: ALTER TABLE … VALIDATE CONSTRAINT"
            ]
            return
    with sqlite3.connect(tmp_path / "flow.db") as careless:  # another program, without foreign keys
        careless.execute("INSERT INTO deadline (dag_run_id, position, due_at) VALUES (99, 0, '2026-01-01 00:00:00')")
    reader = create_reader(database_url)
    with connect_read(reader) as connection:
        assert upkeep.problems_of(connection) == ["row 1 of table deadline names a row of dag_run that is not there"]
    reader.dispose()


def test_what_no_database_takes_is_settled_before_it_is_asked(engine: Engine) -> None:
    with begin_write(engine) as connection:
        made = variables.set_variable(connection, "k", "a\0b\ud800c\U0001f642", None, T0)
        assert variables.get_variable(connection, "k").value == made.value == "a�b�c🙂"
        with pytest.raises(InvalidInput, match="251 characters, more than 250"):
            variables.set_variable(connection, "k" * 251, "v", None, T0)
        with pytest.raises(InvalidInput, match="more than 250"):
            variables.get_variable(connection, "k" * 251)
        connection.execute(insert(schema.pool), {"name": "p", "slots": 10**30, "description": "x" * 10**5})
        assert (
            connection.execute(select(schema.pool.c.slots).where(schema.pool.c.name == "p")).scalar_one() == 2**31 - 1
        )
        actor = Actor("u\0", "a" * 100, "1" * 100)
        audit.record(connection, actor, "v" * 100, T0, message="\ud800")
        row = connection.execute(select(schema.audit)).one()
        assert (row.actor, row.auth, row.ip, row.verb, row.message) == ("u�", "a" * 32, "1" * 64, "v" * 64, "�")
        reason = Reason("exception", {"type": "E", "message": "\0 \udfff"})
        run = {"key": "r", "reason": reason.to_json()}
        connection.execute(insert(schema.import_problem), {**PROBLEM, "message": str(run)})
        assert "\0" not in connection.execute(select(schema.import_problem.c.message)).scalar_one()


PROBLEM = {"dag_folder": "f", "dag_file": "\udc80.py", "kind": "error" * 9, "line": 2**40, "created_at": T0}
