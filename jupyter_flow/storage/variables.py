"""Variables: named texts that authors set once and tasks read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from ..model.errors import NotFound
from ..model.rows import Variable
from .schema import variable

_NAMESPACE = "default"
_HERE = variable.c.namespace == _NAMESPACE


def get_variable(connection: Connection, key: str) -> Variable:
    """Return one variable; raises :class:`NotFound`."""
    row = connection.execute(select(variable).where(_HERE, variable.c.key == key)).one_or_none()
    if row is None:
        raise NotFound(f"variable {key!r} does not exist")
    return _to_variable(row)


def get_values(connection: Connection, keys: Collection[str]) -> dict[str, str]:
    """Return key -> value of those variables that exist."""
    if not keys:
        return {}
    query = select(variable.c.key, variable.c.value).where(_HERE, variable.c.key.in_(list(keys)))
    return {row.key: row.value for row in connection.execute(query)}


def list_variables(connection: Connection) -> list[Variable]:
    """Return all variables by key."""
    return [_to_variable(row) for row in connection.execute(select(variable).where(_HERE).order_by(variable.c.key))]


def set_variable(connection: Connection, key: str, value: str, description: str | None, now: datetime) -> Variable:
    """Set a variable; without a ``description`` an earlier one stays."""
    known = connection.execute(select(variable).where(_HERE, variable.c.key == key)).one_or_none()
    values: dict[str, Any] = {"value": value, "updated_at": now}
    if description is not None or known is None:
        values["description"] = description
    if known is None:
        values |= {"namespace": _NAMESPACE, "key": key, "created_at": now}
        connection.execute(insert(variable), [values])
    else:
        connection.execute(update(variable).where(variable.c.id == known.id).values(values))
    return get_variable(connection, key)


def delete_variable(connection: Connection, key: str) -> None:
    """Delete a variable; raises :class:`NotFound`."""
    if connection.execute(delete(variable).where(_HERE, variable.c.key == key)).rowcount == 0:
        raise NotFound(f"variable {key!r} does not exist")


def _to_variable(row: Row[Any]) -> Variable:
    return Variable(row.key, row.value, row.description, row.updated_at)
