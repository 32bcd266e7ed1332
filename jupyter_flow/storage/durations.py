"""How long tasks took and how often they were mapped: the past as the simulation sees it."""

from __future__ import annotations

import statistics
from collections import defaultdict

from sqlalchemy import Connection, Select, func, select

from ..model.state import TaskState
from .schema import dag_run, task_instance

RUNS = 50
"""Past runs of a DAG that are looked at."""


def typical_durations(connection: Connection, dag_id: str) -> dict[str, float]:
    """Return task id -> median seconds from start to end of its successes in the last :data:`RUNS` runs."""
    query = select(task_instance.c.task_id, task_instance.c.start_date, task_instance.c.end_date).where(
        task_instance.c.dag_run_id.in_(_newest(dag_id)),
        task_instance.c.state == str(TaskState.SUCCESS),
        task_instance.c.start_date.is_not(None),
        task_instance.c.end_date.is_not(None),
    )
    found: dict[str, list[float]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.task_id].append((row.end_date - row.start_date).total_seconds())
    return {task_id: statistics.median(seconds) for task_id, seconds in found.items()}


def typical_lengths(connection: Connection, dag_id: str) -> dict[str, int]:
    """Return task id -> median number of instances of its mapped tasks in the last :data:`RUNS` runs."""
    query = (
        select(task_instance.c.task_id, func.count().label("count"))
        .where(task_instance.c.dag_run_id.in_(_newest(dag_id)), task_instance.c.map_index >= 0)
        .group_by(task_instance.c.dag_run_id, task_instance.c.task_id)
    )
    found: dict[str, list[int]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.task_id].append(row[1])
    return {task_id: statistics.median_high(counts) for task_id, counts in found.items()}


def _newest(dag_id: str) -> Select[tuple[int]]:
    return (
        select(dag_run.c.id)
        .where(dag_run.c.dag_id == dag_id)
        .order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc())
        .limit(RUNS)
    )
