"""Due runs: which DAG runs to create now, when the next one is due, and which queued ones may start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model.changes import RunChange, RunInfo
from ..model.reason import Reason
from ..model.rows import Dag, DagRun
from ..model.slots import RunCounts
from ..model.state import RunState
from ..model.timetable import Missed, Timetable

QUEUED_AHEAD = 4
"""How many scheduled runs over ``max_active_runs`` are created ``queued``; the rest stays due."""


@dataclass(frozen=True)
class DueRuns:
    """Runs to create now (oldest first), the next one to write to the DAG's row (None: there is none), and the dates
    that were passed over on the way (None: there are none).
    """

    new: list[RunInfo]
    next: RunInfo | None
    missed: Missed | None = None


@dataclass(frozen=True)
class StartRuns:
    """Queued runs that start now, and why the others wait."""

    start: list[RunChange]
    waiting: list[tuple[DagRun, Reason]]


def timetable_of(dag: Dag, known: Sequence[RunInfo] = ()) -> Timetable:
    """Return the timetable of ``dag``; ``known``: what its custom timetable has answered."""
    return Timetable(dag.schedule, dag.timezone, known)


def next_for(
    dag: Dag,
    last_logical: datetime | None,
    now: datetime,
    *,
    last_end: datetime | None = None,
    known: Sequence[RunInfo] = (),
    expected: datetime | None = None,
) -> RunInfo | None:
    """Return the next scheduled run of ``dag`` after the one of ``last_logical``, due or not.

    ``last_end``: the end of its interval. ``expected``: the logical date that was said to be next.
    """
    return timetable_of(dag, known).next_run(
        last_logical,
        now,
        dag.start_date,
        dag.end_date,
        dag.catchup,
        last_end=last_end,
        window=None if dag.catchup_window is None else timedelta(seconds=dag.catchup_window),
        expected=expected,
    )


def missed_before(
    dag: Dag,
    following: RunInfo | None,
    last_logical: datetime | None,
    now: datetime,
    *,
    last_end: datetime | None = None,
    known: Sequence[RunInfo] = (),
    expected: datetime | None = None,
) -> Missed | None:
    """Return the dates that are due but come before ``following`` (None: nothing follows) and so get no run.

    They count from the ``expected`` one on, else from the one after the last run, else from the start date.
    """
    timetable = timetable_of(dag, known)
    if expected is None:
        if last_logical is None and dag.start_date is None:
            return None
        whole = timetable.next_run(last_logical, now, dag.start_date, dag.end_date, True, last_end=last_end)
        if whole is None:
            return None
        expected = whole.logical_date
    until = None if following is None else following.logical_date
    return timetable.missed(expected, until, now, dag.start_date, dag.end_date)


def due_runs(
    dag: Dag,
    counts: RunCounts,
    last_logical: datetime | None,
    now: datetime,
    *,
    last_end: datetime | None = None,
    known: Sequence[RunInfo] = (),
) -> DueRuns:
    """Return the runs of an unpaused ``dag`` that are due at ``now``.

    ``last_logical`` is the logical date of its last scheduled run, ``last_end`` the end of its interval. No more than
    ``max_active_runs`` + :data:`QUEUED_AHEAD` unfinished runs come into being (of a continuous DAG: one).
    """
    continuous = dag.schedule.kind == "continuous"
    most = 1 if continuous else dag.max_active_runs + QUEUED_AHEAD
    room = most - counts.queued - counts.running
    recorded = _recorded(dag)
    if room <= 0 and recorded is not None:
        return DueRuns([], recorded)
    expected = recorded.logical_date if recorded is not None else None
    following = next_for(dag, last_logical, now, last_end=last_end, known=known, expected=expected)
    missed = missed_before(dag, following, last_logical, now, last_end=last_end, known=known, expected=expected)
    new: list[RunInfo] = []
    while following is not None and following.run_after <= now and len(new) < room:
        new.append(following)
        last = following
        following = next_for(dag, last.logical_date, now, last_end=last.data_interval_end, known=known)
    return DueRuns(new, following, missed)


def _recorded(dag: Dag) -> RunInfo | None:
    """Return the next run as the DAG's row has it."""
    if dag.next_run_after is None or dag.next_logical_date is None:
        return None
    start, end = dag.next_interval_start or dag.next_logical_date, dag.next_interval_end or dag.next_logical_date
    return RunInfo(dag.next_run_after, dag.next_logical_date, start, end)


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
        if run.logical_date is not None and run.data_interval_start is None:
            result.waiting.append((run, Reason("timetable_asked")))
        elif dag.is_paused and run.id not in ignore_pause:
            result.waiting.append((run, Reason("dag_paused")))
        elif running >= dag.max_active_runs:
            reason = Reason("max_active_runs", {"active": running, "limit": dag.max_active_runs})
            result.waiting.append((run, reason))
        else:
            running += 1
            result.start.append(RunChange(run.id, RunState.RUNNING, None, run.row_version))
    return result
