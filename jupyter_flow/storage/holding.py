"""Who looks after a DAG run: the host that holds it, until that host has ended.

A queued run is free (``held_by`` is ``scheduler``); the host that starts it holds it. What a host that has ended held
is free too: whoever looks first takes it. That a host has ended is one statement (:func:`declare_ended`). Write
transactions take turns, so after it no transaction of that host finds itself alive (:func:`is_alive`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from ..model.rows import DagRun, Host, TaskInstance
from ..model.state import RUN_TERMINAL, RunState
from .events import append
from .mapping import to_run, to_task_instance
from .runs import RUN_CHECK
from .schema import attempt, dag_run, host, task_instance

_UNFINISHED = dag_run.c.state.in_([str(state) for state in RunState if state not in RUN_TERMINAL])
_IS_QUEUED = (dag_run.c.state == str(RunState.QUEUED)) & dag_run.c.cancel_requested_at.is_(None)
_IS_ALIVE = select(host.c.id).where(host.c.host_id == bindparam("b_host"), host.c.ended_at.is_(None))
_HOLDER_LIVES = select(host.c.id).where(host.c.host_id == dag_run.c.held_by, host.c.ended_at.is_(None)).exists()
_FREE = (
    select(dag_run)
    .where(_UNFINISHED, ~_IS_QUEUED, ~_HOLDER_LIVES)
    .order_by(dag_run.c.run_after, dag_run.c.id)
    .limit(bindparam("b_limit"))
)
_BY_IDS = dag_run.c.id.in_(bindparam("b_ids", expanding=True))
_QUEUED = select(dag_run.c.id, dag_run.c.dag_id).where(_IS_QUEUED)
_OVERDUE = select(dag_run.c.id).where(
    _UNFINISHED, dag_run.c.held_by == bindparam("b_host"), dag_run.c.check_at <= bindparam("b_now")
)
_LEFT_BEHIND = (
    select(task_instance, attempt.c.id.label("left_id"), attempt.c.held_by.label("left_by"))
    .join_from(attempt, task_instance, task_instance.c.id == attempt.c.task_instance_id)
    .join(dag_run, dag_run.c.id == task_instance.c.dag_run_id)
    .where(
        dag_run.c.held_by == bindparam("b_host"),
        attempt.c.finished_at.is_(None),
        ~select(host.c.id).where(host.c.host_id == attempt.c.held_by, host.c.ended_at.is_(None)).exists(),
    )
    .order_by(task_instance.c.id)
)


def is_alive(connection: Connection, host_id: str) -> bool:
    """Tell whether nobody has declared this host ended."""
    return connection.execute(_IS_ALIVE, {"b_host": host_id}).one_or_none() is not None


def declare_ended(connection: Connection, found: Host, now: datetime) -> bool:
    """End a host that stands still; False if it has given a sign of life since it was ``found``, or has ended."""
    stands_still = (host.c.host_id == found.host_id, host.c.heartbeat_at == found.heartbeat_at)
    ended = update(host).where(*stands_still, host.c.ended_at.is_(None)).values(ended_at=now)
    if connection.execute(ended).rowcount == 0:
        return False
    append(connection, "host_changed", now)
    return True


def take_free_runs(
    connection: Connection, host_id: str, now: datetime, may_take: Callable[[DagRun], bool], limit: int = 1000
) -> list[DagRun]:
    """Hold up to ``limit`` unfinished runs that no living host holds, the oldest first, and return them.

    Queued ones without a cancel request stay free: they are taken when they start.
    """
    taken = [run for run in map(to_run, connection.execute(_FREE, {"b_limit": limit})) if may_take(run)]
    hold(connection, [run.id for run in taken], host_id, now)
    return taken


def hold(connection: Connection, dag_run_ids: Iterable[int], host_id: str, now: datetime) -> None:
    """Write that ``host_id`` holds these runs and has looked at them."""
    if ids := list(dag_run_ids):
        values = {"held_by": host_id, "check_at": now + RUN_CHECK}
        connection.execute(update(dag_run).where(_BY_IDS, _UNFINISHED).values(values), {"b_ids": ids})


def holders(connection: Connection, dag_run_ids: Collection[int]) -> dict[int, str]:
    """Return surrogate key of a run -> ``held_by``."""
    query = select(dag_run.c.id, dag_run.c.held_by).where(_BY_IDS)
    return {row.id: row.held_by for row in connection.execute(query, {"b_ids": list(dag_run_ids)})}


def queued(connection: Connection) -> dict[int, str]:
    """Return all runs that wait for their start: surrogate key -> DAG id."""
    return {row.id: row.dag_id for row in connection.execute(_QUEUED)}


def overdue(connection: Connection, host_id: str, now: datetime) -> list[int]:
    """Return the runs of ``host_id`` that somebody else has changed, or that nobody has looked at for long."""
    return list(connection.execute(_OVERDUE, {"b_host": host_id, "b_now": now}).scalars())


def left_behind(connection: Connection, host_id: str) -> list[tuple[str, TaskInstance, str]]:
    """Return the attempts in runs of ``host_id`` that have not ended and whose own host has: (id, row, own host)."""
    rows = connection.execute(_LEFT_BEHIND, {"b_host": host_id})
    return [(row.left_id, to_task_instance(row), row.left_by) for row in rows]
