"""Moving all rows from one database to another, of either kind: ids stay, and so do the counters behind them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Connection, Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from ..model.errors import Conflict, InvalidInput
from . import host, schema, schema_calls, schema_plans, upkeep
from .schema_base import metadata

_ROOMS = (schema, schema_calls, schema_plans)
"""All tables are known once these are imported."""
_BATCH = 1000
_GIVEN_AT_BIRTH = {schema.pool: 1}
"""Rows that a migration makes; they are replaced by those that come."""


def check_unused(connection: Connection, now: datetime) -> None:
    """Raise :class:`Conflict` if a host works on this database: its lease still runs."""
    for row in host.open_hosts(connection):
        if row.lease_until > now:
            where = f"pid {row.pid} on {row.hostname}, home {row.home}"
            raise Conflict(f"a host works on this database ({where}): end it with `jupyter flow stop`")


def copy_all(source: Connection, target: Connection) -> dict[str, int]:
    """Copy every row of ``source`` into the tables of ``target``, which are empty; return rows per table.

    Both have the current schema. Raises :class:`Conflict` naming a table that is not empty, :class:`InvalidInput` if
    rows contradict each other. The caller's transaction must be rolled back then.
    """
    for table in metadata.sorted_tables:
        if _count(target, table) > _GIVEN_AT_BIRTH.get(table, 0):
            raise Conflict(f"the database to copy to is not empty (table {table.name}): give a new one")
    for table in _GIVEN_AT_BIRTH:
        target.execute(delete(table))
    copied = {}
    for table in metadata.sorted_tables:
        try:
            copied[table.name] = _copy(source, target, table)
        except IntegrityError as error:
            text = str(error.orig).splitlines()[0]
            raise InvalidInput(f"table {table.name} cannot be copied ({text}): see `jupyter flow db check`") from None
        written = _count(target, table)
        if written != _count(source, table):
            raise Conflict(f"table {table.name} has {written} rows after it was copied: copy once more")
    return copied


def _copy(source: Connection, target: Connection, table: Table) -> int:
    number = 0
    rows = source.execution_options(yield_per=_BATCH).execute(select(table).order_by(*table.primary_key.columns))
    for part in rows.mappings().partitions():
        target.execute(insert(table), [dict(row) for row in part])
        number += len(part)
    key = table.columns["id"]
    if isinstance(key.type, BigInteger):
        newest: int = target.execute(select(func.coalesce(func.max(key), 0))).scalar_one()
        upkeep.give_ids_after(target, table, max(newest, upkeep.last_given_id(source, table) or 0))
    return number


def _count(connection: Connection, table: Table) -> int:
    number: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return number
