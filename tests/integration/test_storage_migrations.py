"""Every step of the schema, up and down, with rows in all tables, on every kind of database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Connection, DateTime, Engine, Float, Integer, MetaData, Table, inspect, select, text
from support.flows import T0

from jupyter_flow.storage import migrating, schema, schema_calls, schema_plans
from jupyter_flow.storage.database import begin_write, create_engine, is_shared
from jupyter_flow.storage.schema_base import metadata

REVISIONS = ["0001", "0002", "0003"]
MODULES = (schema, schema_calls, schema_plans)


@pytest.fixture
def bare(empty_database_url: str) -> Iterator[Engine]:
    """The writer's engine on a database without tables."""
    engine = create_engine(empty_database_url)
    yield engine
    engine.dispose()


def go(engine: Engine, revision: str, *, down: bool = False) -> None:
    with begin_write(engine) as connection:
        step = command.downgrade if down else command.upgrade
        step(migrating.alembic_config(connection), revision)


def tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def fill(connection: Connection) -> None:
    """Give each table one more row: all columns filled, but the one that names a row of the same table."""
    for table in tables(connection):
        key = len(connection.execute(select(table)).all()) + 1
        row: dict[str, Any] = {}
        for column in table.columns:
            target = next((key.column.table.name for key in column.foreign_keys), None)
            if target == table.name:
                continue
            if isinstance(column.type, Boolean):
                row[column.name] = True
            elif isinstance(column.type, Integer):
                row[column.name] = key if column.name == "id" else 1
            elif isinstance(column.type, Float):
                row[column.name] = 1.5
            elif isinstance(column.type, DateTime):
                row[column.name] = T0
            else:
                row[column.name] = "1" if target == "attempt" or column.name == "id" else f"{column.name[:8]}{key}"
        connection.execute(table.insert(), row)


def rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in tables(connection)
    }


def test_the_revisions_are_known() -> None:
    assert REVISIONS[-1] == migrating.HEAD


@pytest.mark.parametrize("first", REVISIONS)
def test_rows_of_every_revision_survive_the_way_up_and_down(bare: Engine, first: str) -> None:
    go(bare, first)
    with begin_write(bare) as connection:
        fill(connection)
        before = rows(connection)
    assert all(before.values())
    assert migrating.migrate(bare) is (first != migrating.HEAD)
    with bare.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        after = rows(connection)
        for name, found in before.items():
            assert [{key: row[key] for key in old} for old, row in zip(found, after[name], strict=True)] == found, name
    for revision in REVISIONS[REVISIONS.index(first) :: -1]:
        go(bare, revision, down=True)
        with bare.connect() as connection:
            assert migrating.stored_revision(connection) == revision
            for name, found in rows(connection).items():
                kept = [{key: old[key] for key in row} for old, row in zip(before[name], found, strict=True)]
                assert kept == found, (revision, name)
    go(bare, "base", down=True)
    with bare.connect() as connection:
        assert tables(connection) == []
        assert migrating.stored_revision(connection) is None
    assert migrating.migrate(bare) is True


def test_a_server_keeps_keys_of_64_bits_and_sorts_text_by_code(engine: Engine) -> None:
    with begin_write(engine) as connection:
        if is_shared(connection):
            wrong = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
            texts = "data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
            assert connection.execute(text(wrong + texts + " AND table_name <> 'alembic_version'")).all() == []
            narrow = connection.execute(text("SELECT sequencename FROM pg_sequences WHERE max_value < 2 ^ 60")).all()
            assert narrow == []
        values = {"seq": 0, "kind": "host_changed", "dag_id": "", "at": T0}
        connection.execute(schema.event.insert(), [values | {"id": 2**40}])
        assert connection.execute(select(schema.event.c.id)).scalar_one() == 2**40
        for name in ("b", "B", "a", "Ä", "_", "a.b", "aa"):
            connection.execute(schema.pool.insert(), {"name": name, "slots": 1})
        names = connection.execute(select(schema.pool.c.name).order_by(schema.pool.c.name)).scalars().all()
        assert names == sorted(names)
        assert len(names) == 8


def test_of_hosts_that_migrate_at_the_same_moment_one_does_and_the_others_wait(empty_database_url: str) -> None:
    begun = threading.Barrier(4)
    done: list[bool] = []

    def migrate() -> None:
        engine = create_engine(empty_database_url)
        begun.wait(30)
        done.append(migrating.migrate(engine))
        engine.dispose()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert sorted(done) == [False, False, False, True]
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
    engine.dispose()
