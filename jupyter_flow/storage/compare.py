"""Reads for runs side by side: what each task took and left, and in which environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from ..model.rows import DagRun
from ..model.state import RunState
from .mapping import to_run
from .schema import attempt, dag_run, task_instance


@dataclass(frozen=True)
class ComparedTask:
    """A task instance with what its latest attempt recorded; the last seven are None before there is one."""

    dag_run_id: int
    task_id: str
    map_index: int
    state: str
    start_date: datetime | None
    end_date: datetime | None
    kernelspec: str | None
    interpreter: str | None
    packages_hash: str | None
    source_sha256: str | None
    peak_rss: int | None
    notebook_path: str | None
    metrics: Sequence[Mapping[str, Any]] | None


def compared_tasks(connection: Connection, dag_run_ids: Sequence[int]) -> list[ComparedTask]:
    """Return the task instances of these runs."""
    latest = and_(
        attempt.c.task_instance_id == task_instance.c.id, attempt.c.attempt_number == task_instance.c.attempt_count
    )
    instance = ("dag_run_id", "task_id", "map_index", "state", "start_date", "end_date")
    left = ("kernelspec", "interpreter", "packages_hash", "source_sha256", "peak_rss", "notebook_path", "metrics")
    columns = [*(task_instance.c[name] for name in instance), *(attempt.c[name] for name in left)]
    query = (
        select(*columns)
        .select_from(task_instance.outerjoin(attempt, latest))
        .where(task_instance.c.dag_run_id.in_(list(dag_run_ids)))
        .order_by(task_instance.c.dag_run_id, task_instance.c.id)
    )
    return [ComparedTask(*row) for row in connection.execute(query)]


def success_before(connection: Connection, run: DagRun) -> DagRun | None:
    """Return the last run before ``run`` that succeeded; of those after it the first, if none did before."""
    query = select(dag_run).where(
        dag_run.c.dag_id == run.dag_id, dag_run.c.state == str(RunState.SUCCESS), dag_run.c.id != run.id
    )
    at, key = dag_run.c.run_after, dag_run.c.id
    before = or_(at < run.run_after, and_(at == run.run_after, key < run.id))
    found = connection.execute(query.where(before).order_by(at.desc(), key.desc()).limit(1)).one_or_none()
    if found is None:
        found = connection.execute(query.order_by(at, key).limit(1)).one_or_none()
    return None if found is None else to_run(found)
