"""The scheduler's desk: all that is at hand becomes one transaction, and then it is carried out.

Gather (ends, starts, time, commands) → decide → claim → commit → start children, end unwanted ones.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from ..execution.children import Exited, Notice, Reported, Started
from ..execution.executor import Executor, Problem
from ..model.changes import Change, ExpandChange, RunChange, TaskChange
from ..model.errors import Conflict, FlowError
from ..model.records import Actor, Report, Workload
from ..model.rows import TaskInstance
from ..model.state import RUN_TERMINAL, RunState
from ..scheduling.decide import decide, decide_changed
from ..scheduling.snapshot import Key, RunSnapshot
from ..storage import dags, edits, events, expanding, queries, runs
from . import asset_runs, backfill_runs, due
from .active import Active, ActiveAttempts
from .book import RunBook
from .callbacks import Callbacks
from .dispatch import Claims, claim_ready
from .due import ClockWatch
from .ends import Ended, gather
from .failing_dags import pause_if_failing
from .holding import Holding
from .house import House
from .kernels import WaitingKernels
from .launching import Launching, Outcome
from .misses import Misses
from .recording import Start, record
from .sampling import Sampler
from .starting import Room, RunStarts
from .sweep import Sweep
from .unsure import Unsure
from .wake_up import WakeUp, send
from .waking import wake_parent
from .workloads import build

log = logging.getLogger(__name__)


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
        self.holding = Holding(house, host_id)
        self.boot_id = boot_id
        self.book = RunBook(house.config.max_map_length, self.holding)
        self.starts = RunStarts(self.book, self.holding)
        self.callbacks = Callbacks(house, executor, self.holding)
        self.misses = Misses()
        self.active = ActiveAttempts()
        self.sweep = Sweep(self.book, self.active, self.holding, house.config.host_lost_after)
        self.news = WakeUp()
        self.run_anyway: set[int] = set()
        self.draining = False
        self.paused = False
        self.is_selective = False
        self.cursor = 0
        self.next_due: datetime | None = None
        self.clock_watch = ClockWatch(house.clock.wall(), earlier)
        self.dags_touched: set[str] = set()
        self.due_touched = True
        self._claims = Claims([])
        self._slots_touched = False
        self.launching = Launching(house, executor, self.active)
        self.sampler = Sampler(house.config, self.active, self.launching.end_for)
        self._runs_ended = False
        self._changed_rows: dict[int, TaskInstance] = {}
        self._foreign_runs: set[int] = set()
        self._starts: list[Start] = []
        self._unsure = Unsure()
        self._begun: set[str] = set()
        self._ends: list[Ended] = []

    @property
    def host_id(self) -> str:
        """Which host this is."""
        return self.holding.host_id

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
                active.deadline = self.launching.deadline_of(active)
                self._starts.append(Start(active, notice, now))
            elif isinstance(notice, Reported):
                ended = gather(self.executor, active, None, self._spool(active), now)
                if isinstance(ended.result, Report):  # the executor sees to it that the process ends too
                    self._ends.append(ended)
                    self.active.remove(active.attempt_id)
            else:
                self.end(active, notice)

    def end(self, active: Active, notice: Exited | None) -> None:
        """Take the end of an attempt's process; once, though a takeover may find it while it waits to be recorded."""
        if all(item.active.attempt_id != active.attempt_id for item in self._ends):
            self._ends.append(gather(self.executor, active, notice, self._spool(active), self.house.clock.wall()))
        self.active.remove(active.attempt_id)

    def _spool(self, active: Active) -> Path:
        return active.spool or self.house.spool / active.attempt_id

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
            or self._slots_touched
            or self.sweep.is_due
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
        outcome = Outcome(began=self.house.clock.monotonic())
        try:
            with self.house.writing("turn") as connection:
                self.holding.check(connection)
                with events.gathered(connection):
                    self._transact(connection, now, outcome)
                outcome.cursor = events.last_id(connection)
                if self.holding.others and (self.news or outcome.cursor != self.cursor):
                    send(connection, self.host_id, self.news)
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
        self.news = WakeUp()
        self._slots_touched = self.sweep.is_due = False
        if outcome.launches:
            self.holding.check_since(outcome.began)
        for row, message in outcome.unmade:
            active = Active(row.attempt_id or "", row, False, None, None)
            self._ends.append(Ended(active, Problem("bad", message)))
        self.launching.carry_out(outcome)
        changed = outcome.cursor != self.cursor
        self.cursor = outcome.cursor
        return changed

    def _transact(self, connection: Connection, now: datetime, outcome: Outcome) -> None:
        self._runs_ended = False
        self._changed_rows = {}
        self._foreign_runs = set()
        if self.sweep.is_due:
            known = {end.active.attempt_id for end in self._ends}
            found = self.sweep.transact(connection, now, self.house.clock.monotonic())
            self._ends += [end for end in found if end.active.attempt_id not in known]
            self.due_touched = True
        self.sweep.take_word(connection, now, self.clock_watch.is_back)
        read = self.book.refresh(connection)
        room = self._room()
        outcome.launches, outcome.unmade = self._unsure.claimed(connection)
        recorded = record(connection, self.house, self.book, self._starts, self._ends, now, again=self._unsure.is_any)
        self._begun = recorded.begun
        self._applied(recorded.running)
        self._applied(recorded.ended)
        self.callbacks.after_attempts(connection, self.book, recorded.ended)
        self.sampler.save(connection, [end.active.attempt_id for end in self._ends])
        self.due_touched = self.due_touched or recorded.made_assets
        self.book.touch_due(now)
        touched_dags = self.dags_touched | self.book.dags_to_start(now)
        if read:
            touched_dags |= self.book.read_dags
        if self._ends:
            self.news.slots = True
            touched_dags |= self.starts.held_back
        if self.due_touched or read or (self.next_due is not None and self.next_due <= now):
            touched_dags |= self._create_due(connection, now)
        self._decide(connection, now, touched_dags, room)
        if self._runs_ended:  # a DAG that max_active_runs held back may have a run due
            touched_dags = self._create_due(connection, now)
            self._runs_ended = False
            self._decide(connection, now, touched_dags, room)
            outcome.ends_at_once = self._runs_ended
        self.misses.is_old = self.misses.is_old or bool(read)
        self.callbacks.add(connection, self.misses.transact(connection, now, bool(self.house.config.smtp_host)))
        self.callbacks.transact(connection)
        claimed = [] if self.draining or self.paused else self._claim(connection, now, bool(read))
        for row, token in claimed:
            try:
                outcome.launches.append((self._workload(connection, row), token, row))
            except (FlowError, LookupError, TypeError, ValueError) as error:
                log.exception("attempt %s: its workload cannot be made", row.attempt_id)
                outcome.unmade.append((row, f"its workload cannot be made: {error}"))
        self.launching.find_unwanted(connection, self.book, read, self._changed_rows, outcome)
        self.sweep.leave_word(connection, self._foreign_runs, self.news)

    def _room(self) -> Room | None:
        """Return how many runs may be started; None: as many as wait, there is no other host."""
        return Room.left(self.house.config, self.active, self._claims.is_full) if self.holding.others else None

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
            self.news.runs.add(run.id)
            self.misses.is_old = True
        if created or not self._runs_ended:
            self.next_due = dags.next_due(connection, now)  # those due already wait for a run to end
        return {run.dag_id for run in created}

    def _decide(self, connection: Connection, now: datetime, touched_dags: set[str], room: Room | None) -> None:
        """Decide until nothing follows: tasks of touched runs, ends of runs, starts of queued runs."""
        while True:
            if not self.draining:
                for dag_id in sorted(touched_dags):
                    self._start_runs(connection, dag_id, now, room)
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
                run = runs.transition_run(connection, change, now, host_id=self.host_id)
                if run.state in RUN_TERMINAL:
                    self.news.ended.add(run.dag_id)
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

    def _start_runs(self, connection: Connection, dag_id: str, now: datetime, room: Room | None) -> None:
        only = self.run_anyway if self.is_selective else None
        for run in self.starts.start(connection, dag_id, now, room, self.run_anyway, only):
            if any(task.is_notebook for task in self.book.running[run.id].spec.tasks):
                self.kernels.expect(self.house.clock.monotonic())

    def _claim(self, connection: Connection, now: datetime, anew: bool) -> list[tuple[TaskInstance, str]]:
        news = anew or self._ends or self._slots_touched or self.due_touched or self.sweep.is_due
        if self._claims.no_slot and not news and all(row.state == "running" for row in self._changed_rows.values()):
            return []  # nothing but starts: all slots are taken still
        only = self.run_anyway if self.is_selective else None
        self._claims = claim_ready(connection, self.house, self.book, self.host_id, self.boot_id, now, only)
        self._applied([row for row, _ in self._claims.rows])
        return self._claims.rows

    def _workload(self, connection: Connection, row: TaskInstance) -> Workload:
        snapshot = self.book.running[row.dag_run_id]
        basis = self.book.basis(connection, snapshot)
        is_notebook = snapshot.specs[row.task_id].is_notebook
        return build(connection, self.house, basis, row, self.kernels.sockets() if is_notebook else {}, snapshot)

    def _applied(self, rows: list[TaskInstance]) -> None:
        self._changed_rows.update((row.id, row) for row in rows)
        self._foreign_runs.update(row.dag_run_id for row in rows if row.dag_run_id not in self.book.running)
        self.book.update_tasks(rows)

    # --- requests

    def dag_changed(self, dag_id: str) -> None:
        """Look at the queued runs of this DAG and at what is due."""
        self.dags_touched.add(dag_id)
        self.due_touched = True

    def hear(self, news: WakeUp) -> None:
        """Take what another host tells."""
        for dag_run_id in news.runs:
            self.book.distrust(dag_run_id)
        for dag_id in news.dags:
            self.dag_changed(dag_id)
        self.dags_touched |= {dag_id for dag_id in news.ended if self.book.queued.get(dag_id)}
        self.book.touch_past(news.past)
        self._slots_touched = self._slots_touched or bool(news.past) or (news.slots and self.book.has_ready)
        self.sweep.is_due = self.sweep.is_due or news.sweep

    def begin_anew(self, host_id: str) -> None:
        """Go on as another host: this one was declared ended, and what it held may be another's."""
        self.holding.host_id = host_id
        self.book.distrust()
        self._unsure.start_nothing()  # they are found without a process

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
