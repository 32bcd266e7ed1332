"""How long runs take, what is usual, and which of them were not."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..model.errors import NotFound
from ..model.instants import iso_or_none
from ..model.records import Actor
from ..model.rows import DagRun
from ..model.state import RunState, RunType, TaskState
from ..storage import dags, trends
from .authorize import authorize
from .documents import Document
from .grid import CODES, LOUDEST
from .house import House
from .page_limit import check_limit

MOST_RUNS = 500
FEW = 4
"""So many successes tell what is usual."""
FAR = 1.5
"""A duration is an outlier that lies so many times the width of the usual band beside it."""
NARROWEST = 0.2
"""The band counts as this share of the median at least: what differs by less is nothing unusual."""


def dag_durations(house: House, actor: Actor, dag_id: str, limit: int = 60, task_id: str | None = None) -> Document:
    """How long the last ``limit`` ended runs of a DAG took, newest first, or ``task_id`` in them.

    ``low`` to ``high`` is the middle half of the successes, ``usual_landing`` the median of the seconds from when
    a scheduled run was due to its end.
    """
    authorize(house.policy, actor, "read", dag_id)
    check_limit(limit, MOST_RUNS)
    with house.reading() as connection:
        spec = dags.load_spec(dags.latest_version(connection, dag_id))
        if task_id is not None and all(task.task_id != task_id for task in spec.tasks):
            raise NotFound(f"DAG {dag_id!r} has no task {task_id!r}")
        runs = trends.last_ended(connection, dag_id, limit)
        spans = {} if task_id is None else trends.task_spans(connection, [run.id for run in runs], task_id)
    shown = []
    for run in runs:
        if task_id is None:
            shown.append(_item(run, str(run.state), run.start_date, run.end_date))
        elif (span := spans.get(run.id)) is not None:
            state = min(span.states, key=lambda name: LOUDEST.find(CODES[name]))
            shown.append(_item(run, state, span.start, span.end))
    good = [item["duration"] for item in shown if item["state"] == str(RunState.SUCCESS)]
    low, high = _middle(good)
    median = statistics.median(good) if good else None
    for item in shown:
        item["is_outlier"] = _is_outlier(item["duration"], low, high, median)
    landings = [
        item["landing"] for item in shown if item["state"] == str(RunState.SUCCESS) and item["landing"] is not None
    ]
    counted = [item for item in shown if item["state"] not in (TaskState.SKIPPED, TaskState.REMOVED)]
    return {
        "dag_id": dag_id,
        "task_id": task_id,
        "runs": shown,
        "median": median,
        "low": low,
        "high": high,
        "success_rate": len(good) / len(counted) if counted else None,
        "usual_landing": statistics.median(landings) if landings else None,
    }


def _item(run: DagRun, state: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    if start is None or end is None:
        raise ValueError(f"run {run.run_id} has not ended")
    return {
        "run_id": run.run_id,
        "state": state,
        "at": iso_or_none(run.logical_date or run.run_after),
        "duration": max(0.0, (end - start).total_seconds()),
        "landing": max(0.0, (end - run.run_after).total_seconds()) if run.run_type is RunType.SCHEDULED else None,
    }


def _middle(values: Sequence[float]) -> tuple[float | None, float | None]:
    if len(values) < FEW:
        return None, None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def _is_outlier(value: float, low: float | None, high: float | None, median: float | None) -> bool:
    if low is None or high is None or median is None:
        return False
    room = FAR * max(high - low, NARROWEST * median)
    return not low - room <= value <= high + room
