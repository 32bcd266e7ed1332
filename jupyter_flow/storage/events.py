"""The event log: one row per committed change, written in the transaction of the change itself.

``id`` grows over everything and is the cursor of readers; ``seq`` is gapless within a DAG run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

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
_NEXT_SEQS = (
    update(dag_run)
    .where(dag_run.c.id.in_(bindparam("b_ids", expanding=True)))
    .values(last_seq=dag_run.c.last_seq + bindparam("b_count"))
    .returning(dag_run.c.id, dag_run.c.last_seq)
)
_INSERT = insert(event)
_LAST_ID = select(func.max(event.c.id))
_gathered: WeakKeyDictionary[Connection, list[dict[str, Any]]] = WeakKeyDictionary()
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
    values = [
        _values(item.kind, item.dag_id, now, actor, item.reason)
        | {
            "dag_run_id": item.dag_run_id,
            "run_id": item.run_id,
            "task_id": item.task_id,
            "map_index": item.map_index,
            "state_from": item.state_from,
            "state_to": item.state_to,
        }
        for item in items
    ]
    _take(connection, values)


@contextmanager
def gathered(connection: Connection) -> Iterator[None]:
    """Write what is appended in this block at its end, in the same order: two statements for all of it.

    Nobody may read events of the block before that. When the block fails nothing is written: roll back.
    """
    if connection in _gathered:
        raise RuntimeError("events of this connection are gathered already")
    values = _gathered[connection] = []
    try:
        yield
    finally:
        del _gathered[connection]
    _write(connection, values)


def _take(connection: Connection, values: list[dict[str, Any]]) -> None:
    if (kept := _gathered.get(connection)) is not None:
        kept.extend(values)
    else:
        _write(connection, values)


def _write(connection: Connection, values: list[dict[str, Any]]) -> None:
    """Number events and write them; those of no run have the number 0."""
    if not values:
        return
    next_seq = _next_seqs(connection, Counter(item["dag_run_id"] for item in values if item["dag_run_id"] is not None))
    for item in values:
        run = item["dag_run_id"]
        item["seq"] = next_seq.get(run, 0)
        if run is not None:
            next_seq[run] += 1
    connection.execute(_INSERT, values)


def _next_seqs(connection: Connection, counts: Mapping[int, int]) -> dict[int, int]:
    """Take so many numbers for each run and return the first of each; one statement for runs that take as many."""
    alike: dict[int, list[int]] = {}
    for run, count in counts.items():
        alike.setdefault(count, []).append(run)
    first: dict[int, int] = {}
    for count, ids in alike.items():
        if len(ids) == 1:
            last: int = connection.execute(_NEXT_SEQ, {"b_id": ids[0], "b_count": count}).scalar_one()
            first[ids[0]] = last - count + 1
            continue
        found = {row.id: row.last_seq for row in connection.execute(_NEXT_SEQS, {"b_ids": ids, "b_count": count})}
        first |= {run: found[run] - count + 1 for run in ids}
    return first


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
    """Append an event that belongs to no run: ``dag_changed``, ``backfill_changed``, ``host_changed`` …"""
    nowhere = dict.fromkeys(("dag_run_id", "run_id", "task_id", "map_index", "state_from", "state_to"))
    _take(connection, [_values(kind, dag_id, now, actor, reason) | nowhere])


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
