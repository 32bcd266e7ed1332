"""Simulation: the deciding core over a window of time, with a clock that jumps from event to event.

The same timetables, decisions and slots as in the host; only durations are given, and every task succeeds.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from ..model.changes import Change, ExpandChange, RunChange, RunInfo, TaskChange
from ..model.due import deadline_due
from ..model.ids import run_id_for
from ..model.reason import Reason
from ..model.rows import DagRun, TaskInstance
from ..model.slots import Ready, SlotLimits, Usage
from ..model.spec import TaskSpec
from ..model.state import RUN_TERMINAL, TASK_TERMINAL, RunState, RunType, TaskState
from .deadlines import missed_slas
from .decide import decide
from .due_runs import runs_to_start, timetable_of
from .forecast import Forecast, Late, SimulatedDag, SimulatedRun, SimulatedTask, Wait
from .lengths import XComLength
from .slots import pick
from .snapshot import RunSnapshot

MAX_RUNS = 100_000
"""Runs of one simulation; what comes later is left out, and said to be."""
RECENT = 100
"""Past runs of a DAG that deadlines by average runtime may look back to."""
_NOBODY = "simulation"

Durations = Callable[[str, str], float]
"""``durations(dag_id, task_id)``: seconds that the task takes once it has a slot."""
Lengths = Callable[[str, str], int]
"""``lengths(dag_id, task_id)``: into how many instances a mapped task is expanded."""


def simulate(
    dags: Sequence[SimulatedDag],
    start: datetime,
    end: datetime,
    durations: Durations,
    limits: SlotLimits,
    lengths: Lengths = lambda _dag_id, _task_id: 1,
) -> Forecast:
    """Return how the scheduled runs of ``dags`` that are due in ``[start, end)`` would go. Paused DAGs run too."""
    return _Simulation(dags, start.astimezone(UTC), end.astimezone(UTC), durations, limits, lengths).run()


_Event = tuple[datetime, int, Literal["due", "end", "look"], int]
"""Instant, tie-breaker, kind, and what it is about: number of a DAG, or of a task instance."""


class _Simulation:
    def __init__(
        self,
        dags: Sequence[SimulatedDag],
        start: datetime,
        end: datetime,
        durations: Durations,
        limits: SlotLimits,
        lengths: Lengths,
    ) -> None:
        self._dags = dags
        self._end = end
        self._durations = durations
        self._limits = limits
        self._lengths = lengths
        self._usage = Usage()
        self._queued: dict[int, dict[int, DagRun]] = {number: {} for number in range(len(dags))}
        self._open: dict[int, RunSnapshot] = {}
        self._of_run: dict[int, int] = {}
        self._running: dict[int, Ready] = {}
        self._waits: dict[tuple[str, str], Wait] = {}
        self._waiting_now: list[tuple[str, str]] = []
        self._waited: dict[int, float] = {}
        self._look_at: dict[int, datetime] = {}
        self._runs = 0
        self._last = start
        self._rows = 0
        self._events: list[_Event] = []
        self._serial = 0
        self._forecast = Forecast()
        self._due: list[list[RunInfo]] = []
        self._past: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RECENT))
        for number, item in enumerate(dags):
            self._due.append(self._runs_of(item, start, end))
            self._plan_due(number)

    def run(self) -> Forecast:
        while self._events:
            now = self._events[0][0]
            touched: set[int] = set()
            while self._events and self._events[0][0] == now:
                _, _, kind, number = heapq.heappop(self._events)
                if kind == "due":
                    self._create(number, now)
                elif kind == "end":
                    touched.add(self._finish(number, now))
                elif number in self._open:
                    touched.add(number)
            self._settle(touched, now)
            self._start_tasks(now)
            self._plan_looks()
        self._forecast.waits = sorted(self._waits.values(), key=lambda wait: -wait.seconds)
        self._forecast.runs.sort(key=lambda run: (run.run_after, run.dag_id))
        return self._forecast

    # --- runs

    @staticmethod
    def _runs_of(item: SimulatedDag, start: datetime, end: datetime) -> list[RunInfo]:
        dag = item.dag
        timetable = timetable_of(dag, item.known)
        found: list[RunInfo] = []
        after = start - timedelta(microseconds=1)
        while len(found) <= MAX_RUNS:
            more = timetable.upcoming(after, 64, dag.start_date, dag.end_date)
            inside = [info for info in more if info.run_after < end]
            found += inside
            if len(inside) < 64:
                break
            after = inside[-1].run_after
        return found[::-1]  # taken from the end

    def _plan_due(self, number: int) -> None:
        if self._due[number]:
            self._push(self._due[number][-1].run_after, "due", number)

    def _create(self, number: int, now: datetime) -> None:
        info = self._due[number].pop()
        self._plan_due(number)
        if self._runs >= MAX_RUNS:
            self._forecast.truncated = True
            return
        self._runs += 1
        dag = self._dags[number].dag
        run = DagRun(
            id=self._runs,
            dag_id=dag.dag_id,
            run_id=run_id_for(RunType.SCHEDULED, info.logical_date),
            run_type=RunType.SCHEDULED,
            state=RunState.QUEUED,
            row_version=1,
            dag_version_id=dag.version_id,
            logical_date=info.logical_date,
            data_interval_start=info.data_interval_start,
            data_interval_end=info.data_interval_end,
            run_after=info.run_after,
            queued_at=now,
            start_date=None,
            end_date=None,
            conf={},
            triggered_by=_NOBODY,
            actor=_NOBODY,
            timezone=dag.timezone,
            reason=None,
            cancel_requested_at=None,
            cancel_requested_by=None,
        )
        self._of_run[run.id] = number
        self._queued[number][run.id] = run

    def _start_runs(self, now: datetime) -> set[int]:
        started: set[int] = set()
        for number, queued in self._queued.items():
            if not queued:
                continue
            item = self._dags[number]
            running = sum(self._of_run[run_id] == number for run_id in self._open)
            plan = runs_to_start(item.dag, list(queued.values()), running, now, frozenset(queued))
            for change in plan.start:
                run = replace(queued.pop(change.id), state=RunState.RUNNING, start_date=now, row_version=2)
                rows = [self._row(run, task, -1) for task in item.spec.tasks]
                self._open[run.id] = RunSnapshot(run, item.spec, rows)
                started.add(run.id)
            for run, reason in plan.waiting:
                self._wait(reason, run.dag_id, now)
        return started

    def _row(self, run: DagRun, task: TaskSpec, map_index: int) -> TaskInstance:
        self._rows += 1
        return TaskInstance(
            id=self._rows,
            dag_run_id=run.id,
            dag_id=run.dag_id,
            run_id=run.run_id,
            task_id=task.task_id,
            map_index=map_index,
            operator=task.operator,
            state=TaskState.WAITING,
            row_version=1,
            try_number=0,
            max_tries=task.retries + 1,
            attempt_count=0,
            infra_losses=0,
            attempt_id=None,
            scheduled_at=None,
            queued_at=None,
            start_date=None,
            end_date=None,
            check_at=None,
            reason=None,
            failing_cell=None,
            cancel_requested_at=None,
            cancel_requested_by=None,
        )

    # --- tasks

    def _settle(self, touched: set[int], now: datetime) -> None:
        """Apply decisions until nothing follows; runs that end let queued ones start."""
        self._count_waits(now)
        touched |= self._start_runs(now)
        while touched:
            run_id = touched.pop()
            snapshot = self._open.get(run_id)
            if snapshot is None:
                continue
            changes = decide(snapshot, now)
            if self._apply(snapshot, changes, now):
                self._close(run_id)
                touched |= self._start_runs(now)
            elif changes:
                touched.add(run_id)

    def _apply(self, snapshot: RunSnapshot, changes: Iterable[Change], now: datetime) -> bool:
        """Take ``changes`` over; True when the run has ended."""
        ended = False
        for change in changes:
            if isinstance(change, RunChange):
                run = replace(snapshot.run, state=change.state, row_version=snapshot.run.row_version + 1, end_date=now)
                snapshot.update_run(run)
                ended = change.state in RUN_TERMINAL
            elif isinstance(change, ExpandChange):
                self._expand(snapshot, change)
            else:
                row = snapshot.task((change.task_id, change.map_index))
                snapshot.update_tasks([_changed(row, change, now)])
        return ended

    def _expand(self, snapshot: RunSnapshot, change: ExpandChange) -> None:
        first = snapshot.task((change.task_id, -1))
        task = snapshot.specs[change.task_id]
        rows = [replace(first, map_index=0, row_version=first.row_version + 1)]
        rows += [self._row(snapshot.run, task, index) for index in range(1, change.length)]
        snapshot.update_tasks(rows)

    def _start_tasks(self, now: datetime) -> None:
        ready = [item for snapshot in self._open.values() for item in snapshot.ready()]
        if not ready:
            return
        picked = pick(ready, self._usage, self._limits)
        for item in picked.chosen:
            snapshot = self._open[item.dag_run_id]
            row = snapshot.task((item.task_id, item.map_index))
            self._waited[row.id] = (now - (row.scheduled_at or now)).total_seconds()
            self._usage.take(item, self._limits)
            self._running[row.id] = item
            started = replace(row, state=TaskState.RUNNING, row_version=row.row_version + 1, start_date=now)
            snapshot.update_tasks([replace(started, try_number=1, queued_at=now)])
            seconds = max(0.0, self._durations(row.dag_id, row.task_id))
            self._push(now + timedelta(seconds=seconds), "end", row.id)
            self._note_peaks(item.pool)
        for item, reason in picked.refused:
            self._wait(reason, item.pool if reason.code.startswith("pool") else "", now)

    def _finish(self, row_id: int, now: datetime) -> int:
        item = self._running.pop(row_id)
        self._usage.release(item)
        snapshot = self._open.get(item.dag_run_id)
        if snapshot is not None:
            row = snapshot.task((item.task_id, item.map_index))
            if row.state not in TASK_TERMINAL:
                self._push_lengths(snapshot, row)
                change = TaskChange(row.id, row.task_id, row.map_index, TaskState.SUCCESS, Reason("ok"))
                snapshot.update_tasks([_changed(row, change, now)])
        return item.dag_run_id

    def _push_lengths(self, snapshot: RunSnapshot, row: TaskInstance) -> None:
        """Let a task push lists of the usual length for those that are mapped over them."""
        keys = snapshot.topology.length_sources.get(row.task_id, ())
        below = snapshot.topology.mapped_over.get(row.task_id, [row.task_id])
        length = self._lengths(row.dag_id, below[0])
        snapshot.update_lengths(XComLength(row.task_id, row.map_index, key, length) for key in keys)

    def _close(self, run_id: int) -> None:
        snapshot = self._open.pop(run_id)
        run = snapshot.run
        assert run.logical_date is not None  # noqa: S101 - every run here has one
        waited = None if run.start_date is None else (run.start_date - run.run_after).total_seconds()
        self._forecast.runs.append(
            SimulatedRun(
                run.dag_id,
                run.run_id,
                run.logical_date,
                run.run_after,
                run.start_date,
                run.end_date,
                run.state,
                waited,
            )
        )
        self._forecast.tasks += (
            SimulatedTask(
                row.dag_id,
                row.run_id,
                row.task_id,
                row.map_index,
                row.state,
                row.start_date,
                row.end_date,
                self._waited.pop(row.id, 0.0),
            )
            for row in snapshot.tasks.values()
        )
        if run.start_date is not None and run.end_date is not None:
            self._past[run.dag_id].appendleft((run.end_date - run.start_date).total_seconds())
        self._forecast.late += self._late(snapshot)

    def _late(self, snapshot: RunSnapshot) -> Iterable[Late]:
        run, spec = snapshot.run, snapshot.spec
        end = run.end_date
        done_at = end if run.state is RunState.SUCCESS else None
        ends = {row.task_id: row.end_date for row in snapshot.tasks.values()}
        if end is not None:
            for task_id, due_at in missed_slas(spec, run, snapshot.tasks.values(), end):
                yield Late("sla", run.dag_id, run.run_id, task_id, due_at, ends.get(task_id))
        for deadline in spec.deadlines:
            due = deadline_due(deadline, run, run.queued_at, list(self._past[run.dag_id])[1:])
            if due is not None and (done_at is None or done_at > due):
                yield Late("deadline", run.dag_id, run.run_id, deadline.get("name") or "", due, done_at)
        timeout = snapshot.timeout_at()
        if timeout is not None and done_at is None and end is not None and end >= timeout:
            yield Late("dagrun_timeout", run.dag_id, run.run_id, "", timeout, None)

    # --- waiting

    def _plan_looks(self) -> None:
        for run_id, snapshot in self._open.items():
            at = snapshot.next_check()
            if at is not None and self._look_at.get(run_id) != at:
                self._look_at[run_id] = at
                self._push(at, "look", run_id)

    def _wait(self, reason: Reason, name: str, now: datetime) -> None:
        key = (reason.code, name)
        if key not in self._waits:
            self._waits[key] = Wait(reason.code, name, str(reason), now)
        self._waiting_now.append(key)
        self._waits[key].most = max(self._waits[key].most, self._waiting_now.count(key))

    def _count_waits(self, now: datetime) -> None:
        """Charge the time since the last look to what was waited for then."""
        if self._waiting_now:
            passed = (now - self._last).total_seconds()
            for key in self._waiting_now:
                self._waits[key].seconds += passed
            self._waiting_now.clear()
        self._last = now

    def _note_peaks(self, pool: str) -> None:
        used = self._usage
        now_used = {"parallelism": used.total, "notebooks": used.notebooks, f"pool {pool}": used.pools.get(pool, 0)}
        for name, count in now_used.items():
            self._forecast.peaks[name] = max(self._forecast.peaks.get(name, 0), count)

    def _push(self, at: datetime, kind: Literal["due", "end", "look"], number: int) -> None:
        self._serial += 1
        heapq.heappush(self._events, (at, self._serial, kind, number))


def _changed(row: TaskInstance, change: TaskChange, now: datetime) -> TaskInstance:
    """Return ``row`` after ``change``, as far as decisions see it."""
    new = replace(row, state=change.state, row_version=row.row_version + 1, check_at=change.check_at)
    if change.state is TaskState.SCHEDULED:
        return replace(new, scheduled_at=now)
    return replace(new, end_date=now) if change.state in TASK_TERMINAL else new
