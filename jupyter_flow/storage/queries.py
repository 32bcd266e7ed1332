"""Reads of DAG runs and task instances: one row, lists with keyset paging, counts for decisions."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, or_, select

from ..model.errors import InvalidInput, NotFound
from ..model.instants import from_iso, to_iso
from ..model.rows import DagRun, TaskInstance
from ..model.slots import RunCounts, Usage
from ..model.state import RUN_TERMINAL, TASK_ACTIVE, RunState, RunType, TaskState
from .database import is_shared
from .mapping import to_run, to_task_instance
from .schema import dag, dag_run, pool, task_instance

_OPEN = [str(state) for state in RunState if state not in RUN_TERMINAL]
_ACTIVE = sorted(map(str, TASK_ACTIVE))
_dated = func.coalesce(dag_run.c.logical_date, dag_run.c.run_after)
_NEWER = dag_run.alias("newer")
_BY_RUN = select(task_instance).where(task_instance.c.dag_run_id == bindparam("b_run")).order_by(task_instance.c.id)
_OF_TASK = (
    select(task_instance)
    .where(task_instance.c.dag_run_id == bindparam("b_run"), task_instance.c.task_id == bindparam("b_task"))
    .order_by(task_instance.c.map_index)
)
_BY_ID = select(task_instance).where(task_instance.c.id.in_(bindparam("b_ids", expanding=True)))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_USED_BY = [
    task_instance.c[name] for name in ("dag_run_id", "dag_id", "task_id", "pool", "queue", "is_notebook", "held_by")
]
_USAGE = (
    select(
        *_USED_BY,
        func.count().label("active"),
        func.sum(task_instance.c.pool_slots).label("slots"),
    )
    .where(task_instance.c.state.in_(_ACTIVE))
    .group_by(*_USED_BY)
)


def get_run(connection: Connection, dag_id: str, run_id: str) -> DagRun:
    """Return one DAG run; raises :class:`NotFound`."""
    found = _runs(connection, select(dag_run).where(dag_run.c.dag_id == dag_id, dag_run.c.run_id == run_id))
    if not found:
        raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
    return found[0]


def run_by_id(connection: Connection, dag_run_id: int) -> DagRun:
    """Return the DAG run with that surrogate key; raises :class:`NotFound`."""
    found = _runs(connection, select(dag_run).where(dag_run.c.id == dag_run_id))
    if not found:
        raise NotFound(f"DAG run number {dag_run_id} does not exist")
    return found[0]


def find_idempotent(connection: Connection, dag_id: str, key: str) -> DagRun | None:
    """Return the run that was created under that idempotency key, if any."""
    found = _runs(connection, select(dag_run).where(dag_run.c.dag_id == dag_id, dag_run.c.idempotency_key == key))
    return found[0] if found else None


def list_runs(
    connection: Connection,
    dag_id: str | None = None,
    *,
    limit: int = 50,
    before: str | None = None,
    state: RunState | None = None,
    run_type: RunType | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    logical_since: datetime | None = None,
    logical_until: datetime | None = None,
) -> tuple[list[DagRun], str | None]:
    """Return up to ``limit`` runs, newest ``run_after`` first, and the cursor of the next page (None at the end).

    ``since`` and ``until`` bound ``run_after``, the other two the logical date, or ``run_after`` of runs without one.
    Raises :class:`InvalidInput` for a cursor that is not of this function.
    """
    values: dict[str, Any] = {"b_limit": limit + 1, "b_dag_id": dag_id, "b_state": state and str(state)}
    values |= {"b_type": run_type and str(run_type), "b_since": since, "b_until": until}
    values |= {"b_logical_since": logical_since, "b_logical_until": logical_until}
    if before is not None:
        values["b_after"], values["b_id"] = read_run_cursor(before)
    values = {name: value for name, value in values.items() if value is not None}
    query = _page(frozenset(values))
    found = [to_run(row) for row in connection.execute(query, values)]
    return found[:limit], run_cursor(found[limit - 1]) if len(found) > limit else None


@lru_cache
def _page(given: frozenset[str]) -> Select[Any]:
    query = select(dag_run).order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc()).limit(bindparam("b_limit"))
    if "b_dag_id" in given:
        query = query.where(dag_run.c.dag_id == bindparam("b_dag_id"))
    if "b_state" in given:
        query = query.where(dag_run.c.state == bindparam("b_state"))
    if "b_type" in given:
        query = query.where(dag_run.c.run_type == bindparam("b_type"))
    if "b_since" in given:
        query = query.where(dag_run.c.run_after >= bindparam("b_since"))
    if "b_until" in given:
        query = query.where(dag_run.c.run_after <= bindparam("b_until"))
    if "b_logical_since" in given:
        query = query.where(_dated >= bindparam("b_logical_since"))
    if "b_logical_until" in given:
        query = query.where(_dated <= bindparam("b_logical_until"))
    if "b_after" in given:
        after: BindParameter[datetime] = bindparam("b_after")
        earlier = or_(dag_run.c.run_after < after, dag_run.c.id < bindparam("b_id"))
        query = query.where(dag_run.c.run_after <= after, earlier)  # the bound lets the index begin there
    return query


def recent_runs(connection: Connection, dag_ids: Collection[str], count: int = 12) -> dict[str, list[DagRun]]:
    """Return the last ``count`` runs of each DAG, newest last; every asked DAG has an entry."""
    result: dict[str, list[DagRun]] = {dag_id: [] for dag_id in dag_ids}
    newest = (  # by index, so that a long history costs nothing
        select(_NEWER.c.id)
        .where(_NEWER.c.dag_id == dag.c.dag_id)
        .order_by(_NEWER.c.run_after.desc(), _NEWER.c.id.desc())
        .limit(count)
        .correlate(dag)
    )
    query = (
        select(dag_run)
        .join_from(dag, dag_run, dag_run.c.id.in_(newest))
        .where(dag.c.dag_id.in_(list(dag_ids)))
        .order_by(dag_run.c.run_after, dag_run.c.id)
    )
    for row in connection.execute(query):
        result[row.dag_id].append(to_run(row))
    return result


def open_runs(connection: Connection, host_id: str | None = None) -> list[DagRun]:
    """Return all unfinished runs, oldest ``run_after`` first. ``host_id``: queued ones, and those that it holds."""
    query = select(dag_run).where(dag_run.c.state.in_(_OPEN)).order_by(dag_run.c.run_after, dag_run.c.id)
    if host_id is not None:
        query = query.where(or_(dag_run.c.held_by == host_id, dag_run.c.state == str(RunState.QUEUED)))
    return _runs(connection, query)


def queued_runs(connection: Connection, dag_id: str) -> list[DagRun]:
    """Return the runs of a DAG that wait for their start, oldest ``run_after`` first."""
    query = select(dag_run).where(dag_run.c.dag_id == dag_id, dag_run.c.state == str(RunState.QUEUED))
    query = query.where(dag_run.c.cancel_requested_at.is_(None))
    return _runs(connection, query.order_by(dag_run.c.run_after, dag_run.c.id))


def overdue_runs(connection: Connection, now: datetime) -> list[DagRun]:
    """Return unfinished runs whose ``check_at`` has passed: look at them in full, then say :func:`..edits.checked`."""
    return _runs(connection, select(dag_run).where(dag_run.c.state.in_(_OPEN), dag_run.c.check_at <= now))


def run_counts(connection: Connection, *, backfills: bool = True) -> dict[str, RunCounts]:
    """Return the number of queued and running runs of each DAG that has any; without ``backfills`` only of others."""
    query = (
        select(dag_run.c.dag_id, dag_run.c.state, func.count().label("count"))
        .where(dag_run.c.state.in_(_OPEN))
        .group_by(dag_run.c.dag_id, dag_run.c.state)
    )
    if not backfills:
        query = query.where(dag_run.c.backfill_id.is_(None))
    counts: dict[str, dict[str, int]] = {}
    for row in connection.execute(query):
        counts.setdefault(row.dag_id, {})[row.state] = row[2]
    return {
        dag_id: RunCounts(by_state.get(RunState.QUEUED, 0), by_state.get(RunState.RUNNING, 0))
        for dag_id, by_state in counts.items()
    }


def running_count(connection: Connection, dag_id: str, backfill_id: int | None = None) -> int:
    """Return how many runs of a DAG are running, on all hosts: those of one backfill, or those of none."""
    query = select(func.count()).where(
        dag_run.c.dag_id == dag_id,
        dag_run.c.state == str(RunState.RUNNING),
        dag_run.c.backfill_id.is_(None) if backfill_id is None else dag_run.c.backfill_id == backfill_id,
    )
    count: int = connection.execute(query).scalar_one()
    return count


def prior_success(connection: Connection, dag_id: str, before: datetime) -> DagRun | None:
    """Return the last successful run with a logical date before that instant."""
    return previous_run(connection, dag_id, before, RunState.SUCCESS)


def previous_run(connection: Connection, dag_id: str, before: datetime, state: str | None = None) -> DagRun | None:
    """Return the last run (in ``state``, if given) with a logical date before that instant."""
    query = select(dag_run).where(dag_run.c.dag_id == dag_id, dag_run.c.logical_date < before)
    if state is not None:
        query = query.where(dag_run.c.state == str(state))
    found = _runs(connection, query.order_by(dag_run.c.logical_date.desc()).limit(1))
    return found[0] if found else None


def task_rows(
    connection: Connection, dag_run_id: int | None = None, *, ids: Sequence[int] = (), lock: bool = False
) -> Sequence[Row[Any]]:
    """Return raw rows of task instances, of a run or by ``ids``; for files of this room only."""
    if dag_run_id is not None:
        return connection.execute(_BY_RUN, {"b_run": dag_run_id}).all()
    return connection.execute(_BY_ID_LOCKED if lock else _BY_ID, {"b_ids": list(ids)}).all()


def instances_of(connection: Connection, dag_run_id: int, task_id: str) -> Sequence[Row[Any]]:
    """Return the raw rows of all instances of one task, by map index; for files of this room only."""
    return connection.execute(_OF_TASK, {"b_run": dag_run_id, "b_task": task_id}).all()


def task_instances(connection: Connection, dag_run_id: int) -> list[TaskInstance]:
    """Return all task instances of a run, in the order of their creation (topological)."""
    return [to_task_instance(row) for row in task_rows(connection, dag_run_id)]


def task_instances_by_id(connection: Connection, ids: Iterable[int]) -> list[TaskInstance]:
    """Return the task instances with these surrogate keys."""
    return [to_task_instance(row) for row in task_rows(connection, ids=list(ids))]


def get_task_instance(
    connection: Connection, dag_id: str, run_id: str, task_id: str, map_index: int = -1
) -> TaskInstance:
    """Return one task instance; raises :class:`NotFound` naming what is missing."""
    run = get_run(connection, dag_id, run_id)
    query = select(task_instance).where(
        task_instance.c.dag_run_id == run.id,
        task_instance.c.task_id == task_id,
        task_instance.c.map_index == map_index,
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        index = "" if map_index == -1 else f" with map index {map_index}"
        raise NotFound(f"run {run_id!r} of DAG {dag_id!r} has no task {task_id!r}{index}")
    return to_task_instance(row)


def usage(connection: Connection, host_id: str | None = None) -> Usage:
    """Return the slots in use now. ``host_id``: what counts per host (parallelism, queues) is counted for this one."""
    used = Usage()
    rows: Iterable[Any] = connection.execute(_USAGE)
    for run, dag_id, task_id, pool_name, queue, is_notebook, held_by, active, slots in rows:
        here = host_id is None or held_by == host_id
        used.add(
            run, pool_name, int(slots), is_notebook, active, dag_id=dag_id, task_id=task_id, queue=queue, is_here=here
        )
    return used


def activity(connection: Connection) -> tuple[int, int]:
    """Return how many task instances are running, and how many wait for a slot or their start."""
    states = [TaskState.RUNNING, TaskState.QUEUED, TaskState.SCHEDULED]
    query = (
        select(task_instance.c.state, func.count())
        .where(task_instance.c.state.in_([str(state) for state in states]))
        .group_by(task_instance.c.state)
    )
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    return counts.get(TaskState.RUNNING, 0), counts.get(TaskState.QUEUED, 0) + counts.get(TaskState.SCHEDULED, 0)


def pools(connection: Connection) -> dict[str, int]:
    """Return the slots of each pool."""
    return {row[0]: row[1] for row in connection.execute(_POOLS)}


_POOLS = select(pool.c.name, pool.c.slots)


def lock_pools(connection: Connection) -> None:
    """Let claims of several hosts take turns: counts of slots must not change between count and claim."""
    if is_shared(connection):  # else this transaction holds the whole database
        connection.execute(_LOCK_POOLS)


_LOCK_POOLS = select(pool.c.id).order_by(pool.c.id).with_for_update()


def _runs(connection: Connection, query: Select[Any]) -> list[DagRun]:
    return [to_run(row) for row in connection.execute(query)]


def run_cursor(run: DagRun) -> str:
    """Return the cursor of the page after ``run``."""
    return urlsafe_b64encode(json.dumps([to_iso(run.run_after), run.id]).encode()).decode()


def read_run_cursor(text: str) -> tuple[datetime, int]:
    """Return what :func:`run_cursor` wrote: ``run_after`` and surrogate key; raises :class:`InvalidInput`."""
    try:
        run_after, key = json.loads(urlsafe_b64decode(text.encode()))
        return from_iso(run_after), int(key)
    except (binascii.Error, ValueError, TypeError, InvalidInput):
        raise InvalidInput(f"{text!r} is not a page cursor: use the 'next' of an earlier answer") from None
