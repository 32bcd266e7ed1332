"""Runs that tasks of other runs have asked for: who asked, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select, update

from ..model.rows import DagRun, ParentTask, TaskInstance
from .mapping import to_run
from .schema import dag_run, task_instance


def find_run(
    connection: Connection, dag_id: str, *, run_id: str | None = None, logical_date: datetime | None = None
) -> DagRun | None:
    """Return the run of a DAG with that id, else the one with that logical date, else None."""
    for column, value in ((dag_run.c.run_id, run_id), (dag_run.c.logical_date, logical_date)):
        if value is None:
            continue
        row = connection.execute(select(dag_run).where(dag_run.c.dag_id == dag_id, column == value)).one_or_none()
        if row is not None:
            return to_run(row)
    return None


def parents(connection: Connection, runs: Collection[DagRun]) -> dict[int, ParentTask]:
    """Return surrogate key of a run -> who asked for it, for those of ``runs`` that a task asked for."""
    wanted = {run.id: run for run in runs if run.parent_run_id is not None}
    if not wanted:
        return {}
    above = dag_run.alias()
    query = (
        select(
            dag_run.c.id,
            above.c.dag_id,
            above.c.run_id,
            task_instance.c.task_id,
            task_instance.c.map_index,
        )
        .join(above, above.c.id == dag_run.c.parent_run_id)
        .outerjoin(
            task_instance,
            (task_instance.c.id == dag_run.c.parent_task_instance_id) & (task_instance.c.dag_run_id == above.c.id),
        )
        .where(dag_run.c.id.in_(wanted))
    )
    return {
        row[0]: ParentTask(row[1], row[2], row[3], -1 if row[4] is None else row[4])
        for row in connection.execute(query)
    }


def children(connection: Connection, dag_run_id: int) -> dict[int, list[DagRun]]:
    """Return surrogate key of a task instance of a run -> the runs that it asked for, oldest first."""
    found: dict[int, list[DagRun]] = {}
    for row in connection.execute(select(dag_run).where(dag_run.c.parent_run_id == dag_run_id).order_by(dag_run.c.id)):
        if row.parent_task_instance_id is not None:
            found.setdefault(row.parent_task_instance_id, []).append(to_run(row))
    return found


def adopt_run(connection: Connection, dag_run_id: int, parent: TaskInstance) -> None:
    """Write that a run that existed before is now run again for ``parent`` in its current try."""
    values = {
        "parent_run_id": parent.dag_run_id,
        "parent_task_instance_id": parent.id,
        "parent_try_number": parent.try_number,
    }
    connection.execute(update(dag_run).where(dag_run.c.id == dag_run_id).values(values))
