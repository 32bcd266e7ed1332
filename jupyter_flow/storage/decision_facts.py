"""What deciding a run asks besides the rows of the run itself: lengths of XComs, states in the run before."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select, tuple_

from ..model.rows import DagRun
from ..model.state import RunType, TaskState
from .mapping import to_run
from .schema import dag_run, task_instance, xcom


def xcom_lengths(
    connection: Connection, dag_run_id: int, pairs: Iterable[tuple[str, str]]
) -> list[tuple[str, int, str, int | None]]:
    """Return ``(task_id, map_index, key, length)`` of what was pushed under ``(task_id, key)`` pairs."""
    wanted = sorted(pairs)
    if not wanted:
        return []
    query = select(xcom.c.task_id, xcom.c.map_index, xcom.c.key, xcom.c.length)
    query = query.where(xcom.c.dag_run_id == dag_run_id, tuple_(xcom.c.task_id, xcom.c.key).in_(wanted))
    return [(row.task_id, row.map_index, row.key, row.length) for row in connection.execute(query)]


def run_before(connection: Connection, run: DagRun, catchup: bool) -> DagRun | None:
    """Return the run of the same DAG with the next earlier logical date; with ``catchup`` manual runs do not count.

    None for a run without a date, and for the first of a backfill.
    """
    if run.logical_date is None:
        return None
    earlier = select(dag_run).where(dag_run.c.dag_id == run.dag_id, dag_run.c.logical_date < run.logical_date)
    latest = earlier.order_by(dag_run.c.logical_date.desc()).limit(1)
    same_backfill = latest.where(dag_run.c.backfill_id == run.backfill_id)
    if run.backfill_id is not None and connection.execute(same_backfill).one_or_none() is None:
        return None
    if catchup:
        latest = latest.where(dag_run.c.run_type != str(RunType.MANUAL))
    row = connection.execute(latest).one_or_none()
    return None if row is None else to_run(row)


def task_states(connection: Connection, dag_run_id: int, task_ids: Collection[str]) -> dict[str, tuple[TaskState, ...]]:
    """Return the states of the task instances of some tasks of a run, removed ones left out."""
    query = select(task_instance.c.task_id, task_instance.c.state).where(
        task_instance.c.dag_run_id == dag_run_id,
        task_instance.c.task_id.in_(list(task_ids)),
        task_instance.c.state != str(TaskState.REMOVED),
    )
    found: dict[str, tuple[TaskState, ...]] = {}
    for row in connection.execute(query.order_by(task_instance.c.task_id, task_instance.c.map_index)):
        found[row.task_id] = (*found.get(row.task_id, ()), TaskState(row.state))
    return found


def known_before(connection: Connection, run: DagRun, task_ids: Iterable[str]) -> frozenset[str]:
    """Return those of ``task_ids`` that some run with an earlier logical date has."""
    found: set[str] = set()
    for task_id in task_ids:
        query = (
            select(task_instance.c.id)
            .join(dag_run, dag_run.c.id == task_instance.c.dag_run_id)
            .where(dag_run.c.dag_id == run.dag_id, dag_run.c.logical_date < run.logical_date)
            .where(task_instance.c.task_id == task_id)
            .limit(1)
        )
        if connection.execute(query).one_or_none() is not None:
            found.add(task_id)
    return frozenset(found)
