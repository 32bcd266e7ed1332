"""What caring for a database needs and each kind of database says in its own way; the other half of ``database.py``.

Kinds of columns, the counters behind ids, integrity, an online copy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, Table, inspect, text
from sqlalchemy.types import String

from ..model.errors import Conflict
from .database import is_shared


def widen_keys(connection: Connection, keys: Mapping[str, Sequence[str]]) -> None:
    """Make these columns (table → columns) 64 bits wide, with the counters behind them. SQLite's are already."""
    if not is_shared(connection):
        return
    quote = connection.dialect.identifier_preparer.quote
    found = inspect(connection)
    for table, names in keys.items():
        kinds = {column["name"]: column["type"] for column in found.get_columns(table)}
        narrow = [name for name in names if not isinstance(kinds[name], BigInteger)]
        if narrow:
            changes = ", ".join(f"ALTER COLUMN {quote(name)} TYPE BIGINT" for name in narrow)
            connection.exec_driver_sql(f"ALTER TABLE {quote(table)} {changes}")
        if "id" in narrow:
            connection.exec_driver_sql(f"ALTER SEQUENCE {_sequence(connection, table)} AS BIGINT")


def compare_text_by_code(connection: Connection) -> None:
    """Make every text column sort by character code, as SQLite does, whatever the server's language is."""
    if not is_shared(connection):
        return
    quote = connection.dialect.identifier_preparer.quote
    found = inspect(connection)
    for table in found.get_table_names():
        changes = ", ".join(
            f'ALTER COLUMN {quote(column["name"])} TYPE {_plain_type(column["type"])} COLLATE "C"'
            for column in found.get_columns(table)
            if isinstance(column["type"], String) and column["type"].collation != "C"
        )
        if changes:
            connection.exec_driver_sql(f"ALTER TABLE {quote(table)} {changes}")


def last_given_id(connection: Connection, table: Table) -> int | None:
    """Return the newest id that ``table`` ever gave to a row, deleted or not; None: it does not remember."""
    if is_shared(connection):
        query = text("SELECT pg_sequence_last_value(CAST(:name AS regclass))")
        number: int | None = connection.execute(query, {"name": _sequence(connection, table.name)}).scalar_one()
        return number or 0
    if not table.dialect_options["sqlite"]["autoincrement"]:
        return None
    query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return connection.execute(query, {"name": table.name}).scalar_one_or_none() or 0


def give_ids_after(connection: Connection, table: Table, number: int) -> None:
    """Let the next row of ``table`` get an id above ``number``."""
    if is_shared(connection):
        values = {"name": _sequence(connection, table.name), "number": max(number, 1), "used": number > 0}
        connection.execute(text("SELECT setval(CAST(:name AS regclass), :number, :used)"), values)
    elif table.dialect_options["sqlite"]["autoincrement"]:
        values = {"name": table.name, "number": number}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), values)


def _sequence(connection: Connection, table: str) -> str:
    query = text("SELECT pg_get_serial_sequence(:name, 'id')")
    name: str = connection.execute(query, {"name": table}).scalar_one()
    return name


def _plain_type(kind: String) -> str:
    return f"VARCHAR({kind.length})" if kind.length else "TEXT"


def problems_of(connection: Connection) -> list[str]:
    """Return what the database itself says is wrong with it, a line each. ``connection`` may be a reader's."""
    if is_shared(connection):
        return _problems_of_server(connection)
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)") if row[0] != "ok"]
    keys = connection.exec_driver_sql('SELECT DISTINCT "table", rowid, parent FROM pragma_foreign_key_check LIMIT 20')
    return found + [f"row {row[1]} of table {row[0]} names a row of {row[2]} that is not there" for row in keys]


_SERVER_QUESTIONS = {
    "the server is a standby: use the URL of the primary": "SELECT 1 WHERE pg_is_in_recovery()",
    "foreign key {} was never checked: ALTER TABLE … VALIDATE CONSTRAINT": (
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
    ),
    "index {} is not usable: REINDEX it": (
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid"
    ),
    "this user may not write table {}: GRANT it, or use the URL of the owner": (
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
        "(SELECT relnamespace FROM pg_class WHERE oid = to_regclass('alembic_version')) AND NOT ("
        "has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') "
        "AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))"
    ),
}


def _problems_of_server(connection: Connection) -> list[str]:
    return [
        words.format(row[0]) for words, query in _SERVER_QUESTIONS.items() for row in connection.exec_driver_sql(query)
    ]


def database_file(engine: Engine) -> Path | None:
    """Return the file of the database, None if it is a server's."""
    return Path(str(engine.url.database)) if engine.dialect.name == "sqlite" else None


def copy_file(reader: Engine, target: Path) -> None:
    """Copy the database file of ``reader`` into the file ``target`` in one step, and look whether it can be read."""
    with reader.connect() as connection, closing(sqlite3.connect(target)) as copy:
        source: Any = connection.connection.driver_connection
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
        said = copy.execute("PRAGMA quick_check").fetchone()[0]
    if said != "ok":
        raise Conflict(f"the copy of the database is not sound ({said}): look at `jupyter flow db check`")
