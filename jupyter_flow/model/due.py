"""When SLAs and deadlines are due: the rules that hold when a run is made and when it is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .instants import from_iso
from .rows import DagRun
from .spec import DagSpec, TaskSpec
from .state import RunType


def sla_due(task: TaskSpec, run: DagRun) -> datetime | None:
    """Return when ``task`` must have succeeded in ``run``: ``sla`` after the end of its data interval.

    None without an SLA, and in runs that the schedule did not make (as in Airflow 2).
    """
    if task.sla is None or run.run_type is not RunType.SCHEDULED or run.data_interval_end is None:
        return None
    return run.data_interval_end + timedelta(seconds=task.sla)


def next_sla(spec: DagSpec, run: DagRun, after: datetime | None = None) -> datetime | None:
    """Return the first instant later than ``after`` at which an SLA of ``run`` is due."""
    found = (due for task in spec.tasks if (due := sla_due(task, run)) is not None)
    return min((due for due in found if after is None or due > after), default=None)


def deadline_due(
    deadline: Mapping[str, Any], run: DagRun, now: datetime, durations: Sequence[float]
) -> datetime | None:
    """Return when a deadline of ``run``, made ``now``, is over; None if it has none.

    ``durations``: seconds of the DAG's last ended runs, newest first.
    """
    reference, interval = deadline["reference"], timedelta(seconds=deadline["interval"])
    kind = reference["kind"]
    if kind == "logical_date":
        return None if run.logical_date is None else run.logical_date + interval
    if kind == "queued_at":
        return run.queued_at + interval
    if kind == "fixed":
        return from_iso(reference["instant"]) + interval
    past = durations[: reference["max_runs"]]
    if len(past) < reference["min_runs"]:
        return None
    return now + timedelta(seconds=sum(past) / len(past)) + interval
