"""Attempts: who carries out what, as which process, and what is known at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, select, update

from ..model.errors import NotFound
from ..model.rows import Attempt, TaskInstance
from ..model.state import TASK_ACTIVE, TaskState
from .mapping import to_attempt, to_task_instance
from .schema import attempt, task_instance


@dataclass(frozen=True)
class AttemptStart:
    """The process of an attempt; ``started_at`` is what the host saw."""

    attempt_id: str
    pid: int | None
    start_ticks: int | None
    boot_id: str | None
    started_at: datetime
    worker: str | None = None


_STARTED = (
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in ("pid", "start_ticks", "boot_id", "started_at", "worker")})
)
_CURRENT = (
    task_instance.c.attempt_id == attempt.c.id,
    task_instance.c.state.in_([str(state) for state in TASK_ACTIVE]),
)


def started(connection: Connection, items: Sequence[AttemptStart]) -> None:
    """Record the processes of attempts (the state change to ``running`` goes through ``runs``)."""
    if items:
        values = [
            {
                "b_id": item.attempt_id,
                "b_pid": item.pid,
                "b_start_ticks": item.start_ticks,
                "b_boot_id": item.boot_id,
                "b_started_at": item.started_at,
                "b_worker": item.worker,
            }
            for item in items
        ]
        connection.execute(_STARTED, values)


_SAMPLES = update(attempt).where(attempt.c.id == bindparam("b_id")).values(samples=bindparam("b_samples"))


def set_samples(connection: Connection, items: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Record what attempts used while they ran: ``(seconds, CPU seconds, resident bytes, processes)`` each."""
    if items:
        values = [{"b_id": name, "b_samples": [list(point) for point in points]} for name, points in items.items()]
        connection.execute(_SAMPLES, values)


def get_attempt(connection: Connection, attempt_id: str) -> Attempt:
    """Return one attempt; raises :class:`NotFound`."""
    row = connection.execute(select(attempt).where(attempt.c.id == attempt_id)).one_or_none()
    if row is None:
        raise NotFound(f"attempt {attempt_id!r} does not exist")
    return to_attempt(row)


def list_attempts(connection: Connection, task_instance_id: int) -> list[Attempt]:
    """Return the attempts of a task instance in the order of their numbers."""
    query = select(attempt).where(attempt.c.task_instance_id == task_instance_id).order_by(attempt.c.attempt_number)
    return [to_attempt(row) for row in connection.execute(query)]


def latest_paths(connection: Connection, dag_run_id: int) -> dict[int, tuple[str | None, str | None]]:
    """Return task instance key -> (log path, notebook path) of the latest attempt, for one run."""
    query = (
        select(attempt.c.task_instance_id, attempt.c.log_path, attempt.c.notebook_path)
        .join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
        .where(task_instance.c.dag_run_id == dag_run_id, attempt.c.attempt_number == task_instance.c.attempt_count)
    )
    return {row.task_instance_id: (row.log_path, row.notebook_path) for row in connection.execute(query)}


def open_attempts(connection: Connection) -> list[tuple[Attempt, TaskInstance]]:
    """Return the current attempts of all queued and running task instances: what a new host adopts."""
    query = select(attempt.c.id).join(task_instance, _CURRENT[0]).where(_CURRENT[1])
    ids = list(connection.execute(query).scalars())
    attempts = {row.id: to_attempt(row) for row in connection.execute(select(attempt).where(attempt.c.id.in_(ids)))}
    rows = connection.execute(
        select(task_instance).where(task_instance.c.attempt_id.in_(ids)).order_by(task_instance.c.id)
    )
    return [(attempts[row.attempt_id], to_task_instance(row)) for row in rows]


def unfinished_attempts(connection: Connection) -> list[Attempt]:
    """Return attempts without an end, current or not: those that are not current must not have a process."""
    query = select(attempt).where(attempt.c.finished_at.is_(None)).order_by(attempt.c.claimed_at)
    return [to_attempt(row) for row in connection.execute(query)]


def which_are_open(connection: Connection, attempt_ids: Sequence[str]) -> dict[str, bool]:
    """Return those of the attempts that are there and have not ended, with whether their task instance is theirs."""
    if not attempt_ids:
        return {}
    query = select(attempt.c.id, and_(*_CURRENT).label("is_current")).join(
        task_instance, task_instance.c.id == attempt.c.task_instance_id
    )
    found = connection.execute(query.where(attempt.c.id.in_(attempt_ids), attempt.c.finished_at.is_(None)))
    return {row.id: bool(row.is_current) for row in found}


def token_hash(connection: Connection, attempt_id: str) -> str | None:
    """Return the hash of an attempt's token while the attempt is the current one, else None."""
    query = select(attempt.c.token_hash).join(task_instance, _CURRENT[0])
    found: str | None = connection.execute(query.where(attempt.c.id == attempt_id, _CURRENT[1])).scalar_one_or_none()
    return found


def adopt(connection: Connection, attempt_ids: Sequence[str], host_id: str, check_at: datetime) -> None:
    """Let ``host_id`` look after these attempts and their task instances."""
    connection.execute(update(attempt).where(attempt.c.id.in_(attempt_ids)).values(held_by=host_id))
    connection.execute(
        update(task_instance)
        .where(task_instance.c.attempt_id.in_(attempt_ids), _CURRENT[1])
        .values(held_by=host_id, check_at=check_at)
    )


def set_check_at(connection: Connection, attempt_ids: Sequence[str], check_at: datetime) -> None:
    """Write when somebody must look again after these attempts, all seen alive."""
    connection.execute(
        update(task_instance).where(task_instance.c.attempt_id.in_(attempt_ids), _CURRENT[1]).values(check_at=check_at)
    )


def failed_for_good(connection: Connection, attempt_ids: Sequence[str]) -> set[str]:
    """Return those of the attempts that are the latest of a failed task instance, or have no end yet."""
    is_last = (attempt.c.attempt_number == task_instance.c.attempt_count) & (
        task_instance.c.state == str(TaskState.FAILED)
    )
    query = select(attempt.c.id).join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
    query = query.where(attempt.c.id.in_(attempt_ids), attempt.c.finished_at.is_(None) | is_last)
    return set(connection.execute(query).scalars())


def runs_of(connection: Connection, attempt_ids: Sequence[str]) -> dict[str, int]:
    """Return attempt id -> surrogate key of its DAG run; attempts that were deleted are left out."""
    query = select(attempt.c.id, task_instance.c.dag_run_id).join(
        task_instance, task_instance.c.id == attempt.c.task_instance_id
    )
    return {row.id: row.dag_run_id for row in connection.execute(query.where(attempt.c.id.in_(attempt_ids)))}
