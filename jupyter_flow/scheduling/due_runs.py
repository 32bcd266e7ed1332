"""Due runs: which DAG runs to create now, when the next one is due, and which queued ones may start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model.changes import RunChange, RunInfo
from ..model.reason import Reason
from ..model.rows import Dag, DagRun
from ..model.slots import RunCounts
from ..model.state import RunState
from .timetable import Timetable

QUEUED_AHEAD = 4
"""How many scheduled runs over ``max_active_runs`` are created ``queued``; the rest stays due."""


@dataclass(frozen=True)
class DueRuns:
    """Runs to create now (oldest first), and the next one to write to the DAG's row (None: there is none)."""

    new: list[RunInfo]
    next: RunInfo | None


@dataclass(frozen=True)
class StartRuns:
    """Queued runs that start now, and why the others wait."""

    start: list[RunChange]
    waiting: list[tuple[DagRun, Reason]]


def next_for(dag: Dag, last_logical: datetime | None, now: datetime) -> RunInfo | None:
    """Return the next scheduled run of ``dag`` after the one of ``last_logical``, due or not."""
    timetable = Timetable(dag.schedule, dag.timezone)
    return timetable.next_run(last_logical, now, dag.start_date, dag.end_date, dag.catchup)


def due_runs(dag: Dag, counts: RunCounts, last_logical: datetime | None, now: datetime) -> DueRuns:
    """Return the runs of an unpaused ``dag`` that are due at ``now``.

    ``last_logical`` is the logical date of its last scheduled run. No more than ``max_active_runs`` +
    :data:`QUEUED_AHEAD` unfinished runs come into being.
    """
    room = dag.max_active_runs + QUEUED_AHEAD - counts.queued - counts.running
    new: list[RunInfo] = []
    following = next_for(dag, last_logical, now)
    while following is not None and following.run_after <= now and len(new) < room:
        new.append(following)
        following = next_for(dag, following.logical_date, now)
    return DueRuns(new, following)


def runs_to_start(
    dag: Dag,
    queued: Sequence[DagRun],
    running: int,
    now: datetime,
    ignore_pause: Collection[int] = frozenset(),
) -> StartRuns:
    """Decide which of the ``queued`` runs of ``dag`` (all of them) start, oldest ``run_after`` first.

    ``running``: how many of its runs are running. ``ignore_pause``: surrogate keys of runs that start although
    the DAG is paused. Runs with a cancel request are left to :mod:`.decide`.
    """
    result = StartRuns([], [])
    for run in sorted(queued, key=lambda run: (run.run_after, run.id)):
        if run.cancel_requested_at is not None or run.run_after > now:
            continue
        if dag.is_paused and run.id not in ignore_pause:
            result.waiting.append((run, Reason("dag_paused")))
        elif running >= dag.max_active_runs:
            reason = Reason("max_active_runs", {"active": running, "limit": dag.max_active_runs})
            result.waiting.append((run, reason))
        else:
            running += 1
            result.start.append(RunChange(run.id, RunState.RUNNING, None, run.row_version))
    return result
