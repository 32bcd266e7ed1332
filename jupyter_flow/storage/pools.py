"""Pools: named numbers of slots, and how many of them are in use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..model.errors import NotFound
from ..model.records import Actor
from ..model.rows import Dag, Pool, PoolUse
from ..model.state import TaskState
from .events import append
from .mapping import to_dag
from .schema import dag, dag_version, pool, task_instance

_NAMESPACE = "default"
_HERE = pool.c.namespace == _NAMESPACE
_COUNTED = {TaskState.RUNNING: "running", TaskState.QUEUED: "queued", TaskState.SCHEDULED: "scheduled"}


def get_pool(connection: Connection, name: str) -> Pool:
    """Return one pool; raises :class:`NotFound`."""
    row = connection.execute(select(pool).where(_HERE, pool.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"pool {name!r} does not exist: `jupyter flow pools list`")
    return _to_pool(row)


def list_pools(connection: Connection) -> list[Pool]:
    """Return all pools by name."""
    return [_to_pool(row) for row in connection.execute(select(pool).where(_HERE).order_by(pool.c.name))]


def uses(connection: Connection) -> dict[str, PoolUse]:
    """Return the use of each pool that any task instance holds a slot of or waits for."""
    query = (
        select(task_instance.c.pool, task_instance.c.state, func.sum(task_instance.c.pool_slots).label("slots"))
        .where(task_instance.c.state.in_([str(state) for state in _COUNTED]))
        .group_by(task_instance.c.pool, task_instance.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(query):
        found.setdefault(row.pool, {})[_COUNTED[TaskState(row.state)]] = int(row.slots)
    return {name: PoolUse(**counts) for name, counts in found.items()}


def set_pool(
    connection: Connection, name: str, slots: int, description: str | None, now: datetime, actor: Actor | None
) -> Pool:
    """Create or change a pool; without a ``description`` an earlier one stays."""
    known = connection.execute(select(pool).where(_HERE, pool.c.name == name)).one_or_none()
    values: dict[str, Any] = {"slots": slots}
    if description is not None or known is None:
        values["description"] = description
    if known is None:
        connection.execute(insert(pool), [values | {"namespace": _NAMESPACE, "name": name}])
    else:
        connection.execute(update(pool).where(pool.c.id == known.id).values(values))
    append(connection, "pools_changed", now, actor=actor)
    return get_pool(connection, name)


def delete_pool(connection: Connection, name: str, now: datetime, actor: Actor | None) -> None:
    """Delete a pool; raises :class:`NotFound`. Tasks that hold its slots go on, those that wait for them wait."""
    get_pool(connection, name)
    connection.execute(delete(pool).where(_HERE, pool.c.name == name))
    append(connection, "pools_changed", now, actor=actor)


def dags_with_own_pools(connection: Connection) -> list[Dag]:
    """Return the active DAGs with a task whose pool is not the default one."""
    # specs leave out what is the default, so the word is in the text of those with another pool only
    query = (
        select(dag)
        .join_from(dag, dag_version, dag_version.c.id == dag.c.version_id)
        .where(dag.c.is_active, dag_version.c.spec.contains('"pool":'))
        .order_by(dag.c.dag_id)
    )
    return [to_dag(row) for row in connection.execute(query)]


def _to_pool(row: Row[Any]) -> Pool:
    return Pool(row.name, row.slots, row.description)
