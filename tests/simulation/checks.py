"""What must hold after every commit, read by SQL of our own, and what must hold when a world is over."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from support.slow_model import SlowRun

from jupyter_flow.execution.executor import Problem
from jupyter_flow.model.records import Report, Workload
from jupyter_flow.model.state import RUN_TRANSITIONS, TASK_TRANSITIONS
from jupyter_flow.service.tokens import hash_token

from .faults import Violation

ACTIVE = {"queued", "running"}
HELD = {*ACTIVE, "up_for_retry", "up_for_reschedule"}
ENDED = {"success", "failed", "cancelled", "skipped", "upstream_failed", "removed"}
RUN_ENDED = {"success", "failed", "cancelled"}
OUTSIDE = {"marked", "cleared", "cancel", "run_cancelled", "run_timeout", "fail_fast", "dag_retry"}
"""Reasons of changes that the trigger rules know nothing of."""
NEVER = "9999"
NOT_ACCEPTED = {None, "stale", "lost"}
STATES = {"rescheduled": "up_for_reschedule"}

TASKS = """SELECT id, dag_run_id, task_id, map_index, state, row_version, held_by, check_at, try_number, max_tries,
 attempt_count, attempt_id, pool, pool_slots, infra_losses FROM task_instance"""
RUNS = "SELECT id, dag_id, run_id, state, row_version, held_by, check_at, last_seq, cancel_requested_at FROM dag_run"
ATTEMPTS = "SELECT id, task_instance_id, attempt_number, try_number, finished_at, outcome, token_hash FROM attempt"
EVENTS = """SELECT id, kind, dag_run_id, seq, task_id, map_index, state_from, state_to, reason, actor
 FROM event WHERE id > ? ORDER BY id"""


@dataclass
class Task:
    id: int
    dag_run_id: int
    task_id: str
    map_index: int
    state: str
    row_version: int
    held_by: str
    check_at: str
    try_number: int
    max_tries: int
    attempt_count: int
    attempt_id: str | None
    pool: str
    pool_slots: int
    infra_losses: int

    @property
    def key(self) -> tuple[str, int]:
        return self.task_id, self.map_index


@dataclass
class Run:
    id: int
    dag_id: str
    run_id: str
    state: str
    row_version: int
    held_by: str
    check_at: str
    last_seq: int
    cancel_requested_at: str | None


@dataclass
class Attempt:
    id: str
    task_instance_id: int
    attempt_number: int
    try_number: int
    finished_at: str | None
    outcome: str | None
    token_hash: str


@dataclass
class Event:
    id: int
    kind: str
    dag_run_id: int | None
    seq: int
    task_id: str | None
    map_index: int | None
    state_from: str | None
    state_to: str | None
    reason: Any
    actor: str | None

    @property
    def code(self) -> str | None:
        return json.loads(self.reason)["code"] if self.reason else None

    @property
    def key(self) -> tuple[str, int]:
        return self.task_id or "", -1 if self.map_index is None else self.map_index


class Shadow:
    """A slow model of one run, fed with what is not for trigger rules to decide; it says what the rest must be."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.model = SlowRun(spec)
        self.is_lost = False
        """The outcome is not determined by what the model knows."""

    def external(self, event: Event, task: Task | None, report: Report | None) -> None:
        model, key = self.model, event.key
        if event.state_to in ENDED:
            model.states[key] = event.state_to
            if event.state_to == "success" and event.state_from in ACTIVE and event.code == "ok" and report is not None:
                if report.follow is not None:
                    model.chosen[key] = dict(report.follow)
                for item in report.xcoms:
                    model.pushed[key] = len(item["value"])
        elif event.state_to == "waiting":
            model.states[key] = "waiting"
            model.chosen.pop(key, None)
            model.pushed.pop(key, None)
            if model.expansion(key[0]) is not None or any(item.expand for item in self.spec.tasks):
                self.is_lost = True  # how many instances there are is another question now
        elif event.state_to in HELD:
            model.states[key] = "held"
        else:
            model.states[key] = "scheduled"


class Checker:
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
        self.pools: dict[str, int] = {}

    # --- questions of the world

    def unfinished(self) -> list[str]:
        return [f"{run.dag_id}/{run.run_id} {run.state}" for run in self.runs.values() if run.state not in RUN_ENDED]

    def known_runs(self) -> list[tuple[str, str]]:
        return [(run.dag_id, run.run_id) for run in self.runs.values()]

    # --- a launch

    def launched(self, workload: Workload, token: str) -> None:
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
        if row[1:] != ("queued", key, workload.task.task_id, workload.map_index):
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
        for task in tasks.values():
            self._story(task, old_tasks.get(task.id), by_task.get((task.dag_run_id, *task.key), []))
            self._held(task)
        self._runs(events, old_runs)
        if events:
            self._attempts(old_attempts, old_tasks)
            self._slots(events)
            self._rules(events, old_tasks)

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

    def _story(self, task: Task, old: Task | None, events: list[Event]) -> None:
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
        elif event.state_to not in ("scheduled", "queued", "running"):
            self.same_try[task.id] = False
        if event.state_to == "waiting" and event.state_from == "up_for_reschedule" and event.code is None:
            self.same_try[task.id] = False

    def _held(self, task: Task) -> None:
        if task.state in ENDED:
            return
        name = f"{task.task_id}[{task.map_index}] of run {task.dag_run_id} ({task.state})"
        if not task.held_by:
            raise Violation(f"{name} is held by nobody")
        if task.state in HELD and (not task.check_at or task.check_at.startswith(NEVER)):
            raise Violation(f"{name} is never to be looked at again")
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

    def _attempts(self, old: dict[str, Attempt], old_tasks: dict[int, Task]) -> None:
        machine = self.world.machine
        for attempt in self.attempts.values():
            before = old.get(attempt.id)
            task = self.tasks[attempt.task_instance_id]
            name = f"attempt {attempt.attempt_number} of {task.task_id}[{task.map_index}]"
            if before is not None and before.finished_at is not None:
                if (before.finished_at, before.outcome) != (attempt.finished_at, attempt.outcome):
                    raise Violation(f"{name} had ended as {before.outcome}, now {attempt.outcome}")
                continue
            if attempt.outcome in NOT_ACCEPTED:
                given = machine.given.get(attempt.id)
                if attempt.outcome == "lost" and isinstance(given, Report):
                    raise Violation(f"{name} reported {given.outcome}, and counts as lost")
                continue
            current = old_tasks.get(attempt.task_instance_id)
            if current is None or current.attempt_id != attempt.id or current.state not in ACTIVE:
                state = current and (current.state, current.attempt_id)
                raise Violation(f"{name} ({attempt.id}) was accepted as {attempt.outcome}, but the task was {state}")
            self._accepted(attempt, task, name, machine.given.get(attempt.id))

    def _accepted(self, attempt: Attempt, task: Task, name: str, given: Report | Problem | None) -> None:
        outcome = STATES.get(attempt.outcome or "", attempt.outcome)
        if isinstance(given, Report):
            if given.outcome != outcome:
                raise Violation(f"{name} reported {given.outcome}, recorded is {outcome}")
        elif outcome == "success":
            raise Violation(f"{name} left no result, recorded is success")
        if outcome == "success":
            self.accepted[task.id] += 1

    def _slots(self, events: list[Event]) -> None:
        claimed = {(event.dag_run_id, *event.key) for event in events if event.state_to == "queued" and event.task_id}
        if not claimed:
            return
        limits = dict(self.raw.execute("SELECT name, slots FROM pool").fetchall())
        active = [task for task in self.tasks.values() if task.state in ACTIVE]
        if len(active) > self.world.config.parallelism:
            raise Violation(f"{len(active)} tasks are active, {self.world.config.parallelism} may be")
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
            if run.state != "running":
                raise Violation(f"{task_id}[{map_index}] is claimed though its run is {run.state}")
            if run.cancel_requested_at is not None and not task_spec.is_teardown:
                raise Violation(f"{task_id}[{map_index}] is claimed though its run {run.run_id} is cancelled")

    def _rules(self, events: list[Event], old_tasks: dict[int, Task]) -> None:
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
            decided = False
            claims = []
            for event in told:
                if event.kind == "run_state" and event.state_to in ("running", *RUN_ENDED):
                    decided = decided or event.actor is None
                if event.kind != "task_state":
                    continue
                if event.state_from == "scheduled" and event.state_to == "queued":
                    claims.append(event.key)
                elif event.state_from in ACTIVE or event.code in OUTSIDE or event.actor is not None:
                    if event.code == "dag_retry" and decided and not shadow.is_lost:
                        shadow.model.settle()  # what came before in this transaction
                    task = by_key.get((run_id, *event.key))
                    before = old_tasks.get(task.id) if task is not None else None
                    given = self.world.machine.given.get(before.attempt_id) if before is not None else None
                    shadow.external(event, task, given if isinstance(given, Report) else None)
                    decided = decided or event.actor is None
                elif event.state_from in ("up_for_retry", "up_for_reschedule"):
                    shadow.model.states[event.key] = "waiting"
                    decided = True
                else:
                    decided = True
            if shadow.is_lost:
                continue
            if decided and run.state != "queued":
                shadow.model.settle()
                self._compare(run, shadow)
            for key in claims:
                shadow.model.states[key] = "held"

    def _compare(self, run: Run, shadow: Shadow) -> None:
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
            raise Violation(f"run {run.run_id} of {run.dag_id}: by the rules {{task: (is, should be)}} = {wrong}")

    # --- the end

    def at_the_end(self) -> None:
        if left := self.unfinished():
            raise Violation(f"the world is over, unfinished are {left}")
        for task in self.tasks.values():
            if task.state not in ENDED:
                raise Violation(f"the world is over, {task.task_id}[{task.map_index}] is {task.state}")
        self._events_of_assets()
        self._xcoms()

    def _events_of_assets(self) -> None:
        found = Counter(
            tuple(row)
            for row in self.raw.execute(
                "SELECT source_dag_id, source_run_id, source_task_id, source_map_index FROM asset_event"
            )
        )
        for task in self.tasks.values():
            run = self.runs[task.dag_run_id]
            spec = next(item for item in self.world.specs[run.dag_id].tasks if item.task_id == task.task_id)
            there = found[run.dag_id, run.run_id, task.task_id, task.map_index]
            wanted = self.accepted[task.id] * len(spec.outlets)
            if there != wanted:
                raise Violation(f"{task.task_id}[{task.map_index}] made {there} asset events, not {wanted}")

    def _xcoms(self) -> None:
        query = """SELECT x.task_id, x.map_index, x.attempt_id, t.attempt_id, t.state FROM xcom x JOIN task_instance t
         ON t.dag_run_id = x.dag_run_id AND t.task_id = x.task_id AND t.map_index = x.map_index"""
        for task_id, map_index, by, current, state in self.raw.execute(query):
            if by != current:
                raise Violation(f"{task_id}[{map_index}] ({state}) keeps an XCom of attempt {by}, it is {current}")
