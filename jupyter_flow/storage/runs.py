"""The one door of state: nothing else in the house writes a ``state`` column.

Every change is a compare-and-swap on ``row_version`` (for what an attempt says of itself: on its attempt id) in
the same transaction as its event row. All functions work in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..model.changes import NewRun, RunChange, TaskChange
from ..model.errors import Conflict, NotFound, StaleReport
from ..model.frozen import changed
from ..model.instants import to_iso
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import DagRun, TaskInstance
from ..model.slots import Ready, SlotLimits, Usage
from ..model.spec import DagSpec, TaskSpec
from ..model.state import (
    RUN_TERMINAL,
    TASK_ACTIVE,
    TASK_TERMINAL,
    RunState,
    TaskState,
    check_run_transition,
    check_task_transition,
)
from ..model.wall import wall_text
from . import misses
from .events import RunEvent, append_run_events
from .group_usage import add_group_usage
from .mapping import to_run, to_task_instance
from .queries import find_idempotent, lock_pools, task_rows, usage
from .schema import attempt, dag_run, task_instance
from .types import NEVER

SCHEDULER = "scheduler"
"""``held_by`` of rows that wait for a decision."""
RUN_CHECK = timedelta(minutes=10)
"""How long a DAG run goes unlooked at before a sweep looks at it again."""

_UPDATE_RUN = (
    update(dag_run)
    .where(dag_run.c.id == bindparam("b_id"), dag_run.c.row_version == bindparam("b_row_version"))
    .values(
        {"row_version": dag_run.c.row_version + 1}
        | {
            name: bindparam(f"b_{name}")
            for name in [
                "state",
                "held_by",
                "check_at",
                "queued_at",
                "start_date",
                "end_date",
                "reason",
                "cancel_requested_at",
                "cancel_requested_by",
                "retries_used",
            ]
        }
    )
)
_RUN = select(dag_run).where(dag_run.c.id == bindparam("b_id")).with_for_update()
_OWN_VERSION = (
    task_instance.c.id == bindparam("b_id"),
    task_instance.c.row_version == bindparam("b_row_version"),
)
_WITH_OPEN_ATTEMPT = select(attempt.c.task_instance_id).where(
    attempt.c.task_instance_id.in_(bindparam("b_ids", expanding=True)), attempt.c.finished_at.is_(None)
)
_INSERT_TASKS = insert(task_instance)
_INSERT_ATTEMPTS = insert(attempt)


@dataclass(frozen=True)
class CreatedRun:
    """A DAG run with its task instances; ``created`` is False if an idempotency key found an earlier one."""

    run: DagRun
    tasks: list[TaskInstance]
    created: bool


@dataclass(frozen=True)
class Applied:
    """Task instances as they are now, and the changes that lost their compare-and-swap or their fence."""

    tasks: list[TaskInstance]
    lost: list[TaskChange]


@dataclass(frozen=True)
class LockedTasks:
    """Rows of task instances as read, under lock, for a :func:`transition_many` in the same transaction."""

    rows: Mapping[int, Row[Any]]

    def tasks(self) -> dict[int, TaskInstance]:
        """Return them by surrogate key; those that are not there any more are left out."""
        return {key: to_task_instance(row) for key, row in self.rows.items()}


@dataclass(frozen=True)
class Claim:
    """Ask to start ``ready`` as attempt ``attempt_id`` (32 hex digits); ``check_at``: when it must have started."""

    ready: Ready
    attempt_id: str
    token_hash: str
    check_at: datetime
    executor: str = "local"
    boot_id: str | None = None


@dataclass(frozen=True)
class Claimed:
    """What was claimed (now ``queued``), and why the rest was not."""

    tasks: list[TaskInstance]
    refused: list[tuple[Claim, Reason]]


def create_run(connection: Connection, new: NewRun, version_id: int, spec: DagSpec, now: datetime) -> CreatedRun:
    """Create a ``queued`` DAG run and all its ``waiting`` task instances.

    Raises :class:`Conflict` naming the run that has the same run id or logical date already, or the types of runs
    that the DAG allows.
    """
    if spec.allowed_run_types is not None and str(new.run_type) not in spec.allowed_run_types:
        allowed = ", ".join(spec.allowed_run_types) or "empty"
        raise Conflict(f"DAG {new.dag_id!r} does not allow {new.run_type} runs: its allowed_run_types are {allowed}")
    if new.idempotency_key is not None:
        earlier = find_idempotent(connection, new.dag_id, new.idempotency_key)
        if earlier is not None:
            return CreatedRun(earlier, [to_task_instance(row) for row in task_rows(connection, earlier.id)], False)
    values = {
        "dag_id": new.dag_id,
        "run_id": new.run_id,
        "run_type": str(new.run_type),
        "state": str(RunState.QUEUED),
        "row_version": 1,
        "held_by": SCHEDULER,
        "check_at": now + RUN_CHECK,
        "dag_version_id": version_id,
        "logical_date": new.logical_date,
        "data_interval_start": new.data_interval_start,
        "data_interval_end": new.data_interval_end,
        "run_after": new.run_after,
        "queued_at": now,
        "conf": dict(new.conf),
        "triggered_by": new.triggered_by,
        "actor": new.actor,
        "idempotency_key": new.idempotency_key,
        "timezone": new.timezone,
        "wall_text": new.wall_text or wall_text(new.run_after, new.timezone),
        "parent_run_id": new.parent_run_id,
        "parent_task_instance_id": new.parent_task_instance_id,
        "parent_try_number": new.parent_try_number,
        "backfill_id": new.backfill_id,
        "asset_event_set": new.asset_event_set,
        "note": new.note,
        "reason": new.reason and new.reason.to_json(),
    }
    try:
        with connection.begin_nested():
            run = to_run(connection.execute(insert(dag_run).returning(dag_run), values).one())
    except IntegrityError:
        raise _taken(connection, new) from None
    misses.watch(connection, run, spec, now)
    append_run_events(
        connection,
        [RunEvent(run.id, "run_created", run.dag_id, run.run_id, None, run.state, reason=run.reason)],
        now,
        None,
    )
    return CreatedRun(run, add_tasks(connection, run, spec.tasks), True)


def add_tasks(connection: Connection, run: DagRun, tasks: Iterable[TaskSpec]) -> list[TaskInstance]:
    """Insert ``waiting`` task instances of ``tasks`` into ``run`` and return all that the run has."""
    values = [_new_task(run, task) for task in tasks]
    if values:
        connection.execute(_INSERT_TASKS, values)
    return [to_task_instance(row) for row in task_rows(connection, run.id)]


def transition(connection: Connection, change: TaskChange, now: datetime, actor: Actor | None = None) -> TaskInstance:
    """Apply one change. Raises :class:`StaleReport` (fence), :class:`Conflict` (row version) or
    :class:`IllegalTransition`; then nothing is written.
    """
    applied = transition_many(connection, [change], now, actor)
    if applied.tasks:
        return applied.tasks[0]
    if change.attempt_id is not None:
        raise StaleReport(f"attempt {change.attempt_id} is not the current one of task {change.task_id!r}")
    raise Conflict(f"task instance {change.task_id!r} was changed meanwhile: look again")


def transition_many(
    connection: Connection,
    changes: Sequence[TaskChange],
    now: datetime,
    actor: Actor | None = None,
    locked: LockedTasks | None = None,
) -> Applied:
    """Apply ``changes`` together, in their order; losers are handed back, not raised.

    Several changes of one task instance are judged one after the other and have an event each, but its row is written
    once. ``locked``: the rows, if this transaction has read them already and has not written them since.
    Raises :class:`IllegalTransition` with the row's story; the caller's transaction must then be rolled back.
    """
    if locked is None:
        locked = lock_tasks(connection, {change.id for change in changes})
    lines: dict[int, _Line] = {}
    lost: list[TaskChange] = []
    events: list[RunEvent] = []
    for change in changes:
        line = lines.get(change.id)
        if line is None and (row := locked.rows.get(change.id)) is not None:
            old = to_task_instance(row)
            line = lines[change.id] = _Line(row, old, old, row.held_by, bool(row.same_try))
        if line is None or _is_lost(line.new, change):
            lost.append(change)
            continue
        before = line.new
        check_task_transition(before.state, change.state, _story(before))
        line.new, line.held_by = _changed(before, change, now, line.held_by)
        line.same_try = _is_within_try(line, before, line.new)
        events.append(_task_event(before, line.new))
    written = [line for line in lines.values() if line.new is not line.old]
    _write(connection, [_task_values(line.row, line.old, line.new, line.held_by, line.same_try) for line in written])
    append_run_events(connection, events, now, actor)
    return Applied([line.new for line in written], lost)


@dataclass
class _Line:
    """The row of a task instance as it was read (``old``), and what it is to be."""

    row: Row[Any]
    old: TaskInstance
    new: TaskInstance
    held_by: str
    same_try: bool


def lock_tasks(connection: Connection, ids: Iterable[int]) -> LockedTasks:
    """Read task instances for a :func:`transition_many` in this transaction."""
    return LockedTasks(_locked(connection, sorted(ids)))


def transition_run(
    connection: Connection, change: RunChange, now: datetime, actor: Actor | None = None, host_id: str = SCHEDULER
) -> DagRun:
    """Apply one change of a DAG run. ``host_id``: who holds it from now on, if it runs.

    Raises :class:`Conflict`, :class:`NotFound` or :class:`IllegalTransition`.
    """
    row = connection.execute(_RUN, {"b_id": change.id}).one_or_none()
    if row is None:
        raise NotFound(f"DAG run number {change.id} does not exist")
    old = to_run(row)
    if change.row_version is not None and change.row_version != old.row_version:
        raise Conflict(f"DAG run {old.run_id!r} of {old.dag_id!r} was changed meanwhile: look again")
    check_run_transition(
        old.state, change.state, f"{old.dag_id}/{old.run_id} (version {old.row_version}, reason: {old.reason})"
    )
    new = replace(old, state=change.state, row_version=old.row_version + 1, reason=change.reason)
    if change.state is RunState.RUNNING:
        new = replace(new, start_date=old.start_date or now, end_date=None)
    elif change.state is RunState.QUEUED:
        new = replace(
            new, queued_at=now, start_date=None, end_date=None, cancel_requested_at=None, cancel_requested_by=None
        )
    else:
        new = replace(new, end_date=now)
    if change.retries_used is not None:
        new = replace(new, retries_used=change.retries_used)
    ended = new.state in RUN_TERMINAL
    new = replace(new, held_by="" if ended else host_id if new.state is RunState.RUNNING else SCHEDULER)
    values = {
        "b_id": old.id,
        "b_row_version": old.row_version,
        "b_state": str(new.state),
        "b_held_by": new.held_by,
        "b_check_at": NEVER if ended else now + RUN_CHECK,
        "b_queued_at": new.queued_at,
        "b_start_date": new.start_date,
        "b_end_date": new.end_date,
        "b_reason": new.reason and new.reason.to_json(),
        "b_cancel_requested_at": new.cancel_requested_at,
        "b_cancel_requested_by": new.cancel_requested_by,
        "b_retries_used": new.retries_used,
    }
    if connection.execute(_UPDATE_RUN, values).rowcount != 1:
        raise Conflict(f"DAG run {old.run_id!r} of {old.dag_id!r} was changed meanwhile: look again")
    event = RunEvent(new.id, "run_state", new.dag_id, new.run_id, str(old.state), str(new.state), reason=new.reason)
    append_run_events(connection, [event], now, actor)
    return new


def claim(
    connection: Connection,
    wanted: Sequence[Claim],
    limits: SlotLimits,
    host_id: str,
    now: datetime,
    used: Usage | None = None,
) -> Claimed:
    """Take ``scheduled`` task instances for ``host_id``, in the given order, as far as ``limits`` allow.

    Slots in use are counted inside this transaction. Each winner becomes ``queued`` with a new attempt; a new try
    begins unless the last attempt was lost before its end. Losers come back with the reason. One whose earlier
    attempt was fenced off (a clear) and has not ended yet has to wait: two must not run side by side.
    ``used``: the slots in use, if this transaction has its turn (see ``database.py``) and has counted them already.
    """
    claimed = Claimed([], [])
    if not wanted:
        return claimed
    if used is None:
        lock_pools(connection)
        used = usage(connection, host_id)
        if limits.groups:
            add_group_usage(connection, used, host_id)
    rows = _locked(connection, [item.ready.task_instance_id for item in wanted])
    ending = _with_open_attempt(connection, [row.id for row in rows.values() if row.attempt_count])
    updates: list[dict[str, Any]] = []
    attempts: list[dict[str, Any]] = []
    events: list[RunEvent] = []
    for item in wanted:
        row = rows.get(item.ready.task_instance_id)
        if row is None or row.row_version != item.ready.row_version or row.state != TaskState.SCHEDULED:
            claimed.refused.append((item, Reason("changed")))
            continue
        if row.id in ending:
            claimed.refused.append((item, Reason("attempt_ending")))
            continue
        reason = used.take(item.ready, limits)
        if reason is not None:
            claimed.refused.append((item, reason))
            continue
        old = to_task_instance(row)
        new = changed(
            old,
            state=TaskState.QUEUED,
            row_version=old.row_version + 1,
            try_number=old.try_number + (0 if row.same_try else 1),
            attempt_count=old.attempt_count + 1,
            attempt_id=item.attempt_id,
            queued_at=now,
            start_date=None,
            end_date=None,
            check_at=item.check_at,
            reason=None,
            failing_cell=None,
        )
        updates.append(_task_values(row, old, new, host_id, _is_within_try(row, old, new)))
        attempts.append(_new_attempt(item, new, host_id, now))
        events.append(_task_event(old, new))
        claimed.tasks.append(new)
    _write(connection, updates)
    if attempts:
        connection.execute(_INSERT_ATTEMPTS, attempts)
    append_run_events(connection, events, now, None)
    return claimed


def _locked(connection: Connection, ids: Sequence[int]) -> dict[int, Row[Any]]:
    return {row.id: row for row in task_rows(connection, ids=ids, lock=True)} if ids else {}


def _with_open_attempt(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Return those of the task instances ``ids`` of which an attempt has not ended."""
    if not ids:
        return set()
    return set(connection.execute(_WITH_OPEN_ATTEMPT, {"b_ids": list(ids)}).scalars())


def _is_lost(row: TaskInstance, change: TaskChange) -> bool:
    if change.row_version is not None and row.row_version != change.row_version:
        return True
    return change.attempt_id is not None and (row.attempt_id != change.attempt_id or row.state not in TASK_ACTIVE)


def _write(connection: Connection, updates: list[dict[str, Any]]) -> None:
    """Write rows, each as long as nobody else did; those that change in the same columns together."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for values in updates:
        alike.setdefault(tuple(values), []).append(values)
    for names, rows in alike.items():
        if connection.execute(_update_task(names), rows).rowcount != len(rows):
            raise Conflict("task instances were changed meanwhile: look again")


@lru_cache(maxsize=256)
def _update_task(names: tuple[str, ...]) -> Update:
    """Return the statement that writes the columns ``names`` (parameters of :func:`_task_values`)."""
    columns = [name[2:] for name in names if name not in ("b_id", "b_row_version", "b_new_version")]
    values: dict[str, Any] = {
        "row_version": bindparam("b_new_version"),
        **{name: bindparam(f"b_{name}") for name in columns},
    }
    return update(task_instance).where(*_OWN_VERSION).values(values)


def _changed(old: TaskInstance, change: TaskChange, now: datetime, held_by: str) -> tuple[TaskInstance, str]:
    at = change.at or now
    state = change.state
    values: dict[str, Any] = {
        "state": state,
        "row_version": old.row_version + 1,
        "reason": change.reason,
        "check_at": change.check_at,
        "follow": change.follow,
        "label": change.label or old.label,
    }
    if change.max_tries is not None:
        values["max_tries"] = change.max_tries
    if state in TASK_TERMINAL:
        # an attempt whose start was never recorded began when it was claimed
        start_date = old.start_date or (old.queued_at if change.attempt_id is not None else None)
        values |= {"start_date": start_date, "end_date": at, "check_at": None, "failing_cell": change.failing_cell}
        held_by = ""
    elif state is TaskState.RUNNING:
        values |= {"start_date": at, "first_started_at": old.first_started_at or at}
        values["check_at"] = change.check_at or old.check_at
    else:
        held_by = SCHEDULER
        if state is TaskState.SCHEDULED:
            losses = old.infra_losses + (1 if change.infra_loss else 0)
            values |= {"scheduled_at": now, "attempt_id": None, "infra_losses": losses}
        elif state is TaskState.UP_FOR_RESCHEDULE:
            first = old.first_started_at or old.queued_at
            values |= {"end_date": at, "infra_losses": 0, "reschedules": old.reschedules + 1, "first_started_at": first}
        elif state is TaskState.UP_FOR_RETRY:
            values |= {"end_date": at, "infra_losses": 0, "failing_cell": change.failing_cell}
            values |= {"first_started_at": None, "reschedules": 0}
        else:
            values |= dict.fromkeys(_CLEARED) | {"infra_losses": 0, "reschedules": 0}
    return changed(old, **values), held_by


_CLEARED = (
    *("attempt_id", "failing_cell", "scheduled_at", "queued_at", "start_date", "end_date"),
    *("cancel_requested_at", "cancel_requested_by", "first_started_at"),
)
"""What a task instance loses that waits again."""


def _task_values(row: Row[Any], old: TaskInstance, new: TaskInstance, held_by: str, same_try: bool) -> dict[str, Any]:
    """Return the parameters that make ``row`` (read as ``old``) to ``new``: only what is different, as each column and
    each of its indexes costs time.
    """
    values: dict[str, Any] = {"b_id": old.id, "b_row_version": old.row_version, "b_new_version": new.row_version}
    if row.held_by != held_by:
        values["b_held_by"] = held_by
    if row.same_try != same_try:
        values["b_same_try"] = same_try
    before, after = vars(old), vars(new)
    for name in _COLUMNS:
        value = after[name]
        if value != before[name]:
            write = _WRITTEN_AS.get(name)
            values[f"b_{name}"] = value if write is None else write(value)
    return values


def _is_within_try(row: Row[Any] | _Line, old: TaskInstance, new: TaskInstance) -> bool:
    """Tell whether the next attempt belongs to the try of the last one, which was lost or asked to start again.

    That stays so while the task waits again for an upstream one that was cleared; when it is cleared itself (then there
    is a reason) a new try begins.
    """
    if new.state is TaskState.WAITING:
        return bool(row.same_try) and new.reason is None
    within = bool(row.same_try) or old.state in TASK_ACTIVE or old.state is TaskState.UP_FOR_RESCHEDULE
    return new.state is TaskState.SCHEDULED and within


_COLUMNS = [field.name for field in fields(TaskInstance) if field.name not in ("id", "row_version")]
_WRITTEN_AS: dict[str, Callable[[Any], Any]] = {
    "state": str,
    "check_at": lambda instant: instant or NEVER,
    "reason": lambda reason: reason and reason.to_json(),
    "follow": lambda follow: None if follow is None else dict(follow),
}


def _task_event(old: TaskInstance, new: TaskInstance) -> RunEvent:
    return RunEvent(
        new.dag_run_id,
        "task_state",
        new.dag_id,
        new.run_id,
        str(old.state),
        str(new.state),
        new.task_id,
        new.map_index,
        new.reason,
    )


def _story(row: TaskInstance) -> str:
    return (
        f"{row.dag_id}/{row.run_id}/{row.task_id}[{row.map_index}] (version {row.row_version}, "
        f"try {row.try_number} of {row.max_tries}, attempt {row.attempt_id}, reason: {row.reason})"
    )


def _new_task(run: DagRun, task: TaskSpec) -> dict[str, Any]:
    return {
        "dag_run_id": run.id,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "task_id": task.task_id,
        "map_index": -1,
        "operator": task.operator,
        "is_notebook": task.is_notebook,
        "state": str(TaskState.WAITING),
        "row_version": 1,
        "held_by": SCHEDULER,
        "check_at": NEVER,
        "try_number": 0,
        "max_tries": task.retries + 1,
        "same_try": False,
        "attempt_count": 0,
        "infra_losses": 0,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "priority_weight": task.priority_weight,
        "queue": task.queue,
        "resource_group": task.resource_group,
        "resources": dict(task.resources) or None,
    }


def _new_attempt(item: Claim, task: TaskInstance, host_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": item.attempt_id,
        "kind": "task",
        "task_instance_id": task.id,
        "attempt_number": task.attempt_count,
        "try_number": task.try_number,
        "host_id": host_id,
        "held_by": host_id,
        "token_hash": item.token_hash,
        "boot_id": item.boot_id,
        "executor": item.executor,
        "dag_version_id": item.ready.dag_version_id,
        "claimed_at": now,
    }


def _taken(connection: Connection, new: NewRun) -> Conflict:
    same_date = connection.execute(
        select(dag_run.c.run_id).where(dag_run.c.dag_id == new.dag_id, dag_run.c.logical_date == new.logical_date)
    ).scalar_one_or_none()
    if same_date is not None and new.logical_date is not None:
        date = to_iso(new.logical_date)
        return Conflict(f"logical date {date} of DAG {new.dag_id!r} is taken by run {same_date!r}: clear that run")
    same_id = connection.execute(
        select(dag_run.c.run_id).where(dag_run.c.dag_id == new.dag_id, dag_run.c.run_id == new.run_id)
    ).scalar_one_or_none()
    if same_id is not None:
        return Conflict(f"DAG {new.dag_id!r} has a run {same_id!r} already: choose another run id")
    return Conflict(f"DAG run {new.run_id!r} of {new.dag_id!r} contradicts an existing one or an unknown version")
