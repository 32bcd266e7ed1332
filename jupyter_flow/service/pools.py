"""Pools: views and commands, and the warnings about tasks whose pool does not exist."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..model.errors import Conflict, InvalidInput
from ..model.ids import check_name
from ..model.records import Actor
from ..model.rows import Pool, PoolUse
from ..model.slots import DEFAULT_POOL
from ..model.spec import DagSpec
from ..storage import pools
from .authorize import authorize
from .commanding import command
from .documents import Document
from .house import House

MOST_SLOTS = 2**31 - 1


def list_pools(house: House, actor: Actor) -> Document:
    """All pools by name, with the slots in use."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        uses = pools.uses(connection)
        return {"pools": [_document(row, uses.get(row.name, PoolUse())) for row in pools.list_pools(connection)]}


def show_pool(house: House, actor: Actor, name: str) -> Document:
    """One pool with the slots in use."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        return _document(pools.get_pool(connection, name), pools.uses(connection).get(name, PoolUse()))


def set_pool(
    house: House, actor: Actor, name: str, slots: int | None = None, description: str | None = None, new: bool = False
) -> Document:
    """Create a pool or change one; what is None stays (``slots`` of a new pool must be given).

    ``slots``: −1 for no bound. ``new``: raises :class:`Conflict` if the pool exists already.
    """
    arguments = {"name": name, "slots": slots}
    with command(house, actor, "pools.set", "edit", arguments=arguments) as (connection, now):
        check_name(name, "pool")
        known = {row.name: row for row in pools.list_pools(connection)}
        if new and name in known:
            raise Conflict(f"pool {name!r} exists already")
        if slots is None and name not in known:
            raise InvalidInput(f"pool {name!r} is new: say how many slots it has")
        wanted = known[name].slots if slots is None else _slots(name, slots)
        pools.set_pool(connection, name, wanted, _description(name, description), now, actor)
    house.effects.look_again()
    return show_pool(house, actor, name)


def change_pool(
    house: House, actor: Actor, name: str, slots: int | None = None, description: str | None = None
) -> Document:
    """Change a pool that exists (:class:`NotFound` otherwise)."""
    with house.reading() as connection:
        pools.get_pool(connection, name)
    return set_pool(house, actor, name, slots, description)


def delete_pool(house: House, actor: Actor, name: str) -> Document:
    """Delete a pool (the default one stays). Tasks that want its slots wait until there is such a pool again."""
    with command(house, actor, "pools.delete", "delete", arguments={"name": name}) as (connection, now):
        if name == DEFAULT_POOL:
            raise Conflict(f"pool {name!r} cannot be deleted: tasks without a pool are in it; change its slots")
        pools.delete_pool(connection, name, now, actor)
    return {}


def import_pools(house: House, actor: Actor, pools_by_name: Any) -> Document:
    """Set all pools of ``{name: {"slots", "description"}}``, or none if one of them is unusable."""
    with command(house, actor, "pools.import", "edit") as (connection, now):
        if not isinstance(pools_by_name, dict):
            raise InvalidInput('pools are a JSON object: {"name": {"slots": 4, "description": "text"}}')
        for name, values in pools_by_name.items():
            check_name(name, "pool")
            if not isinstance(values, dict) or "slots" not in values:
                raise InvalidInput(f'pool {name!r}: write {{"slots": 4, "description": "text"}}')
            if unknown := sorted(set(values) - {"slots", "description", "include_deferred", "name", "pool"}):
                raise InvalidInput(f"pool {name!r} has no field {unknown[0]!r}: there are slots and description")
            description = _description(name, values.get("description"))
            pools.set_pool(connection, name, _slots(name, values["slots"]), description, now, actor)
    house.effects.look_again()
    return list_pools(house, actor)


def pool_warnings(spec: DagSpec, known: Collection[str]) -> list[str]:
    """Return a warning for each pool that tasks of a DAG name and that is not among the ``known`` ones."""
    missing: dict[str, list[str]] = {}
    for task in spec.tasks:
        if task.pool not in known:
            missing.setdefault(task.pool, []).append(task.task_id)
    return [
        f"DAG {spec.dag_id!r}: pool {name!r} of task {tasks[0]!r}"
        + (f" and {len(tasks) - 1} more" if len(tasks) > 1 else "")
        + f" does not exist, so it will wait: `jupyter flow pools set {name!r} SLOTS`"
        for name, tasks in missing.items()
    ]


def _slots(name: str, slots: Any) -> int:
    if type(slots) is not int or not -1 <= slots <= MOST_SLOTS:
        raise InvalidInput(f"pool {name!r}: slots {slots!r} must be a number from 0 on, or -1 for no bound")
    return slots


def _description(name: str, description: Any) -> str | None:
    if description is not None and not isinstance(description, str):
        raise InvalidInput(f"pool {name!r}: the description must be text")
    return description


def _document(row: Pool, use: PoolUse) -> Document:
    occupied = use.running + use.queued
    return {
        "name": row.name,
        "slots": row.slots,
        "description": row.description,
        "running_slots": use.running,
        "queued_slots": use.queued,
        "scheduled_slots": use.scheduled,
        "occupied_slots": occupied,
        "open_slots": None if row.slots < 0 else max(0, row.slots - occupied),
    }
