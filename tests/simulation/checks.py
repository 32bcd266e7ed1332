"""What must hold after every commit, read by SQL of our own, and what must hold when a world is over."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from jupyter_flow.execution.executor import Problem
from jupyter_flow.model.records import Report, Workload
from jupyter_flow.model.state import RUN_TRANSITIONS, TASK_TRANSITIONS
from jupyter_flow.service.tokens import hash_token

from .effects import Effects
from .faults import Violation
from .rows import (
    ACTIVE,
    ATTEMPTS,
    ENDED,
    EVENTS,
    HELD,
    NEVER,
    NOT_ACCEPTED,
    OUTSIDE,
    RUN_ENDED,
    RUNS,
    STATES,
    TASKS,
    Attempt,
    Event,
    Run,
    Shadow,
    Task,
)


class Checker(Effects):
    """Reads what is committed after each commit and compares it with what it has seen before."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.raw = world.bench.raw
        self.tasks: dict[int, Task] = {}
        self.runs: dict[int, Run] = {}
        self.attempts: dict[str, Attempt] = {}
        self.shadows: dict[int, Shadow] = {}
        self.cursor = 0
        self.launches: Counter[str] = Counter()
        self.tokens: set[str] = set()
        self.same_try: dict[int, bool] = {}
        self.tries_granted: dict[int, int] = {}
        self.accepted: Counter[int] = Counter()
        self.retry_at: dict[int, datetime] = {}

    # --- questions of the world

    def unfinished(self) -> list[str]:
        return [f"{run.dag_id}/{run.run_id} {run.state}" for run in self.runs.values() if run.state not in RUN_ENDED]

    def known_runs(self) -> list[tuple[str, str]]:
        return [(run.dag_id, run.run_id) for run in self.runs.values()]

    # --- a launch

    def is_lost(self, attempt_id: str) -> bool:
        """Whether an attempt was declared lost."""
        row = self.raw.execute("SELECT outcome FROM attempt WHERE id = ?", (attempt_id,)).fetchone()
        return row is not None and row[0] == "lost"

    def launched(self, workload: Workload, token: str, machine: Any) -> None:
        key = workload.attempt_id
        row = self.raw.execute(
            "SELECT a.token_hash, t.state, t.attempt_id, t.task_id, t.map_index FROM attempt a"
            " JOIN task_instance t ON t.id = a.task_instance_id WHERE a.id = ?",
            (key,),
        ).fetchone()
        if row is None:
            raise Violation(f"attempt {key} of {workload.task.task_id} is started, but not committed")
        self.launches[key] += 1
        if self.launches[key] > 1:
            raise Violation(f"attempt {key} of {workload.task.task_id} is started twice")
        if row[1:] != ("queued", key, workload.task.task_id, workload.map_index) and key not in machine.voided:
            raise Violation(f"attempt {key} of {workload.task.task_id} is started, but its row says {row[1:]}")
        if hash_token(token) != row[0] or token in self.tokens:
            raise Violation(f"attempt {key} of {workload.task.task_id} does not have a token of its own")
        self.tokens.add(token)

    # --- a commit

    def committed(self, host: Any) -> None:
        raw = self.raw
        events = [Event(*row) for row in raw.execute(EVENTS, (self.cursor,))]
        tasks = {row[0]: Task(*row) for row in raw.execute(TASKS)}
        runs = {row[0]: Run(*row) for row in raw.execute(RUNS)}
        old_tasks, old_runs, old_attempts = self.tasks, self.runs, self.attempts
        attempts = old_attempts
        if events:
            attempts = {row[0]: Attempt(*row) for row in raw.execute(ATTEMPTS)}
            self.world.changed_at = self.world.now
            self.cursor = events[-1].id
        for event in events:
            place = f"{event.task_id}[{event.map_index}] " if event.task_id else ""
            run_id = runs[event.dag_run_id].run_id + " " if event.dag_run_id in runs else ""
            self.world.note(
                f"  {host.name} {event.kind} {run_id}{place}{event.state_from}>{event.state_to} {event.code or ''}"
            )
        self.tasks, self.runs, self.attempts = tasks, runs, attempts
        self._gapless(events, old_runs)
        by_task: dict[tuple[int, str, int], list[Event]] = {}
        for event in events:
            if event.kind == "task_state" and event.dag_run_id is not None:
                by_task.setdefault((event.dag_run_id, *event.key), []).append(event)
        if events:
            self._attempts(host, old_attempts, old_tasks)
        for task in tasks.values():
            self._story(host, task, old_tasks.get(task.id), by_task.get((task.dag_run_id, *task.key), []))
            self._held(task)
        self._runs(events, old_runs)
        if events:
            self._forgotten(events)
            self._slots(events)
            self._rules(host, events, old_tasks)

    def _gapless(self, events: list[Event], old_runs: dict[int, Run]) -> None:
        last = {key: run.last_seq for key, run in old_runs.items()}
        for event in events:
            if event.dag_run_id is None:
                continue
            if event.seq != last.get(event.dag_run_id, 0) + 1:
                raise Violation(f"event {event.seq} of run {event.dag_run_id} follows {last.get(event.dag_run_id, 0)}")
            last[event.dag_run_id] = event.seq
        for run in self.runs.values():
            if run.last_seq != last.get(run.id, 0):
                raise Violation(f"run {run.run_id} counts {run.last_seq} events and has {last.get(run.id, 0)}")

    def _story(self, host: Any, task: Task, old: Task | None, events: list[Event]) -> None:
        """Events and row tell one story, each step of which is legal."""
        name = f"{task.task_id}[{task.map_index}] of run {task.dag_run_id}"
        state = old.state if old is not None else None
        for event in events:
            if event.state_from is None:  # the birth of an instance of a mapped task
                state = event.state_to
                continue
            if event.state_from != state:
                raise Violation(f"{name} was {state}, its event says {event.state_from} > {event.state_to}")
            if event.state_to not in TASK_TRANSITIONS[event.state_from]:  # type: ignore[index]
                raise Violation(f"{name}: {event.state_from} > {event.state_to} is not in the table")
            if state in ENDED and event.actor is None and event.code not in OUTSIDE | {"expanded"}:
                raise Violation(f"{name} has ended as {state}, and became {event.state_to} by itself ({event.code})")
            self._try(task, event, name)
            if event.state_from == "up_for_retry" and event.state_to == "scheduled" and old is not None:
                self._due(host, old, name)
            state = event.state_to
        if old is None:
            self.tries_granted[task.id] = task.max_tries
            self.same_try[task.id] = False
            if state is None:
                state = "waiting"
        if task.state != state:
            raise Violation(f"{name} is {task.state}, by its events {state}")
        if old is not None:
            if task.row_version < old.row_version + sum(event.state_from is not None for event in events):
                raise Violation(f"{name} had version {old.row_version}, now {task.row_version}")
            if task.try_number != old.try_number and not any(event.state_to == "queued" for event in events):
                raise Violation(f"{name}: try {old.try_number} became {task.try_number} without a claim")
            if task.attempt_id is not None and task.attempt_id != old.attempt_id:
                self._fresh(task, old, events, name)
        if task.try_number > task.max_tries:
            raise Violation(f"{name} is in try {task.try_number} of {task.max_tries}")

    def _fresh(self, task: Task, old: Task, events: list[Event], name: str) -> None:
        if not any(event.state_to == "queued" for event in events):
            raise Violation(f"{name} got attempt {task.attempt_id} without a claim")
        if task.attempt_count != old.attempt_count + 1:
            raise Violation(f"{name}: attempt {old.attempt_count} was followed by {task.attempt_count}")
        expected = old.try_number + (0 if self.same_try[task.id] else 1)
        if task.try_number != expected:
            raise Violation(f"{name} is claimed for try {task.try_number}, it should be {expected}")

    def _try(self, task: Task, event: Event, name: str) -> None:
        """Keep book of tries: a loss and a reschedule stay in their try, all else that starts again is a new one."""
        if event.state_from in ACTIVE and event.state_to == "scheduled":
            self.same_try[task.id] = True
            if event.code != "infra":
                raise Violation(f"{name} was active and is scheduled again: {event.code}")
        elif event.state_to == "up_for_reschedule":
            self.same_try[task.id] = True
        elif event.state_to == "waiting" and event.code is None:
            pass  # an upstream task was cleared before it could start again
        elif event.state_to not in ("scheduled", "queued", "running"):
            self.same_try[task.id] = False

    def _due(self, host: Any, old: Task, name: str) -> None:
        """A retry waits for its time, by the clock as it was when the turn began."""
        due = self.retry_at.get(old.id)
        if due is not None and max(self.world.instant(), host.clock.latest) < due:
            raise Violation(f"{name} is tried again before {due}")

    def _held(self, task: Task) -> None:
        if task.state in ENDED:
            return
        name = f"{task.task_id}[{task.map_index}] of run {task.dag_run_id} ({task.state})"
        if not task.held_by:
            raise Violation(f"{name} is held by nobody")
        if task.state in HELD and (not task.check_at or task.check_at.startswith(NEVER)):
            raise Violation(f"{name} is never to be looked at again")
        if task.state in ("waiting", "scheduled") and task.attempt_id is not None:
            raise Violation(f"{name} names attempt {task.attempt_id}, which is not its own any more")
        if task.state in ACTIVE and (task.held_by == "scheduler" or task.attempt_id is None):
            raise Violation(f"{name} is held by {task.held_by} for attempt {task.attempt_id}")

    def _runs(self, events: list[Event], old_runs: dict[int, Run]) -> None:
        changed = {event.dag_run_id for event in events}
        for run in self.runs.values():
            old = old_runs.get(run.id)
            if run.state not in RUN_ENDED and (not run.held_by or run.check_at.startswith(NEVER)):
                raise Violation(f"run {run.run_id} ({run.state}) is held by {run.held_by!r} until {run.check_at}")
            if old is not None and old.row_version > run.row_version:
                raise Violation(f"run {run.run_id} had version {old.row_version}, now {run.row_version}")
            if run.id not in changed and (old is None or old.state == run.state):
                continue
            state = old.state if old is not None else None
            for event in events:
                if event.dag_run_id != run.id or event.kind not in ("run_state", "run_created"):
                    continue
                if event.kind == "run_state":
                    if event.state_from != state or event.state_to not in RUN_TRANSITIONS[event.state_from]:  # type: ignore[index]
                        raise Violation(
                            f"run {run.run_id}: {state} is followed by {event.state_from} > {event.state_to}"
                        )
                    if state in RUN_ENDED and event.actor is None:
                        raise Violation(f"run {run.run_id} has ended as {state}, and became {event.state_to} by itself")
                state = event.state_to
            if state != run.state:
                raise Violation(f"run {run.run_id} is {run.state}, by its events {state}")
            if run.state in RUN_ENDED:
                left = [
                    task.key for task in self.tasks.values() if task.dag_run_id == run.id and task.state not in ENDED
                ]
                if left:
                    raise Violation(f"run {run.run_id} has ended as {run.state}, open are {left}")

    def _attempts(self, host: Any, old: dict[str, Attempt], old_tasks: dict[int, Task]) -> None:
        for attempt in self.attempts.values():
            before = old.get(attempt.id)
            task = self.tasks[attempt.task_instance_id]
            name = f"attempt {attempt.attempt_number} of {task.task_id}[{task.map_index}]"
            if before is not None and before.finished_at is not None:
                if (before.finished_at, before.outcome) != (attempt.finished_at, attempt.outcome):
                    raise Violation(f"{name} had ended as {before.outcome}, now {attempt.outcome}")
                continue
            if attempt.outcome in NOT_ACCEPTED:
                given = self.world.given(attempt.id)
                if attempt.outcome == "lost" and isinstance(given, Report):
                    raise Violation(f"{name} reported {given.outcome}, and counts as lost")
                continue
            current = old_tasks.get(attempt.task_instance_id)
            if current is None or current.attempt_id != attempt.id or current.state not in ACTIVE:
                state = current and (current.state, current.attempt_id)
                raise Violation(f"{name} ({attempt.id}) was accepted as {attempt.outcome}, but the task was {state}")
            self._accepted(host, attempt, task, name, self.world.given(attempt.id))

    def _accepted(self, host: Any, attempt: Attempt, task: Task, name: str, given: Report | Problem | None) -> None:
        outcome = STATES.get(attempt.outcome or "", attempt.outcome)
        if isinstance(given, Report):
            if given.outcome != outcome:
                raise Violation(f"{name} reported {given.outcome}, recorded is {outcome}")
        elif outcome == "success":
            raise Violation(f"{name} left no result, recorded is success")
        if outcome == "success":
            self.accepted[task.id] += 1
        self.retry_at.pop(task.id, None)
        if outcome == "failed" and isinstance(given, Report):
            end = datetime.fromisoformat(given.end_date)
            spec = self.world.specs[self.runs[task.dag_run_id].dag_id]
            if end <= self.world.instant(host.machine):  # the clock was not set back meanwhile
                self.retry_at[task.id] = end + timedelta(seconds=spec.task(task.task_id).retry_delay)

    def _slots(self, events: list[Event]) -> None:
        claimed = {(event.dag_run_id, *event.key) for event in events if event.state_to == "queued" and event.task_id}
        if not claimed:
            return
        limits = dict(self.raw.execute("SELECT name, slots FROM pool").fetchall())
        active = [task for task in self.tasks.values() if task.state in ACTIVE]
        holders = {task.held_by for task in active if (task.dag_run_id, *task.key) in claimed}
        for holder in holders:
            count = sum(task.held_by == holder for task in active)
            if count > self.world.config.parallelism:
                raise Violation(f"{count} tasks are active on {holder}, {self.world.config.parallelism} may be")
        by_key = {(task.dag_run_id, *task.key): task for task in active}
        per_pool: Counter[str] = Counter()
        per_run: Counter[int] = Counter()
        per_task: Counter[tuple[str, str]] = Counter()
        for task in active:
            per_pool[task.pool] += task.pool_slots
            per_run[task.dag_run_id] += 1
            per_task[self.runs[task.dag_run_id].dag_id, task.task_id] += 1
        for run_id, task_id, map_index in claimed:
            run = self.runs[run_id or 0]
            spec = self.world.specs[run.dag_id]
            task_spec = next(item for item in spec.tasks if item.task_id == task_id)
            if per_pool[task_spec.pool] > limits[task_spec.pool]:
                raise Violation(f"pool {task_spec.pool} has {limits[task_spec.pool]} slots: {per_pool} are in use")
            if per_run[run.id] > spec.max_active_tasks:
                raise Violation(f"run {run.run_id}: {per_run[run.id]} of {spec.max_active_tasks} tasks are active")
            limit = task_spec.max_active_tis_per_dag
            if limit is not None and per_task[run.dag_id, task_id] > limit:
                raise Violation(f"{task_id}: more than {limit} instances are active")
            if self.world.is_shared and (by_key[run.id, task_id, map_index].held_by != run.held_by):
                raise Violation(f"{task_id}[{map_index}] is claimed by another host than {run.held_by}")
            if run.state != "running":
                raise Violation(f"{task_id}[{map_index}] is claimed though its run is {run.state}")
            if run.cancel_requested_at is not None and not task_spec.is_teardown:
                raise Violation(f"{task_id}[{map_index}] is claimed though its run {run.run_id} is cancelled")

    def _rules(self, host: Any, events: list[Event], old_tasks: dict[int, Task]) -> None:
        """What trigger rules have decided is what the slow model says, given all else that was committed."""
        of_run: dict[int, list[Event]] = {}
        for event in events:
            if event.dag_run_id is not None:
                of_run.setdefault(event.dag_run_id, []).append(event)
        by_key = {(task.dag_run_id, *task.key): task for task in self.tasks.values()}
        for run_id, told in of_run.items():
            run = self.runs[run_id]
            shadow = self.shadows.get(run_id)
            if shadow is None:
                shadow = self.shadows[run_id] = Shadow(self.world.specs[run.dag_id])
            is_holder = not self.world.is_shared or (host.desk is not None and run.held_by == host.desk.host_id)
            is_holder = is_holder or run.state in RUN_ENDED
            decided = False
            by_rule: set[tuple[str, int]] = set()
            claims = []
            for event in told:
                if event.kind == "run_state" and event.state_to in ("running", *RUN_ENDED):
                    decided = decided or event.actor is None
                if event.kind == "run_state" and event.state_to == "running":
                    self._runs_at_once(run)
                if event.kind != "task_state":
                    continue
                if event.state_from == "scheduled" and event.state_to == "queued":
                    claims.append(event.key)
                elif event.state_from in ACTIVE or event.code in OUTSIDE or event.actor is not None:
                    if event.code == "dag_retry" and decided and not shadow.is_lost:
                        shadow.model.settle()  # what came before in this transaction
                    task = by_key.get((run_id, *event.key))
                    before = old_tasks.get(task.id) if task is not None else None
                    given = self.world.given(before.attempt_id) if before is not None else None
                    shadow.external(event, task, given if isinstance(given, Report) else None)
                    decided = decided or (event.actor is None and is_holder)
                else:
                    if event.state_from in ("up_for_retry", "up_for_reschedule"):
                        shadow.model.states[event.key] = "waiting"
                    by_rule.add(event.key)
                    decided = True
            if shadow.is_lost:
                continue
            if decided and run.state != "queued":
                shadow.model.settle()
                # a holder need not know at once what another host has changed, but must not decide by what was
                self._compare(run, shadow, by_rule if self.world.is_shared else None)
            for key in claims:
                shadow.model.states[key] = "held"

    def _runs_at_once(self, run: Run) -> None:
        running = [item.run_id for item in self.runs.values() if item.dag_id == run.dag_id and item.state == "running"]
        limit = self.world.specs[run.dag_id].max_active_runs
        if len(running) > limit:
            raise Violation(f"{len(running)} runs of {run.dag_id} are running, {limit} may be")

    def _compare(self, run: Run, shadow: Shadow, only: set[tuple[str, int]] | None = None) -> None:
        model = shadow.model
        found = {task.key: task.state for task in self.tasks.values() if task.dag_run_id == run.id}
        told = {}
        for key, state in model.states.items():
            real = found.get(key)
            if (state == "held" and real in HELD) or (state == "scheduled" and real in {"scheduled", *ACTIVE}):
                told[key] = real
            else:
                told[key] = state
        if told != found:
            differences = {key: (found.get(key), told.get(key)) for key in {*found, *told}}
            wrong = {key: pair for key, pair in sorted(differences.items()) if pair[0] != pair[1]}
            if only is not None and only.isdisjoint(wrong):
                return
            raise Violation(f"run {run.run_id} of {run.dag_id}: by the rules {{task: (is, should be)}} = {wrong}")

    # --- the end

    def at_the_end(self) -> None:
        if left := self.unfinished():
            raise Violation(f"the world is over, unfinished are {left}")
        for task in self.tasks.values():
            if task.state not in ENDED:
                raise Violation(f"the world is over, {task.task_id}[{task.map_index}] is {task.state}")
        for run in self.runs.values():
            if not self.shadows[run.id].is_lost:
                self._compare(run, self.shadows[run.id])
        self._events_of_assets()
        self._xcoms()
