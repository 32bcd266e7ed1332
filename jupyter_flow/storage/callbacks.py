"""Callbacks: made with the change that calls for them, begun at most once each.

A row is finished when it has an ``outcome``. A process that never came to call anything may be replaced by another
(:func:`again`); one that did and left no result is ``lost``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from ..model.calls import Callback, NewCallback
from ..model.errors import NotFound
from ..model.reason import Reason
from .schema import dag_run, host
from .schema_calls import callback
from .types import NEVER

SCHEDULER = "scheduler"
"""``held_by`` of callbacks that wait for a place."""
SUCCESS, FAILED, LOST = "success", "failed", "lost"

_INSERT = insert(callback)
_OPEN = callback.c.finished_at.is_(None)
_START = (
    update(callback)
    .where(callback.c.id == bindparam("b_id"), _OPEN)
    .values({name: bindparam(f"b_{name}") for name in ("pid", "start_ticks", "boot_id", "started_at")})
)


@dataclass(frozen=True)
class CallbackEnd:
    """How a callback ended. ``outcome``: success, failed or lost."""

    id: int
    outcome: str
    reason: Reason
    log_path: str | None = None


def add(connection: Connection, items: Sequence[NewCallback], now: datetime, host_id: str = SCHEDULER) -> None:
    """Make callbacks, to be begun soon by ``host_id``. One that its change has made already breaks the transaction."""
    if items:
        values = [
            {
                "dag_run_id": item.dag_run_id,
                "task_instance_id": item.task_instance_id,
                "dag_version_id": item.dag_version_id,
                "level": item.level,
                "event": item.event,
                "source": item.source,
                "facts": dict(item.facts),
                "held_by": host_id,
                "check_at": now,
                "starts": 0,
                "created_at": now,
            }
            for item in items
        ]
        connection.execute(_INSERT, values)


def waiting(connection: Connection, limit: int, host_id: str | None = None) -> list[Callback]:
    """Return callbacks that no process was begun for, the oldest first; ``host_id``: only those that it is to begin."""
    query = select(callback).where(_OPEN, callback.c.attempt_id.is_(None)).order_by(callback.c.id).limit(limit)
    if host_id is not None:
        query = query.where(callback.c.held_by.in_([host_id, SCHEDULER]))
    return [_callback(row) for row in connection.execute(query)]


def open_callbacks(connection: Connection) -> list[tuple[Callback, str]]:
    """Return callbacks with a process that has not ended, as far as is known, each with the id of its host."""
    query = select(callback).where(_OPEN, callback.c.attempt_id.is_not(None)).order_by(callback.c.id)
    return [(_callback(row), row.held_by) for row in connection.execute(query)]


def left_behind(connection: Connection, limit: int = 1000) -> list[Callback]:
    """Return callbacks that no process was begun for, and whose host has ended."""
    lives = select(host.c.id).where(host.c.host_id == callback.c.held_by, host.c.ended_at.is_(None))
    query = select(callback).where(_OPEN, callback.c.attempt_id.is_(None), callback.c.held_by != SCHEDULER)
    found = connection.execute(query.where(~lives.exists()).order_by(callback.c.id).limit(limit))
    return [_callback(row) for row in found]


def begin(
    connection: Connection, item: Callback, attempt_id: str, token_hash: str, host_id: str, check_at: datetime
) -> Callback:
    """Write that a process is about to be begun for a callback."""
    values = {
        "attempt_id": attempt_id,
        "token_hash": token_hash,
        "held_by": host_id,
        "check_at": check_at,
        "starts": callback.c.starts + 1,
    }
    row = connection.execute(update(callback).where(callback.c.id == item.id, _OPEN).values(values).returning(callback))
    return _callback(row.one())


def started(
    connection: Connection, item: Callback, pid: int, start_ticks: int, boot_id: str | None, at: datetime
) -> None:
    """Record the process of a callback."""
    values = {"b_id": item.id, "b_pid": pid, "b_start_ticks": start_ticks, "b_boot_id": boot_id, "b_started_at": at}
    connection.execute(_START, values)


def again(connection: Connection, item: Callback, now: datetime, host_id: str = SCHEDULER) -> None:
    """Let ``host_id`` begin another process for a callback: the last one has called nothing, and never will."""
    nothing: dict[str, Any] = dict.fromkeys(("attempt_id", "token_hash", "pid", "start_ticks", "boot_id", "started_at"))
    values = {**nothing, "held_by": host_id, "check_at": now}
    connection.execute(update(callback).where(callback.c.id == item.id, _OPEN).values(values))


def finish(connection: Connection, end: CallbackEnd, now: datetime) -> None:
    """Record how a callback ended."""
    values = {
        "outcome": end.outcome,
        "reason": end.reason.to_json(),
        "log_path": end.log_path,
        "finished_at": now,
        "held_by": "",
        "check_at": NEVER,
    }
    connection.execute(update(callback).where(callback.c.id == end.id, _OPEN).values(values))


def adopt(connection: Connection, ids: Iterable[int], host_id: str, check_at: datetime) -> None:
    """Let ``host_id`` look after these callbacks until ``check_at``."""
    values = {"held_by": host_id, "check_at": check_at}
    connection.execute(update(callback).where(callback.c.id.in_(list(ids)), _OPEN).values(values))


def token_hash(connection: Connection, attempt_id: str) -> str | None:
    """Return the hash of the token of a callback's process while it runs, else None."""
    query = select(callback.c.token_hash).where(callback.c.attempt_id == attempt_id, _OPEN)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def run_of(connection: Connection, attempt_id: str) -> int:
    """Return the surrogate key of the run to which a callback's process belongs; raises :class:`NotFound`."""
    found = connection.execute(select(callback.c.dag_run_id).where(callback.c.attempt_id == attempt_id)).scalar()
    if found is None:
        raise NotFound(f"attempt {attempt_id!r} does not exist")
    return int(found)


def of_run(connection: Connection, dag_run_id: int) -> list[Callback]:
    """Return all callbacks of a run, the oldest first."""
    query = select(callback).where(callback.c.dag_run_id == dag_run_id).order_by(callback.c.id)
    return [_callback(row) for row in connection.execute(query)]


def open_of_run(connection: Connection, dag_id: str, run_id: str) -> int:
    """Return how many callbacks of a run have not ended."""
    query = select(callback.c.id).join(dag_run, dag_run.c.id == callback.c.dag_run_id)
    query = query.where(dag_run.c.dag_id == dag_id, dag_run.c.run_id == run_id, _OPEN)
    return len(connection.execute(query).all())


def _callback(row: Row[Any]) -> Callback:
    return Callback(
        id=row.id,
        dag_run_id=row.dag_run_id,
        task_instance_id=row.task_instance_id,
        dag_version_id=row.dag_version_id,
        level=row.level,
        event=row.event,
        source=row.source,
        facts=row.facts,
        starts=row.starts,
        attempt_id=row.attempt_id,
        boot_id=row.boot_id,
        pid=row.pid,
        start_ticks=row.start_ticks,
        log_path=row.log_path,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=row.outcome,
        reason=Reason.from_json(row.reason),
    )
