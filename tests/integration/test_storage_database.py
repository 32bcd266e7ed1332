from __future__ import annotations

import logging
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import DBAPIError, StatementError
from support.flows import T0

from jupyter_flow.model.errors import Conflict, InvalidInput, NotFound
from jupyter_flow.storage import database, filesystem, migrating, schema, schema_calls, schema_plans, variables
from jupyter_flow.storage.database import (
    begin_write,
    connect_read,
    create_engine,
    create_reader,
    failure_of,
    is_shared,
)
from jupyter_flow.storage.schema_base import metadata


def test_migrations_make_exactly_the_tables_of_the_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        modules = (schema, schema_calls, schema_plans)
        assert metadata.tables.keys() == {
            name for module in modules for name in module.__all__ if name in metadata.tables
        }
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert migrating.stored_revision(connection) == migrating.HEAD


def test_the_head_is_the_newest_migration() -> None:
    folder = Path(migrating.__file__).parent / "migrations" / "versions"
    assert max(file.name[:4] for file in folder.glob("[0-9]*.py")) == migrating.HEAD


def test_migrating_again_does_nothing(engine: Engine) -> None:
    assert migrating.migrate(engine) is False


def test_another_schema_is_refused_in_one_line(engine: Engine, database_url: str) -> None:
    reader = create_reader(database_url)
    with connect_read(reader) as connection:
        migrating.check_schema(connection)
    for revision, words in (("9999", "upgrade jupyterlab-flow"), ("0000", "restart the host")):
        with begin_write(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
        with connect_read(reader) as connection, pytest.raises(Conflict, match=words):
            migrating.check_schema(connection)
    with begin_write(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer"):
        migrating.migrate(engine)
    reader.dispose()


def test_a_migration_that_breaks_leaves_nothing_behind(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(empty_database_url)
    upgrade = migrating._upgrade

    def broken(connection: object) -> None:
        upgrade(connection)  # type: ignore[arg-type]
        raise RuntimeError("power cut")

    monkeypatch.setattr(migrating, "_upgrade", broken)
    with pytest.raises(RuntimeError):
        migrating.migrate(engine)
    with engine.connect() as connection:
        assert migrating.stored_revision(connection) is None
    monkeypatch.setattr(migrating, "_upgrade", upgrade)
    assert migrating.migrate(engine) is True
    engine.dispose()


def test_a_reader_cannot_write(engine: Engine, database_url: str) -> None:
    reader = create_reader(database_url)
    with connect_read(reader) as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("DELETE FROM pool"))
    assert failure_of(caught.value) == "unwritable"
    with connect_read(reader) as connection:
        assert connection.execute(text("SELECT count(*) FROM pool")).scalar_one() == 1
    reader.dispose()


def test_a_reader_refuses_a_database_that_is_not_there_and_makes_none(empty_database_url: str, tmp_path: Path) -> None:
    missing = create_reader(empty_database_url)
    with pytest.raises(NotFound, match="start the host once"), connect_read(missing):
        pass
    assert list(tmp_path.iterdir()) == []
    writer = create_engine(empty_database_url)
    migrating.migrate(writer)
    with connect_read(missing) as connection:  # the same reader, as soon as there are tables
        migrating.check_schema(connection)
    missing.dispose()
    writer.dispose()


def test_a_reader_sees_one_state_while_the_writer_goes_on(engine: Engine, database_url: str) -> None:
    reader = create_reader(database_url)
    with connect_read(reader) as connection:
        assert variables.list_variables(connection) == []
        with begin_write(engine) as writing:
            variables.set_variable(writing, "k", "v", None, T0)
        assert variables.list_variables(connection) == []
    with connect_read(reader) as connection:
        assert len(variables.list_variables(connection)) == 1
    reader.dispose()


def test_an_exception_rolls_everything_back(engine: Engine) -> None:
    def half() -> None:
        with begin_write(engine) as connection:
            variables.set_variable(connection, "k", "v", None, T0)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        half()
    with engine.connect() as connection:
        assert variables.list_variables(connection) == []


def test_nested_writing_is_refused_instead_of_waiting_for_itself(engine: Engine) -> None:
    with begin_write(engine), pytest.raises(RuntimeError, match="holds the write lock already"), begin_write(engine):
        pass


def test_writers_take_turns(engine: Engine) -> None:
    def count_up() -> None:
        for _ in range(20):
            with begin_write(engine) as connection:
                value = variables.get_values(connection, ["n"]).get("n", "0")
                variables.set_variable(connection, "n", str(int(value) + 1), None, T0)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with engine.connect() as connection:
        assert variables.get_variable(connection, "n").value == "80"


def test_instants_come_back_aware_and_equal_and_naive_ones_are_refused(engine: Engine) -> None:
    local = datetime(2026, 1, 1, 3, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with begin_write(engine) as connection:
        written = variables.set_variable(connection, "k", "v", None, local)
        assert written.updated_at == local
        assert written.updated_at.tzinfo is UTC
        with pytest.raises(StatementError, match="naive"):
            connection.execute(insert(schema.audit), [{"at": datetime(2026, 1, 1), "actor": "a"}])


def _settings(connection: Connection, reader: bool = False) -> dict[str, object]:
    if is_shared(connection):
        names = ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "synchronous_commit"]
        names += ["transaction_read_only", "transaction_isolation"] if reader else []
        return {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names}
    names = ["journal_mode", "synchronous", "foreign_keys", "busy_timeout"] + ["query_only"] * reader
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names}


def test_commits_are_durable_and_no_wait_is_for_ever(engine: Engine, database_url: str) -> None:
    reader = create_reader(database_url)
    with engine.connect() as connection, connect_read(reader) as reading:
        settings, others = _settings(connection), _settings(reading, reader=True)
        if is_shared(connection):
            waits = {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "8s"}
            assert settings == {**waits, "synchronous_commit": "on"}
            assert others["transaction_read_only"] == "on"
            assert others["transaction_isolation"] == "repeatable read"
        else:
            assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000}
            assert others["query_only"] == 1
    reader.dispose()


def test_a_network_file_system_gets_the_rollback_journal_and_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "network_filesystem", lambda _folder: "nfs4")
    with caplog.at_level(logging.WARNING):
        engine = create_engine(f"sqlite:///{tmp_path / 'remote.db'}")
    assert "nfs4" in caplog.text
    assert "JUPYTER_FLOW_HOME" in caplog.text
    migrating.migrate(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "delete"
    engine.dispose()


def test_the_nearest_mount_decides_what_counts_as_network() -> None:
    mounts = "\n".join(
        ["/dev/sda / ext4 rw 0 0", "srv:/home /home nfs4 rw 0 0", "s3 /mnt/my\\040bucket fuse.s3fs rw 0 0",
         "tmpfs /home/ada/local tmpfs rw 0 0", "/dev/sdb /homes ext4 rw 0 0"]
    )  # fmt: skip
    found = {
        path: filesystem.network_filesystem(Path(path), mounts)
        for path in ("/srv", "/home/ada", "/mnt/my bucket/x", "/home/ada/local/x", "/homes/ada")
    }
    assert list(found.values()) == [None, "nfs4", "fuse.s3fs", None, None]
    assert filesystem.network_filesystem(Path("/")) is None or Path("/proc/self/mounts").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db"])
def test_unusable_databases_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        create_engine(url)


def test_ids_of_deleted_events_are_never_used_again(engine: Engine) -> None:
    with begin_write(engine) as connection:
        values = {"seq": 0, "kind": "host_changed", "dag_id": "", "at": T0}
        connection.execute(insert(schema.event), [values, values])
        connection.execute(schema.event.delete())
        connection.execute(insert(schema.event), [values])
        assert connection.execute(select(schema.event.c.id)).scalar_one() == 3


def test_a_migration_apart_is_a_migration_and_leaves_alembic_out(tmp_path: Path) -> None:
    program = (
        "import sys; from jupyter_flow.storage import database, migrating;"
        f"engine = database.create_engine('sqlite:///{tmp_path / 'flow.db'}');"
        "migrating.migrate_apart(engine); assert migrating.migrate(engine) is False; migrating.migrate_apart(engine);"
        "assert not [name for name in sys.modules if name.startswith(('alembic', 'mako'))]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
