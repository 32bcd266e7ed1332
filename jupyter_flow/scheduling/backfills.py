"""Backfills: which dates one covers, which of them get a run, and which of its runs may start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from ..model.changes import RunChange, RunInfo
from ..model.instants import to_iso
from ..model.reason import Reason
from ..model.rows import Backfill, Dag, DagRun
from ..model.spec import DagSpec
from ..model.state import RUN_TERMINAL, RunState, RunType
from ..model.timetable import Timetable
from .due_runs import StartRuns

REPROCESS = ("none", "failed", "completed")
MOST_DATES = 10_000
"""Dates that one backfill may cover."""
ALREADY_EXISTS = "already exists"
IN_FLIGHT = "in flight"

_MOMENT = timedelta(microseconds=1)
_PERIODIC = frozenset({"cron", "delta", "events"})
_CHUNK = 500


def refusal(
    spec: DagSpec, from_date: datetime, to_date: datetime, reprocess: str, run_backwards: bool, now: datetime
) -> str | None:
    """Return why this backfill cannot be (one sentence), None if it can."""
    where = f"DAG {spec.dag_id!r}"
    if from_date > to_date:
        return f"from_date {to_iso(from_date)} is after to_date {to_iso(to_date)}: swap them"
    if from_date >= now:
        return f"from_date {to_iso(from_date)} is in the future: a backfill runs past dates"
    if spec.schedule.kind not in _PERIODIC:
        what = "a timetable of its own" if spec.schedule.kind == "custom" else f"the schedule {spec.schedule.kind!r}"
        return (
            f"{where} has {what}: a backfill takes its dates from cron, timedelta or events; trigger its runs instead"
        )
    if spec.allowed_run_types is not None and str(RunType.BACKFILL) not in spec.allowed_run_types:
        return f"{where} does not allow backfill runs: its allowed_run_types are {', '.join(spec.allowed_run_types)}"
    past = [task.task_id for task in spec.tasks if task.depends_on_past]
    if past and run_backwards:
        return f"{where} cannot run backwards: task {past[0]!r} has depends_on_past"
    if past and reprocess == "none":
        return (
            f"task {past[0]!r} of {where} has depends_on_past: say what to do with dates that have a run, "
            "reprocess failed or completed"
        )
    return None


def dates_between(dag: Dag, from_date: datetime, to_date: datetime, now: datetime) -> list[RunInfo]:
    """Return the runs of the DAG's timetable with a logical date in ``[from_date, to_date]`` that are due at ``now``.

    Dates before the ``start_date`` of the DAG count too. At most :data:`MOST_DATES` + 1 come back.
    """
    timetable = Timetable(dag.schedule, dag.timezone)
    start, end = _start(dag, from_date), min(to_date, dag.end_date) if dag.end_date else to_date
    found: list[RunInfo] = []
    after = from_date - _MOMENT
    while len(found) <= MOST_DATES:
        chunk = timetable.upcoming(after, _CHUNK, start, end)
        for info in chunk:
            if info.logical_date > to_date or info.run_after > now:
                return found
            if info.logical_date >= from_date:
                found.append(info)
        if len(chunk) < _CHUNK:
            break
        after = chunk[-1].run_after
    return found[: MOST_DATES + 1]


def _start(dag: Dag, from_date: datetime) -> datetime | None:
    """The first date to ask the timetable for: on the grid of the DAG, wherever that has its anchor."""
    if dag.start_date is None or dag.start_date <= from_date:
        return dag.start_date
    if dag.schedule.kind == "delta" and dag.schedule.seconds:
        steps = math.floor((dag.start_date - from_date).total_seconds() / dag.schedule.seconds)
        return dag.start_date - steps * timedelta(seconds=dag.schedule.seconds)
    return dag.start_date if dag.schedule.relative else from_date


def skip_reason(state: RunState | None, reprocess: str) -> str | None:
    """Return why a date whose run is in ``state`` (None: it has none) gets no run; None if it gets one."""
    if state is None:
        return None
    if state not in RUN_TERMINAL:
        return IN_FLIGHT
    if reprocess == "none" or (reprocess == "failed" and state is RunState.SUCCESS):
        return ALREADY_EXISTS
    return None


def room(backfill: Backfill, unfinished: int) -> int:
    """Return how many further runs ``backfill`` may have now, ``unfinished`` being those that have not ended."""
    return 0 if backfill.is_paused else max(0, backfill.max_active_runs - unfinished)


def backfill_runs_to_start(backfill: Backfill, queued: Sequence[DagRun], running: int) -> StartRuns:
    """Decide which of the ``queued`` runs of ``backfill`` start, in the order in which they were queued.

    Neither the pause of the DAG nor its ``max_active_runs`` counts: a backfill is asked for, with a limit of its own.
    """
    result = StartRuns([], [])
    for run in sorted(queued, key=lambda run: (run.queued_at, run.id)):
        if run.cancel_requested_at is not None:
            continue
        if running >= backfill.max_active_runs:
            facts = {"backfill": backfill.id, "active": running, "limit": backfill.max_active_runs}
            result.waiting.append((run, Reason("backfill_max_active_runs", facts)))
        else:
            running += 1
            result.start.append(RunChange(run.id, RunState.RUNNING, None, run.row_version))
    return result
