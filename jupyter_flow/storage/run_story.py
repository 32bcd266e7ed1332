"""Reads for the page of a run: its events, its earlier attempts, the runs around it."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from ..model.reason import Reason
from ..model.rows import Attempt, DagRun, Event, TaskInstance
from ..model.state import TaskState
from .mapping import to_attempt, to_event, to_run
from .schema import attempt, dag_run, event, task_instance


def run_page(
    connection: Connection, dag_run_id: int, task_id: str | None, map_index: int | None, after: int, limit: int
) -> list[Event]:
    """Return up to ``limit`` events of one DAG run (of one task, one map index) with ``seq > after``, in order."""
    query = select(event).where(event.c.dag_run_id == dag_run_id, event.c.seq > after)
    if task_id is not None:
        query = query.where(event.c.task_id == task_id)
    if map_index is not None:
        query = query.where(event.c.map_index == map_index)
    return [to_event(row) for row in connection.execute(query.order_by(event.c.seq).limit(limit))]


def earlier(connection: Connection, dag_run_id: int, limit: int) -> list[tuple[tuple[str, int], Attempt]]:
    """Return up to ``limit`` attempts of a run that are not the latest of their task, with task id and map index."""
    query = (
        select(attempt, task_instance.c.task_id.label("of_task"), task_instance.c.map_index.label("of_index"))
        .join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
        .where(task_instance.c.dag_run_id == dag_run_id, attempt.c.attempt_number < task_instance.c.attempt_count)
        .order_by(attempt.c.task_instance_id, attempt.c.attempt_number)
        .limit(limit)
    )
    return [((row.of_task, row.of_index), to_attempt(row)) for row in connection.execute(query)]


def why_again(connection: Connection, task: TaskInstance) -> Reason | None:
    """Return why a task instance was sent back to its start the last time; None if it never was."""
    query = (
        select(event)
        .where(
            event.c.dag_run_id == task.dag_run_id,
            event.c.task_id == task.task_id,
            event.c.map_index == task.map_index,
            event.c.kind == "task_state",
            event.c.state_to == str(TaskState.WAITING),
            event.c.state_from.is_not(None),
        )
        .order_by(event.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else to_event(row).reason


def last_success(
    connection: Connection, dag_id: str, task_id: str, map_index: int, other_than: int
) -> tuple[str, Attempt] | None:
    """Return run id and latest attempt of a task instance that succeeded last, in another run than ``other_than``."""
    query = (
        select(attempt, task_instance.c.run_id.label("of_run"))
        .join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
        .join(dag_run, dag_run.c.id == task_instance.c.dag_run_id)
        .where(
            task_instance.c.dag_id == dag_id,
            dag_run.c.dag_id == dag_id,
            task_instance.c.task_id == task_id,
            task_instance.c.map_index == map_index,
            task_instance.c.state == str(TaskState.SUCCESS),
            task_instance.c.dag_run_id != other_than,
            attempt.c.attempt_number == task_instance.c.attempt_count,
        )
        .order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.of_run, to_attempt(row))


def runs_around(connection: Connection, run: DagRun, *, past: bool, future: bool, limit: int) -> list[DagRun]:
    """Return ``run`` with the runs of its DAG that have an earlier (``past``) or later logical date, oldest first."""
    if run.logical_date is None:
        return [run]
    meant = [dag_run.c.id == run.id]
    if past:
        meant.append(dag_run.c.logical_date < run.logical_date)
    if future:
        meant.append(dag_run.c.logical_date > run.logical_date)
    query = select(dag_run).where(dag_run.c.dag_id == run.dag_id, or_(*meant))
    return [to_run(row) for row in connection.execute(query.order_by(dag_run.c.logical_date).limit(limit))]
