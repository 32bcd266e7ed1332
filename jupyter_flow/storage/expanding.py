"""From the one row of a mapped task to its instances. States change by ``runs`` only; INSERT sets the first one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, update

from ..model.changes import ExpandChange, TaskChange
from ..model.errors import Conflict
from ..model.reason import Reason
from ..model.rows import TaskInstance
from ..model.state import TaskState
from .events import RunEvent, append_run_events
from .mapping import to_task_instance
from .queries import instances_of, task_rows
from .runs import SCHEDULER, transition_many
from .schema import task_instance
from .types import NEVER

_NUMBER_FIRST = (
    update(task_instance)
    .where(task_instance.c.id == bindparam("b_id"), task_instance.c.row_version == bindparam("b_row_version"))
    .values(row_version=task_instance.c.row_version + 1, map_index=0)
)
_INSERT_TASKS = insert(task_instance)


def expand(connection: Connection, changes: Sequence[ExpandChange], now: datetime) -> list[TaskInstance]:
    """Give mapped tasks their instances; returns those that are new or have got their map index, all ``waiting``.

    Instances that were removed when the task had fewer come back. Raises :class:`Conflict` if a row was changed
    meanwhile; the caller's transaction must then be rolled back.
    """
    guards = {row.id: row for row in task_rows(connection, ids=[change.id for change in changes], lock=True)}
    found: list[TaskInstance] = []
    for change in changes:
        guard = guards.get(change.id)
        if guard is None or guard.row_version != change.row_version:
            raise Conflict(f"task instance {change.task_id!r} was changed meanwhile: look again")
        found += _expand_one(connection, change, guard, now)
    return found


def _expand_one(connection: Connection, change: ExpandChange, guard: Row[Any], now: datetime) -> list[TaskInstance]:
    reason = Reason("expanded", {"length": change.length})
    known = {row.map_index: to_task_instance(row) for row in instances_of(connection, guard.dag_run_id, guard.task_id)}
    born: list[TaskInstance] = []
    moves: list[TaskChange] = []
    if guard.map_index == -1 and 0 not in known:
        numbered = {"b_id": guard.id, "b_row_version": guard.row_version}
        if connection.execute(_NUMBER_FIRST, numbered).rowcount != 1:
            raise Conflict(f"task instance {change.task_id!r} was changed meanwhile: look again")
        born.append(replace(to_task_instance(guard), map_index=0, row_version=guard.row_version + 1))
    elif guard.map_index == -1:  # it was mapped before, under another version of the DAG
        moves.append(_move(to_task_instance(guard), TaskState.REMOVED, reason))
    for index in range(change.length):
        if index in known and known[index].state is TaskState.REMOVED:
            moves.append(_move(known[index], TaskState.WAITING, reason, change.max_tries))
    missing = {index for index in range(len(born), change.length) if index not in known}
    if missing:
        connection.execute(_INSERT_TASKS, [_beside(guard, index, change.max_tries) for index in sorted(missing)])
        rows = instances_of(connection, guard.dag_run_id, guard.task_id)
        born += [to_task_instance(row) for row in rows if row.map_index in missing]
    append_run_events(connection, [_born(row, reason) for row in born], now, None)
    return born + transition_many(connection, moves, now).tasks


def _move(row: TaskInstance, state: TaskState, reason: Reason, tries: int = 0) -> TaskChange:
    max_tries = row.try_number + tries if tries else None
    return TaskChange(
        row.id, row.task_id, row.map_index, state, reason, row_version=row.row_version, max_tries=max_tries
    )


def _beside(guard: Row[Any], map_index: int, max_tries: int) -> dict[str, Any]:
    """Return the row of another instance of the mapped task of ``guard``."""
    same = ("dag_run_id", "dag_id", "run_id", "task_id", "operator", "is_notebook")
    slots = ("pool", "pool_slots", "priority_weight", "queue", "resource_group", "resources")
    return {name: getattr(guard, name) for name in (*same, *slots)} | {
        "map_index": map_index,
        "state": str(TaskState.WAITING),
        "row_version": 1,
        "held_by": SCHEDULER,
        "check_at": NEVER,
        "try_number": 0,
        "max_tries": max_tries,
        "same_try": False,
        "attempt_count": 0,
        "infra_losses": 0,
    }


def _born(row: TaskInstance, reason: Reason) -> RunEvent:
    return RunEvent(
        row.dag_run_id, "task_state", row.dag_id, row.run_id, None, str(row.state), row.task_id, row.map_index, reason
    )
