"""How long the last runs of a DAG took, and one task in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from ..model.rows import DagRun
from ..model.state import RUN_TERMINAL, TASK_TERMINAL
from .mapping import to_run
from .schema import dag_run, task_instance

_ENDED_RUNS = sorted(map(str, RUN_TERMINAL))
_ENDED_TASKS = {str(state) for state in TASK_TERMINAL}


@dataclass(frozen=True)
class TaskSpan:
    """From the first start to the last end of the instances that a run has of a task, and the states that they have."""

    start: datetime
    end: datetime
    states: frozenset[str]


def last_ended(connection: Connection, dag_id: str, limit: int) -> list[DagRun]:
    """Return the last ``limit`` runs of a DAG that have begun and ended, newest first."""
    query = (
        select(dag_run)
        .where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.state.in_(_ENDED_RUNS),
            dag_run.c.start_date.is_not(None),
            dag_run.c.end_date.is_not(None),
        )
        .order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc())
        .limit(limit)
    )
    return [to_run(row) for row in connection.execute(query)]


def task_spans(connection: Connection, dag_run_ids: Sequence[int], task_id: str) -> dict[int, TaskSpan]:
    """Return when a task began and ended in each of these runs, where all that began of it has ended."""
    query = (
        select(
            task_instance.c.dag_run_id,
            task_instance.c.state,
            func.min(task_instance.c.start_date, type_=task_instance.c.start_date.type),
            func.max(task_instance.c.end_date, type_=task_instance.c.end_date.type),
        )
        .where(
            task_instance.c.dag_run_id.in_(list(dag_run_ids)),
            task_instance.c.task_id == task_id,
            task_instance.c.start_date.is_not(None),
        )
        .group_by(task_instance.c.dag_run_id, task_instance.c.state)
    )
    found: dict[int, TaskSpan] = {}
    open_runs: set[int] = set()
    for key, state, start, end in connection.execute(query):
        if state not in _ENDED_TASKS or end is None:
            open_runs.add(key)
            continue
        known = found.get(key, TaskSpan(start, end, frozenset()))
        found[key] = TaskSpan(min(known.start, start), max(known.end, end), known.states | {state})
    return {key: span for key, span in found.items() if key not in open_runs}
