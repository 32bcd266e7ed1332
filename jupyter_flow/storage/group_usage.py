"""What the active tasks of resource groups hold: counted beside the slots, where there are groups."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ..model.resource_groups import Asked, GroupUse
from ..model.slots import Usage
from ..model.state import TASK_ACTIVE
from .schema import task_instance

_HELD = select(task_instance.c.resource_group, task_instance.c.resources).where(
    task_instance.c.state.in_([str(state) for state in TASK_ACTIVE]), task_instance.c.resource_group != ""
)


def add_group_usage(connection: Connection, used: Usage, host_id: str | None = None) -> None:
    """Count what the groups' active tasks hold (on ``host_id``, if given) into ``used``."""
    query = _HELD if host_id is None else _HELD.where(task_instance.c.held_by == host_id)
    for row in connection.execute(query):
        used.groups.setdefault(row.resource_group, GroupUse()).add(Asked.of(row.resources or {}))
