"""The scheduler's desk: all that is at hand becomes one transaction, and then it is carried out.

Gather (ends, starts, time, commands) → decide → claim → commit → start children, end unwanted ones.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from ..execution.children import Exited, Notice, Reported, Started
from ..execution.executor import Executor, Problem
from ..model.changes import Change, ExpandChange, RunChange, TaskChange
from ..model.errors import Conflict, FlowError
from ..model.reason import Reason
from ..model.records import Actor, Report, Workload
from ..model.rows import TaskInstance
from ..model.state import RUN_TERMINAL, RunState
from ..scheduling.backfills import backfill_runs_to_start
from ..scheduling.decide import decide, decide_changed
from ..scheduling.due_runs import StartRuns, runs_to_start
from ..scheduling.snapshot import Key, RunSnapshot
from ..storage import assets, backfills, dags, edits, events, expanding, queries, runs
from . import asset_runs, backfill_runs, due
from .active import OVERTIME, Active, ActiveAttempts
from .book import RunBook
from .callbacks import Callbacks
from .dispatch import claim_ready
from .due import ClockWatch
from .ends import Ended, gather
from .failing_dags import pause_if_failing
from .house import House
from .kernels import WaitingKernels
from .misses import Misses
from .recording import Start, record_ends, record_starts
from .sampling import Sampler
from .unsure import Unsure
from .waking import wake_parent
from .workloads import build

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What one transaction decided, to be carried out after its commit."""

    launches: list[tuple[Workload, str, TaskInstance]] = field(default_factory=list)
    unmade: list[tuple[TaskInstance, str]] = field(default_factory=list)
    unwanted: list[Active] = field(default_factory=list)
    cancels: list[Active] = field(default_factory=list)
    cursor: int = 0
    ends_at_once: bool = False


class Desk:
    """Decides and dispatches. Everything it remembers can be read from rows again.

    ``draining``: nothing new starts; ``paused``: for now, because something is wrong.
    ``is_selective``: only runs of :attr:`run_anyway` start, and none is created.
    ``earlier``: what the clock showed when an earlier host last looked at it.
    """

    def __init__(
        self,
        house: House,
        executor: Executor,
        kernels: WaitingKernels,
        host_id: str,
        boot_id: str | None,
        earlier: datetime | None = None,
    ) -> None:
        self.house = house
        self.executor = executor
        self.kernels = kernels
        self.host_id = host_id
        self.boot_id = boot_id
        self.book = RunBook(house.config.max_map_length)
        self.callbacks = Callbacks(house, executor, host_id)
        self.misses = Misses()
        self.active = ActiveAttempts()
        self.run_anyway: set[int] = set()
        self.draining = False
        self.paused = False
        self.is_selective = False
        self.cursor = 0
        self.next_due: datetime | None = None
        self.clock_watch = ClockWatch(house.clock.wall(), earlier)
        self.dags_touched: set[str] = set()
        self.due_touched = True
        self._asset_event = 0
        self.sampler = Sampler(house.config, self.active, self._end_for)
        self._runs_ended = False
        self._changed_rows: dict[int, TaskInstance] = {}
        self._starts: list[Start] = []
        self._unsure = Unsure()
        self._begun: set[str | None] = set()
        self._ends: list[Ended] = []

    # --- what comes in

    def take(self, notices: list[Notice]) -> None:
        """Take notices of task children: kept until a transaction has recorded them."""
        now = self.house.clock.wall()
        for notice in notices:
            active = self.active.get(notice.key)
            if active is None:
                self.callbacks.take(notice)
                continue
            if isinstance(notice, Started):
                if active.started:
                    continue
                active.started = True
                active.deadline = self.deadline_of(active)
                self._starts.append(Start(active, notice, now))
            elif isinstance(notice, Reported):
                ended = gather(self.executor, active, None, self._spool(active), now)
                if isinstance(ended.result, Report):  # the executor sees to it that the process ends too
                    self._ends.append(ended)
                    self.active.remove(active.attempt_id)
            else:
                self.end(active, notice)

    def end(self, active: Active, notice: Exited | None) -> None:
        """Take the end of an attempt's process."""
        self._ends.append(gather(self.executor, active, notice, self._spool(active), self.house.clock.wall()))
        self.active.remove(active.attempt_id)

    def _spool(self, active: Active) -> Path:
        return self.house.spool / active.attempt_id

    @property
    def has_work(self) -> bool:
        """Tell whether a turn is worth a transaction."""
        now = self.house.clock.wall()
        at = self.next_instant()
        return bool(
            self._starts
            or self._ends
            or self.callbacks.has_work
            or not self.book.is_current
            or self.book.touched
            or self.dags_touched
            or self.due_touched
            or (at is not None and at <= now)
        )

    def next_instant(self) -> datetime | None:
        """Return the wall-clock instant of the next turn if nothing happens before."""
        instants = [self.book.next_check(), self.misses.next]
        if not self.draining:
            instants += [self.next_due, self.book.next_start()]
        return min((at for at in instants if at is not None), default=None)

    def look_at_clock(self) -> None:
        """Notice when the clock was set back: what is due is another question then."""
        if self.clock_watch.look(self.house.clock.wall()):
            self.due_touched = True

    # --- one turn

    def turn(self) -> bool:
        """Make one transaction of all that is at hand and carry it out; True if something was committed.

        An exception leaves everything as it was, to be tried again after rows were read anew.
        """
        now = self.house.clock.wall()
        outcome = Outcome()
        try:
            with self.house.writing("turn") as connection:
                self._transact(connection, now, outcome)
                outcome.cursor = events.last_id(connection)
        except Exception:
            self.book.distrust()
            self._unsure.keep(outcome.launches, outcome.unmade)
            raise
        self._unsure.clear()
        for start in self._starts:
            self.executor.recorded(start.notice.key, start.notice.key in self._begun)
        self._starts.clear()
        self._ends.clear()
        self.callbacks.committed()
        self.misses.committed()
        self.dags_touched.clear()
        self.due_touched = outcome.ends_at_once  # those that follow runs without a task to start come in the next turn
        self.clock_watch.is_back = False
        self._carry_out(outcome)
        changed = outcome.cursor != self.cursor
        self.cursor = outcome.cursor
        return changed

    def _transact(self, connection: Connection, now: datetime, outcome: Outcome) -> None:
        self._runs_ended = False
        self._changed_rows = {}
        read = self.book.refresh(connection)
        outcome.launches, outcome.unmade = self._unsure.claimed(connection)
        begun = record_starts(connection, self._starts, now, again=self._unsure.is_any)
        self._begun = {row.attempt_id for row in begun}
        self._applied(begun)
        for rows in record_ends(connection, self.house, self.book, self._ends, now):
            self._applied(rows)
            self.callbacks.after_attempts(connection, self.book, rows)
        self.sampler.save(connection, [end.active.attempt_id for end in self._ends])
        if self._ends and (newest := assets.last_event_id(connection)) != self._asset_event:
            self._asset_event = newest
            self.due_touched = True
        self.book.touch_due(now)
        touched_dags = self.dags_touched | self.book.dags_to_start(now)
        if read:
            touched_dags |= self.book.queued.keys()
        if self.due_touched or read or (self.next_due is not None and self.next_due <= now):
            touched_dags |= self._create_due(connection, now)
        self._decide(connection, now, touched_dags)
        if self._runs_ended:  # a DAG that max_active_runs held back may have a run due
            touched_dags = self._create_due(connection, now)
            self._runs_ended = False
            self._decide(connection, now, touched_dags)
            outcome.ends_at_once = self._runs_ended
        self.misses.is_old = self.misses.is_old or bool(read)
        self.callbacks.add(connection, self.misses.transact(connection, now, bool(self.house.config.smtp_host)))
        self.callbacks.transact(connection)
        claimed = [] if self.draining or self.paused else self._claim(connection, now)
        for row, token in claimed:
            try:
                outcome.launches.append((self._workload(connection, row), token, row))
            except (FlowError, LookupError, TypeError, ValueError) as error:
                log.exception("attempt %s: its workload cannot be made", row.attempt_id)
                outcome.unmade.append((row, f"its workload cannot be made: {error}"))
        self._find_unwanted(connection, read, outcome)

    def _create_due(self, connection: Connection, now: datetime) -> set[str]:
        if self.draining or self.is_selective:
            return set()
        if self.clock_watch.is_back:
            due.refresh_all(connection, now)
        created = due.create_due(connection, now, self.clock_watch.began)
        created += backfill_runs.create_due(connection, now)
        created += asset_runs.create_due(connection, now)
        for run in created:
            self.book.place(connection, run)
            self.misses.is_old = True
        if created or not self._runs_ended:
            self.next_due = dags.next_due(connection, now)  # those due already wait for a run to end
        return {run.dag_id for run in created}

    def _decide(self, connection: Connection, now: datetime, touched_dags: set[str]) -> None:
        """Decide until nothing follows: tasks of touched runs, ends of runs, starts of queued runs."""
        while True:
            if not self.draining:
                for dag_id in sorted(touched_dags):
                    self._start_runs(connection, dag_id, now)
            touched_dags.clear()
            self.book.refresh_past(connection)
            touched, self.book.touched = self.book.touched, {}
            task_changes: list[TaskChange] = []
            expansions: list[ExpandChange] = []
            run_changes: list[RunChange] = []
            for dag_run_id, keys in touched.items():
                snapshot = self.book.running.get(dag_run_id)
                if snapshot is None:
                    continue
                for change in self._step(snapshot, keys, now):
                    if isinstance(change, TaskChange):
                        task_changes.append(change)
                    elif isinstance(change, ExpandChange):
                        expansions.append(change)
                    else:
                        run_changes.append(change)
            if not task_changes and not expansions and not run_changes:
                if not touched_dags:
                    return
                continue
            applied = runs.transition_many(connection, task_changes, now)
            if applied.lost:
                raise Conflict(f"{len(applied.lost)} task instances were changed meanwhile: read again")
            self._applied(applied.tasks)
            self.callbacks.after_decisions(connection, self.book, applied.tasks)
            self._applied(expanding.expand(connection, expansions, now))
            for change in run_changes:
                run = runs.transition_run(connection, change, now)
                if run.state in RUN_TERMINAL:
                    ended = self.book.running[run.id]
                    self.callbacks.after_run(connection, run, ended.spec, ended.tasks.values())
                    self._runs_ended = True
                    self.run_anyway.discard(run.id)
                    pause_if_failing(connection, run, now)
                    self._applied(wake_parent(connection, run, now))
                if run.state is not RunState.RUNNING:
                    touched_dags.add(run.dag_id)
                self.book.place(connection, run)

    def _step(self, snapshot: RunSnapshot, keys: set[Key] | None, now: datetime) -> list[Change]:
        """Return what follows for one run. A run that cannot be decided is left alone; the others go on."""
        try:
            return decide(snapshot, now) if keys is None else decide_changed(snapshot, keys, now)
        except Exception:
            log.exception(
                "run %s of %s cannot be decided: it is left as it is", snapshot.run.run_id, snapshot.run.dag_id
            )
            return []

    def _start_runs(self, connection: Connection, dag_id: str, now: datetime) -> None:
        waiting = self.book.queued.get(dag_id, {})
        # only a clock that was set back makes the time of a queued run come later
        self.book.not_before(
            dag_id, min((run.run_after for run in waiting.values() if run.run_after > now), default=None)
        )
        if not waiting:
            return
        wanted = [run for run in waiting.values() if not self.is_selective or run.id in self.run_anyway]
        own = [run for run in wanted if run.backfill_id is None]
        plan = runs_to_start(
            dags.get_dag(connection, dag_id), own, self.book.running_count(dag_id), now, frozenset(self.run_anyway)
        )
        numbers = {run.backfill_id for run in wanted if run.backfill_id is not None}
        for number, backfill in backfills.by_ids(connection, sorted(numbers)).items():
            queued = [run for run in wanted if run.backfill_id == number]
            more = backfill_runs_to_start(backfill, queued, self.book.running_count(dag_id, number))
            plan = StartRuns([*plan.start, *more.start], [*plan.waiting, *more.waiting])
        for run, reason in plan.waiting:
            if run.reason != reason:
                edits.set_run_reason(connection, run.id, reason)
                self.book.place(connection, queries.run_by_id(connection, run.id))
        for change in plan.start:
            run = runs.transition_run(connection, change, now)
            self.book.place(connection, run)
            if any(task.is_notebook for task in self.book.running[run.id].spec.tasks):
                self.kernels.expect(self.house.clock.monotonic())

    def _claim(self, connection: Connection, now: datetime) -> list[tuple[TaskInstance, str]]:
        only = self.run_anyway if self.is_selective else None
        claimed = claim_ready(connection, self.house, self.book, self.host_id, self.boot_id, now, only)
        self._applied([row for row, _ in claimed])
        return claimed

    def _workload(self, connection: Connection, row: TaskInstance) -> Workload:
        snapshot = self.book.running[row.dag_run_id]
        basis = self.book.basis(connection, snapshot)
        is_notebook = snapshot.specs[row.task_id].is_notebook
        return build(connection, self.house, basis, row, self.kernels.socket() if is_notebook else None, snapshot)

    def _find_unwanted(self, connection: Connection, read: set[int], outcome: Outcome) -> None:
        """Find attempts that this turn or a command before it made unwanted, or asked to stop."""
        rows = dict(self._changed_rows)
        for dag_run_id in read:
            items = self.active.of_run(dag_run_id)
            if not items:
                continue
            found = {row.id: row for row in queries.task_instances_by_id(connection, [item.row.id for item in items])}
            run = queries.run_by_id(connection, dag_run_id)
            snapshot = self.book.running.get(dag_run_id)
            teardowns = {name for name, spec in snapshot.specs.items() if spec.is_teardown} if snapshot else set()
            outcome.cancels += [
                item
                for item in items
                if (run.cancel_requested_at and item.row.task_id not in teardowns)
                or (item.row.id in found and found[item.row.id].cancel_requested_at)
            ]
            rows.update(found)
        outcome.unwanted += self.active.unwanted(rows.values())

    def _applied(self, rows: list[TaskInstance]) -> None:
        self._changed_rows.update((row.id, row) for row in rows)
        self.book.update_tasks(rows)

    # --- requests

    def dag_changed(self, dag_id: str) -> None:
        """Look at the queued runs of this DAG and at what is due."""
        self.dags_touched.add(dag_id)
        self.due_touched = True

    def cancel_all(self, actor: Actor) -> None:
        """Ask every run that has an attempt in flight to stop."""
        now = self.house.clock.wall()
        with self.house.writing("cancel_all") as connection:
            for dag_run_id in {item.row.dag_run_id for item in self.active}:
                run = queries.run_by_id(connection, dag_run_id)
                if run.state not in RUN_TERMINAL:
                    edits.request_cancel(connection, run, now, actor)
                self.book.distrust(dag_run_id)

    def resume(self) -> None:
        """Start new things again after draining."""
        self.draining = False
        self.due_touched = True
        self.dags_touched.update(self.book.queued)

    def due_has_notebooks(self, at: datetime) -> bool:
        """Tell whether a run that is due at ``at`` has a notebook task."""
        with self.house.reading() as connection:
            return any(
                task.is_notebook
                for dag in dags.due_dags(connection, at)
                for task in dags.load_spec(dags.get_version(connection, dag.version_id)).tasks
            )

    # --- after the commit

    def _carry_out(self, outcome: Outcome) -> None:
        monotonic = self.house.clock.monotonic()
        for workload, token, row in outcome.launches:
            task = workload.task
            within = self.executor.start_within
            deadline = None if within is None else monotonic + within
            active = Active(workload.attempt_id, row, task.is_notebook, task.execution_timeout, deadline)
            active.resource_group = task.resource_group
            self.active.add(active)
            self.executor.start(workload, token)
        for row, message in outcome.unmade:
            active = Active(row.attempt_id or "", row, False, None, None)
            self._ends.append(Ended(active, Problem("bad", message)))
        for item in [*outcome.unwanted, *outcome.cancels]:
            if not item.cancelled:
                item.cancelled = True
                self.executor.cancel(item.attempt_id)

    def _end_for(self, active: Active, reason: Reason) -> None:
        """End an attempt that is over a limit; it fails for that reason."""
        if active.ended_for is None:
            log.warning("attempt %s: %s", active.attempt_id, reason)
            active.ended_for = reason
            self.executor.kill(active.attempt_id)

    def deadline_of(self, active: Active, age: float = 0.0) -> float | None:
        """Return the monotonic instant at which an attempt, started ``age`` seconds ago, is ended by the host.

        None: never.
        """
        if active.execution_timeout is None:
            return None
        grace = 2 * self.house.config.limits.kill_grace + OVERTIME
        return self.house.clock.monotonic() + active.execution_timeout + grace - age
