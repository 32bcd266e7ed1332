"""What people ask of runs and tasks: clear, mark, cancel. States change through ``runs`` only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from ..model.changes import RunChange, TaskChange
from ..model.errors import Conflict, IllegalTransition, NotFound
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import DagRun, TaskInstance
from ..model.spec import DagSpec
from ..model.state import RUN_TERMINAL, TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from . import xcoms
from .queries import run_by_id, task_instances, task_instances_by_id
from .runs import add_tasks, transition, transition_many, transition_run
from .schema import dag_run, task_instance
from .types import AT_ONCE

Key = tuple[str, int]

_GRANT_TRIES = (
    update(task_instance).where(task_instance.c.id == bindparam("b_id")).values(max_tries=bindparam("b_max_tries"))
)


@dataclass(frozen=True)
class Edited:
    """A DAG run after an edit, with all its task instances."""

    run: DagRun
    tasks: list[TaskInstance]


def clear(
    connection: Connection,
    run: DagRun,
    keys: Collection[Key],
    version_id: int,
    spec: DagSpec,
    now: datetime,
    actor: Actor,
    reason: Reason | None = None,
) -> Edited:
    """Let the task instances ``keys`` of ``run`` run again, under the given DAG version; a finished run reopens.

    They get a fresh set of tries and lose their XComs. Tasks that the version no longer has become ``removed``,
    new ones are added; so do instances of tasks that are not mapped any more. A running attempt is fenced off:
    the caller has to end it. Raises :class:`NotFound` for a key that the run does not have, :class:`Conflict` if the
    run was changed meanwhile.
    """
    tasks = {(task.task_id, task.map_index): task for task in task_instances(connection, run.id)}
    if unknown := sorted(set(keys) - set(tasks)):
        raise NotFound(f"run {run.run_id!r} of DAG {run.dag_id!r} has no task {unknown[0][0]!r}")
    if version_id != run.dag_version_id:
        connection.execute(update(dag_run).where(dag_run.c.id == run.id).values(dag_version_id=version_id))
    retries = {task.task_id: task.retries for task in spec.tasks}
    mapped = spec.mapped_task_ids()
    fits = {key: key[0] in retries and (key[1] == -1 or key[0] in mapped) for key in tasks}
    surplus = {key for key, task in tasks.items() if key[1] >= 0 and task.state is TaskState.REMOVED}
    wanted = set(keys) - surplus
    again = [task for key, task in tasks.items() if key in wanted and fits[key]]
    if again:
        values = [{"b_id": task.id, "b_max_tries": task.try_number + retries[task.task_id] + 1} for task in again]
        connection.execute(_GRANT_TRIES, values)
    reason = reason or Reason("cleared", {"actor": actor.user})
    _change_all(
        connection, (t for t in again if t.state is not TaskState.WAITING), TaskState.WAITING, reason, now, actor
    )
    for task in again:
        xcoms.forget(connection, run.id, task.task_id, task.map_index)
    gone = [task for key, task in tasks.items() if not fits[key] and task.state not in TASK_ACTIVE]
    _change_all(
        connection,
        (task for task in gone if task.state is not TaskState.REMOVED),
        TaskState.REMOVED,
        reason,
        now,
        actor,
    )
    known = {key[0] for key in tasks if fits[key]}
    add_tasks(connection, run, [task for task in spec.tasks if task.task_id not in known])
    if run.state in RUN_TERMINAL:
        transition_run(connection, RunChange(run.id, RunState.QUEUED, reason, run.row_version), now, actor)
    else:
        look_again(connection, [run.id])
    return _edited(connection, run.id)


def look_again(connection: Connection, dag_run_ids: Iterable[int]) -> None:
    """Have the holders of these runs look at them in full, should they not hear of a change in a quicker way."""
    ids = list(dag_run_ids)
    if not ids:  # as in most turns of a host
        return
    unfinished = dag_run.c.state.not_in([str(state) for state in RUN_TERMINAL])
    wanted = update(dag_run).where(dag_run.c.id.in_(ids), unfinished)
    connection.execute(wanted.values(check_at=AT_ONCE))


def mark_task(
    connection: Connection, task: TaskInstance, state: TaskState, now: datetime, actor: Actor
) -> TaskInstance:
    """Force the state of a task instance. A running attempt is fenced off: the caller has to end it."""
    if task.state is state:
        return task
    reason = Reason("marked", {"state": str(state), "actor": actor.user})
    change = TaskChange(task.id, task.task_id, task.map_index, state, reason, row_version=task.row_version)
    marked = transition(connection, change, now, actor)
    look_again(connection, [task.dag_run_id])
    return marked


def mark_run(connection: Connection, run: DagRun, state: RunState, now: datetime, actor: Actor) -> Edited:
    """Force the end of a DAG run.

    ``success`` makes all its task instances successful; ``failed`` fails the active ones and skips those that
    have not begun. Active attempts are fenced off: the caller has to end them.
    """
    if state not in (RunState.SUCCESS, RunState.FAILED):
        raise IllegalTransition(f"DAG run {run.run_id!r} can be marked success or failed, not {state}")
    if run.state is state:
        return _edited(connection, run.id)
    reason = Reason("marked", {"state": str(state), "actor": actor.user})
    tasks = [task for task in task_instances(connection, run.id) if task.state is not TaskState.REMOVED]
    if state is RunState.SUCCESS:
        rest = (task for task in tasks if task.state is not TaskState.SUCCESS)
        _change_all(connection, rest, TaskState.SUCCESS, reason, now, actor)
    else:
        active = (task for task in tasks if task.state in TASK_ACTIVE)
        _change_all(connection, active, TaskState.FAILED, reason, now, actor)
        pending = (task for task in tasks if task.state not in TASK_ACTIVE | TASK_TERMINAL)
        _change_all(connection, pending, TaskState.SKIPPED, reason, now, actor)
    transition_run(connection, RunChange(run.id, state, reason, run.row_version), now, actor)
    return _edited(connection, run.id)


def request_cancel(connection: Connection, run: DagRun, now: datetime, actor: Actor) -> DagRun:
    """Ask that a DAG run stops (a request, not a state). Raises :class:`Conflict` if it has ended."""
    row = connection.execute(select(dag_run.c.state).where(dag_run.c.id == run.id)).one_or_none()
    if row is None or row.state in RUN_TERMINAL:
        raise Conflict(f"DAG run {run.run_id!r} of {run.dag_id!r} has ended: {row.state if row else 'deleted'}")
    connection.execute(
        update(dag_run)
        .where(dag_run.c.id == run.id, dag_run.c.cancel_requested_at.is_(None))
        .values(
            cancel_requested_at=now,
            cancel_requested_by=actor.user,
            row_version=dag_run.c.row_version + 1,
            check_at=AT_ONCE,
        )
    )
    return run_by_id(connection, run.id)


def request_task_cancel(connection: Connection, task: TaskInstance, now: datetime, actor: Actor) -> TaskInstance:
    """Ask that one task instance stops. Raises :class:`Conflict` if it has ended."""
    current = task_instances_by_id(connection, [task.id])
    if not current or current[0].state in TASK_TERMINAL:
        state = str(current[0].state) if current else "deleted"
        raise Conflict(f"task {task.task_id!r} of run {task.run_id!r} has ended: {state}")
    connection.execute(
        update(task_instance)
        .where(task_instance.c.id == task.id, task_instance.c.cancel_requested_at.is_(None))
        .values(
            cancel_requested_at=now,
            cancel_requested_by=actor.user,
            row_version=task_instance.c.row_version + 1,
        )
    )
    look_again(connection, [task.dag_run_id])
    return task_instances_by_id(connection, [task.id])[0]


def limit_tries(connection: Connection, tasks: Iterable[TaskInstance], max_tries: int) -> None:
    """Give task instances that have not begun so many tries."""
    values = [{"b_id": task.id, "b_max_tries": max_tries} for task in tasks]
    if values:
        connection.execute(_GRANT_TRIES, values)


def set_run_reason(connection: Connection, dag_run_id: int, reason: Reason | None) -> None:
    """Write why a queued run waits."""
    values = {"reason": reason and reason.to_json()}
    connection.execute(update(dag_run).where(dag_run.c.id == dag_run_id).values(values))


def checked(connection: Connection, dag_run_ids: Iterable[int], check_at: datetime) -> None:
    """Write when somebody must look at these runs again."""
    connection.execute(update(dag_run).where(dag_run.c.id.in_(list(dag_run_ids))).values(check_at=check_at))


def _change_all(
    connection: Connection,
    tasks: Iterable[TaskInstance],
    state: TaskState,
    reason: Reason,
    now: datetime,
    actor: Actor,
) -> None:
    changes = [
        TaskChange(task.id, task.task_id, task.map_index, state, reason, row_version=task.row_version) for task in tasks
    ]
    if transition_many(connection, changes, now, actor).lost:
        raise Conflict("the DAG run was changed meanwhile: look again")


def _edited(connection: Connection, dag_run_id: int) -> Edited:
    return Edited(run_by_id(connection, dag_run_id), task_instances(connection, dag_run_id))
