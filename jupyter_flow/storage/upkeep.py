"""What caring for a database needs and each kind of database says in its own way; the other half of ``database.py``.

Kinds of columns, the counters behind ids, integrity, an online copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Connection, Table, inspect, text
from sqlalchemy.types import String

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
