"""The event log: one row per committed change, written in the transaction of the change itself.

``id`` grows over everything and is the cursor of readers; ``seq`` is gapless within a DAG run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import Event
from .mapping import to_event
from .schema import dag_run, event

_NEXT_SEQ = (
    update(dag_run)
    .where(dag_run.c.id == bindparam("b_id"))
    .values(last_seq=dag_run.c.last_seq + bindparam("b_count"))
    .returning(dag_run.c.last_seq)
)
_INSERT = insert(event)
_LAST_ID = select(func.max(event.c.id))
_AFTER = select(event).where(event.c.id > bindparam("cursor")).order_by(event.c.id).limit(bindparam("count"))


@dataclass(frozen=True)
class RunEvent:
    """What happened in a DAG run; becomes one row."""

    dag_run_id: int
    kind: str
    dag_id: str
    run_id: str
    state_from: str | None
    state_to: str | None
    task_id: str | None = None
    map_index: int | None = None
    reason: Reason | None = None


def append_run_events(connection: Connection, items: Sequence[RunEvent], now: datetime, actor: Actor | None) -> None:
    """Append ``items`` in their order, each run's events with its next sequence numbers."""
    if not items:
        return
    next_seq: dict[int, int] = {}
    for run, count in Counter(item.dag_run_id for item in items).items():
        last: int = connection.execute(_NEXT_SEQ, {"b_id": run, "b_count": count}).scalar_one()
        next_seq[run] = last - count + 1
    values = []
    for item in items:
        values.append(
            _values(item.kind, item.dag_id, now, actor, item.reason)
            | {
                "dag_run_id": item.dag_run_id,
                "seq": next_seq[item.dag_run_id],
                "run_id": item.run_id,
                "task_id": item.task_id,
                "map_index": item.map_index,
                "state_from": item.state_from,
                "state_to": item.state_to,
            }
        )
        next_seq[item.dag_run_id] += 1
    connection.execute(_INSERT, values)


def notification(
    dag_run_id: int, dag_id: str, run_id: str, note: Mapping[str, Any], task_id: str | None, map_index: int | None
) -> RunEvent:
    """Return the event of a notification (see :class:`..model.records.Report`) in a DAG run."""
    reason = Reason("notification", {"message": str(note["message"])[:2000], "level": str(note["level"])[:16]})
    return RunEvent(dag_run_id, "notification", dag_id, run_id, None, None, task_id, map_index, reason)


def append(
    connection: Connection,
    kind: str,
    now: datetime,
    *,
    dag_id: str = "",
    actor: Actor | None = None,
    reason: Reason | None = None,
) -> None:
    """Append an event that belongs to no run: ``dag_changed``, ``import_errors_changed``, ``host_changed``."""
    connection.execute(_INSERT, [_values(kind, dag_id, now, actor, reason) | {"seq": 0}])


def read_after(connection: Connection, cursor: int, limit: int = 500) -> list[Event]:
    """Return up to ``limit`` events with ``id > cursor``, oldest first."""
    return [to_event(row) for row in connection.execute(_AFTER, {"cursor": cursor, "count": limit})]


def last_id(connection: Connection) -> int:
    """Return the cursor of the newest event, 0 if there is none."""
    newest: int | None = connection.execute(_LAST_ID).scalar_one()
    return newest or 0


def run_events(connection: Connection, dag_run_id: int) -> list[Event]:
    """Return all events of one DAG run in the order of ``seq``."""
    found = connection.execute(select(event).where(event.c.dag_run_id == dag_run_id).order_by(event.c.seq))
    return [to_event(row) for row in found]


def _values(kind: str, dag_id: str, now: datetime, actor: Actor | None, reason: Reason | None) -> dict[str, Any]:
    return {
        "kind": kind,
        "dag_id": dag_id,
        "at": now,
        "reason": reason and reason.to_json(),
        "actor": actor and actor.user,
        "ip": actor and actor.ip,
        "request_id": actor and actor.request_id,
    }
