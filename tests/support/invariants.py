"""What must hold in the database at any commit, asked of its rows alone: on SQLite and on PostgreSQL.

``check(engine)`` returns a sentence for each breach. The history is that of the event rows; nothing here asks the
deciding core. DAGs with setup or teardown tasks are left out of the question about trigger rules.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.engine import Row

from jupyter_flow.model.state import RUN_TRANSITIONS, TASK_TRANSITIONS, RunState, TaskState
from jupyter_flow.storage import schema
from jupyter_flow.storage.types import NEVER

ACTIVE = {"queued", "running"}
TASK_ENDS = {"success", "failed", "skipped", "cancelled", "upstream_failed", "removed"}
RUN_ENDS = {"success", "failed", "cancelled"}
FAILED = {"failed", "cancelled", "upstream_failed"}


@dataclass(frozen=True)
class Limits:
    """What the host was given. None: not checked. ``pools``: name -> slots; as the table says if not given."""

    parallelism: int | None = None
    notebook_parallelism: int | None = None
    pools: dict[str, int] | None = None


@dataclass
class Book:
    """All rows that the questions need."""

    runs: dict[int, Row[Any]]
    tasks: dict[int, Row[Any]]
    attempts: dict[str, Row[Any]]
    events: list[Row[Any]]
    pools: dict[str, int]
    specs: dict[int, dict[str, Any]]
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def read(cls, connection: Connection, limits: Limits) -> Book:
        def rows(table: Any, *order: Any) -> list[Row[Any]]:
            return list(connection.execute(select(table).order_by(*order)))

        specs = connection.execute(select(schema.dag_version.c.id, schema.dag_version.c.spec))
        return cls(
            {row.id: row for row in rows(schema.dag_run, schema.dag_run.c.id)},
            {row.id: row for row in rows(schema.task_instance, schema.task_instance.c.id)},
            {row.id: row for row in rows(schema.attempt, schema.attempt.c.attempt_number)},
            rows(schema.event, schema.event.c.id),
            {row.name: row.slots for row in rows(schema.pool, schema.pool.c.name)},
            {row.id: json.loads(row.spec) for row in specs},
            limits,
        )

    @cached_property
    def attempts_of(self) -> dict[int, list[Row[Any]]]:
        found: dict[int, list[Row[Any]]] = defaultdict(list)
        for row in self.attempts.values():
            found[row.task_instance_id].append(row)
        return found

    @cached_property
    def by_key(self) -> dict[tuple[int, str, int], Row[Any]]:
        return {(row.dag_run_id, row.task_id, row.map_index): row for row in self.tasks.values()}

    @cached_property
    def task_events(self) -> dict[tuple[int, str, int], list[Row[Any]]]:
        found: dict[tuple[int, str, int], list[Row[Any]]] = defaultdict(list)
        for row in self.events:
            if row.kind == "task_state":
                found[row.dag_run_id, row.task_id, row.map_index].append(row)
        return found

    def name(self, row: Row[Any]) -> str:
        index = f"[{row.map_index}]" if row.map_index >= 0 else ""
        return f"{row.dag_id}/{row.run_id}/{row.task_id}{index}"


def one_holder(book: Book) -> Iterator[str]:
    """An active task instance has one unfinished attempt, its newest, which its holder holds; others have none."""
    for row in book.tasks.values():
        attempts = book.attempts_of[row.id]
        if row.state not in ACTIVE:
            current = book.attempts.get(row.attempt_id or "")
            if current is not None and current.finished_at is None and not _was_forced(book, row):
                yield f"{book.name(row)} is {row.state}, but its attempt {current.id} is not finished"
            continue
        current = book.attempts.get(row.attempt_id or "")
        if current is None or current.task_instance_id != row.id:
            yield f"{book.name(row)} is {row.state} without an attempt of its own"
        elif current.finished_at is not None:
            yield f"{book.name(row)} is {row.state}, but its attempt {current.id} is finished"
        elif attempts[-1].id != current.id:
            yield f"{book.name(row)} holds attempt {current.id}, but {attempts[-1].id} is newer"
        elif current.held_by != row.held_by:
            yield f"{book.name(row)} is held by {row.held_by}, its attempt by {current.held_by}"


def _was_forced(book: Book, row: Row[Any]) -> bool:
    """Whether somebody marked or cleared it, so that an attempt may still be ending."""
    events = book.task_events[row.dag_run_id, row.task_id, row.map_index]
    return any(event.actor for event in events)


def legal_transitions(book: Book) -> Iterator[str]:
    """Each change of state begins where the last one ended, is in the table, and the row is where the last one went."""
    for (run, task_id, map_index), events in book.task_events.items():
        row = book.by_key.get((run, task_id, map_index))
        state = "waiting"
        for event in events:
            name = f"{event.dag_id}/{event.run_id}/{task_id}[{map_index}], event {event.seq}"
            if event.state_from is None:
                state = event.state_to
                continue
            if event.state_from != state:
                yield f"{name}: from {event.state_from}, but it was {state}"
            if event.state_to not in TASK_TRANSITIONS[TaskState(event.state_from)]:
                yield f"{name}: {event.state_from} -> {event.state_to} is not a legal transition"
            state = event.state_to
        if row is not None and row.state != state:
            yield f"{book.name(row)} is {row.state}, its events say {state}"
    for row in book.tasks.values():
        if row.state != "waiting" and not book.task_events[row.dag_run_id, row.task_id, row.map_index]:
            yield f"{book.name(row)} is {row.state}, its events say waiting"
    states: dict[int, str] = {}
    for event in book.events:
        if event.kind == "run_created":
            states[event.dag_run_id] = event.state_to
        elif event.kind == "run_state":
            before = states.get(event.dag_run_id)
            name = f"run {event.dag_id}/{event.run_id}, event {event.seq}"
            if event.state_from != before:
                yield f"{name}: from {event.state_from}, but it was {before}"
            if event.state_to not in RUN_TRANSITIONS[RunState(event.state_from)]:
                yield f"{name}: {event.state_from} -> {event.state_to} is not a legal transition"
            states[event.dag_run_id] = event.state_to
    for run in book.runs.values():
        if run.state != states.get(run.id):
            yield f"run {run.dag_id}/{run.run_id} is {run.state}, its events say {states.get(run.id)}"


def terminal_is_final(book: Book) -> Iterator[str]:
    """Only a person takes a task instance out of its end; an automatic new start of it is a new try."""
    for (_run, task_id, map_index), events in book.task_events.items():
        for event in events:
            over = event.state_from in TASK_ENDS
            if over and not event.actor and not _is_automatic(event):
                name = f"{event.dag_id}/{event.run_id}/{task_id}[{map_index}], event {event.seq}"
                yield f"{name}: {event.state_from} -> {event.state_to} by nobody"
    for row in book.tasks.values():
        ended: Row[Any] | None = None
        for attempt in book.attempts_of[row.id]:
            if ended is not None and attempt.try_number <= ended.try_number:
                yield f"{book.name(row)}: attempt {attempt.attempt_number} after the end of try {ended.try_number}"
            if attempt.outcome in ("success", "failed", "skipped", "cancelled"):
                ended = attempt


def _is_automatic(event: Row[Any]) -> bool:
    """Whether the house itself may do so: retries of a whole run, changes of what a task is mapped over."""
    code = (event.reason or {}).get("code") if isinstance(event.reason, dict) else None
    return code in ("dag_retry", "expanded", "cleared", "run_retry") or event.state_to == "removed"


def accepted_is_current(book: Book) -> Iterator[str]:
    """A result counts once per try, and only that of the current attempt."""
    for row in book.tasks.values():
        accepted = Counter(a.try_number for a in book.attempts_of[row.id] if a.outcome == "success")
        for number, count in accepted.items():
            if count > 1:
                yield f"{book.name(row)}: {count} results were accepted for try {number}"
        events = book.task_events[row.dag_run_id, row.task_id, row.map_index]
        if row.state != "success" or not events or events[-1].actor or row.attempt_id is None:
            continue
        current = book.attempts.get(row.attempt_id)
        if current is None or current.outcome != "success":
            found = "missing" if current is None else current.outcome
            yield f"{book.name(row)} is success, but its current attempt {row.attempt_id} is {found}"


def upstream_first(book: Book) -> Iterator[str]:
    """When a task instance was scheduled, its trigger rule held on what was committed by then."""
    order: dict[int, list[Row[Any]]] = defaultdict(list)
    for event in book.events:
        if event.kind == "task_state":
            order[event.dag_run_id].append(event)
    for number, events in order.items():
        run = book.runs.get(number)
        spec = book.specs.get(run.dag_version_id) if run is not None else None
        if spec is None:
            continue
        tasks = {task["task_id"]: task for task in spec["tasks"]}
        if any(task.get("is_setup") or task.get("is_teardown") for task in tasks.values()):
            continue
        states: dict[str, dict[int, str]] = defaultdict(dict)
        for row in book.tasks.values():
            if row.dag_run_id == number:
                states[row.task_id][row.map_index] = "waiting"
        for event in sorted(events, key=lambda item: item.seq):
            states[event.task_id][event.map_index] = event.state_to
            if event.map_index >= 0:
                states[event.task_id].pop(-1, None)
            if event.state_from != "waiting" or event.state_to != "scheduled" or event.task_id not in tasks:
                continue
            task = tasks[event.task_id]
            found = [s for name in task.get("upstream") or () for s in _upstream(states, tasks, task, name, event)]
            if found and not _holds(task.get("trigger_rule", "all_success"), found):
                yield (
                    f"{event.dag_id}/{event.run_id}/{event.task_id}, event {event.seq}: scheduled under "
                    f"{task.get('trigger_rule')} while its upstream was {sorted(found)}"
                )


def _upstream(
    states: dict[str, dict[int, str]], tasks: dict[str, Any], task: dict[str, Any], name: str, event: Row[Any]
) -> list[str]:
    instances = states.get(name, {})
    together = task.get("group") and task.get("group") == tasks.get(name, {}).get("group")
    if together and event.map_index >= 0 and event.map_index in instances:
        instances = {event.map_index: instances[event.map_index]}
    return [state for state in instances.values() if state != "removed"]


def _holds(rule: str, states: list[str]) -> bool:
    done = all(state in TASK_ENDS for state in states)
    failed = sum(state in FAILED for state in states)
    success, skipped = states.count("success"), states.count("skipped")
    rules: dict[str, Callable[[], bool]] = {
        "all_success": lambda: success == len(states),
        "all_failed": lambda: failed == len(states),
        "all_done": lambda: done,
        "one_success": lambda: success > 0,
        "one_failed": lambda: failed > 0,
        "one_done": lambda: success + failed > 0,
        "none_failed": lambda: done and not failed,
        "none_failed_min_one_success": lambda: done and not failed and success > 0,
        "none_skipped": lambda: done and not skipped,
        "all_skipped": lambda: skipped == len(states),
        "all_done_min_one_success": lambda: done and success > 0,
    }
    return rules.get(rule, lambda: True)()


def looked_after(book: Book) -> Iterator[str]:
    """Every row that is not over has a holder, and an instant at which somebody looks at it again."""
    for run in book.runs.values():
        if run.state not in RUN_ENDS and (not run.held_by or run.check_at is None or run.check_at >= NEVER):
            yield f"run {run.dag_id}/{run.run_id} is {run.state}: held by {run.held_by!r}, looked at {run.check_at}"
    for row in book.tasks.values():
        if row.state in TASK_ENDS:
            continue
        if not row.held_by:
            yield f"{book.name(row)} is {row.state} and nobody holds it"
        elif row.state in ACTIVE | {"up_for_retry", "up_for_reschedule"} and row.check_at >= NEVER:
            yield f"{book.name(row)} is {row.state} and nobody looks at it again"


def one_run_per_date(book: Book) -> Iterator[str]:
    """A DAG has one run for a logical date, and one for an idempotency key."""
    dates = Counter((run.dag_id, run.logical_date) for run in book.runs.values() if run.logical_date is not None)
    keys = Counter((run.dag_id, run.idempotency_key) for run in book.runs.values() if run.idempotency_key)
    for (dag_id, what), count in [*dates.items(), *keys.items()]:
        if count > 1:
            yield f"DAG {dag_id} has {count} runs for {what}"


def gapless_events(book: Book) -> Iterator[str]:
    """The events of a run are numbered 1, 2, 3, … as far as the run says."""
    found: dict[int, list[int]] = defaultdict(list)
    for event in book.events:
        if event.dag_run_id is not None:
            found[event.dag_run_id].append(event.seq)
    for run in book.runs.values():
        numbers = sorted(found[run.id])
        if numbers != list(range(1, run.last_seq + 1)):
            missing = sorted(set(range(1, run.last_seq + 1)) - set(numbers))
            yield f"events of run {run.dag_id}/{run.run_id}: {len(numbers)} of {run.last_seq}, missing {missing[:5]}"


def within_limits(book: Book) -> Iterator[str]:
    """Slots of pools, parallelism, and the limits of DAGs were never exceeded, event by event."""
    pools = book.limits.pools if book.limits.pools is not None else book.pools
    active: set[tuple[int, str, int]] = set()
    running: dict[str, set[int]] = defaultdict(set)
    used: Counter[str] = Counter()
    in_run: Counter[int] = Counter()
    notebooks = 0
    told: set[str] = set()

    def breach(what: str, event: Row[Any], count: int, limit: int) -> Iterator[str]:
        if what not in told:
            told.add(what)
            yield f"{what}: {count} of {limit} at event {event.id} ({event.dag_id}/{event.run_id}/{event.task_id})"

    for event in book.events:
        run = book.runs.get(event.dag_run_id)
        spec = book.specs.get(run.dag_version_id, {}) if run is not None else {}
        if event.kind == "run_state" and run is not None and run.backfill_id is None:
            runs = running[event.dag_id]
            runs.add(run.id) if event.state_to == "running" else runs.discard(run.id)
            limit = spec.get("max_active_runs", 16)
            if event.state_to == "running" and len(runs) > limit:
                yield from breach(f"max_active_runs of {event.dag_id}", event, len(runs), limit)
        if event.kind != "task_state":
            continue
        key = (event.dag_run_id, event.task_id, event.map_index)
        row = book.by_key.get(key)
        if row is None:
            continue
        if event.state_to in ACTIVE and key not in active:
            active.add(key)
            used[row.pool] += row.pool_slots
            in_run[row.dag_run_id] += 1
            notebooks += bool(row.is_notebook)
            slots = pools.get(row.pool, -1)
            if 0 <= slots < used[row.pool]:
                yield from breach(f"pool {row.pool}", event, used[row.pool], slots)
            limit = spec.get("max_active_tasks", 16)
            if in_run[row.dag_run_id] > limit:
                yield from breach(f"max_active_tasks of {event.dag_id}", event, in_run[row.dag_run_id], limit)
            if book.limits.parallelism is not None and len(active) > book.limits.parallelism:
                yield from breach("parallelism", event, len(active), book.limits.parallelism)
            most = book.limits.notebook_parallelism
            if row.is_notebook and most is not None and notebooks > most:
                yield from breach("notebook_parallelism", event, notebooks, most)
        elif event.state_to not in ACTIVE and key in active:
            active.discard(key)
            used[row.pool] -= row.pool_slots
            in_run[row.dag_run_id] -= 1
            notebooks -= bool(row.is_notebook)


INVARIANTS: dict[str, Callable[[Book], Iterator[str]]] = {
    item.__name__: item
    for item in (
        one_holder,
        legal_transitions,
        terminal_is_final,
        accepted_is_current,
        upstream_first,
        looked_after,
        one_run_per_date,
        gapless_events,
        within_limits,
    )
}


def check(engine: Engine, limits: Limits | None = None) -> list[str]:
    """Return what does not hold, a sentence each, with the name of the invariant."""
    with engine.connect() as connection:
        book = Book.read(connection, limits or Limits())
    return [f"{name}: {text}" for name, ask in INVARIANTS.items() for text in ask(book)]


def settled(engine: Engine) -> list[str]:
    """Return what is still open: runs that are not over, attempts that are not finished."""
    with engine.connect() as connection:
        book = Book.read(connection, Limits())
    found = [f"run {row.dag_id}/{row.run_id} is {row.state}" for row in book.runs.values() if row.state not in RUN_ENDS]
    return found + [f"attempt {row.id} is not finished" for row in book.attempts.values() if row.finished_at is None]
