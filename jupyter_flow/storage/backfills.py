"""Backfills: requests to run past dates of a DAG, date by date, and what became of each date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, or_, select, update

from ..model.changes import RunInfo
from ..model.errors import NotFound
from ..model.rows import Backfill, BackfillSlot, DagRun
from ..model.state import RUN_TERMINAL, RunState
from .events import append
from .mapping import to_run
from .schema import dag_run
from .schema_plans import backfill, backfill_slot

_ENDED = [str(state) for state in RUN_TERMINAL]
_CHANGED = "backfill_changed"
"""The event after which a backfill is to be looked at again; of its runs tell their own events."""


@dataclass(frozen=True)
class PlannedSlot:
    """A date that a new backfill covers; ``skipped``: why it gets no run."""

    info: RunInfo
    skipped: str | None = None


@dataclass(frozen=True)
class OpenSlot:
    """A date that still waits for its run."""

    id: int
    info: RunInfo


@dataclass(frozen=True)
class Progress:
    """How many dates a backfill has: all, skipped ones, those without a run yet, those whose run has not ended."""

    total: int = 0
    skipped: int = 0
    pending: int = 0
    unfinished: int = 0


def create(
    connection: Connection,
    dag_id: str,
    from_date: datetime,
    to_date: datetime,
    slots: Sequence[PlannedSlot],
    *,
    reprocess_behavior: str,
    max_active_runs: int,
    run_backwards: bool,
    conf: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> Backfill:
    """Write a backfill with its dates, in the order in which they are to run."""
    values = {
        "dag_id": dag_id,
        "from_date": from_date,
        "to_date": to_date,
        "reprocess_behavior": reprocess_behavior,
        "max_active_runs": max_active_runs,
        "run_backwards": run_backwards,
        "conf": dict(conf),
        "actor": actor,
        "created_at": now,
        "is_paused": False,
    }
    row = connection.execute(insert(backfill).returning(backfill), values).one()
    rows = [
        {
            "backfill_id": row.id,
            "position": position,
            "logical_date": slot.info.logical_date,
            "data_interval_start": slot.info.data_interval_start,
            "data_interval_end": slot.info.data_interval_end,
            "skipped": slot.skipped,
        }
        for position, slot in enumerate(slots, 1)
    ]
    if rows:
        connection.execute(insert(backfill_slot), rows)
    append(connection, _CHANGED, now, dag_id=dag_id)
    return _to_backfill(row)


def get(connection: Connection, backfill_id: int) -> Backfill:
    """Return one backfill; raises :class:`NotFound`."""
    row = connection.execute(select(backfill).where(backfill.c.id == backfill_id)).one_or_none()
    if row is None:
        raise NotFound(f"backfill {backfill_id} does not exist: `jupyter flow backfill list`")
    return _to_backfill(row)


def list_backfills(connection: Connection, dag_id: str | None = None, limit: int = 100) -> list[Backfill]:
    """Return up to ``limit`` backfills, newest first."""
    query = select(backfill).order_by(backfill.c.id.desc()).limit(limit)
    return _found(connection, query if dag_id is None else query.where(backfill.c.dag_id == dag_id))


def active(connection: Connection, dag_id: str | None = None) -> list[Backfill]:
    """Return the backfills that are not completed, oldest first."""
    query = select(backfill).where(backfill.c.completed_at.is_(None)).order_by(backfill.c.id)
    return _found(connection, query if dag_id is None else query.where(backfill.c.dag_id == dag_id))


def by_ids(connection: Connection, ids: Sequence[int]) -> dict[int, Backfill]:
    """Return backfills by their number."""
    found = _found(connection, select(backfill).where(backfill.c.id.in_(list(ids)))) if ids else []
    return {item.id: item for item in found}


def slots(connection: Connection, backfill_id: int) -> list[BackfillSlot]:
    """Return the dates of a backfill in the order in which they run."""
    query = (
        select(backfill_slot, dag_run.c.run_id, dag_run.c.state)
        .join_from(backfill_slot, dag_run, dag_run.c.id == backfill_slot.c.dag_run_id, isouter=True)
        .where(backfill_slot.c.backfill_id == backfill_id)
        .order_by(backfill_slot.c.position)
    )
    return [
        BackfillSlot(
            logical_date=row.logical_date,
            data_interval_start=row.data_interval_start,
            data_interval_end=row.data_interval_end,
            run_id=row.run_id,
            state=None if row.state is None else RunState(row.state),
            skipped=row.skipped,
        )
        for row in connection.execute(query)
    ]


def open_slots(connection: Connection, backfill_id: int, count: int) -> list[OpenSlot]:
    """Return the next ``count`` dates that wait for their run."""
    query = (
        select(backfill_slot)
        .where(
            backfill_slot.c.backfill_id == backfill_id,
            backfill_slot.c.dag_run_id.is_(None),
            backfill_slot.c.skipped.is_(None),
        )
        .order_by(backfill_slot.c.position)
        .limit(count)
    )
    return [
        OpenSlot(
            row.id, RunInfo(row.data_interval_end, row.logical_date, row.data_interval_start, row.data_interval_end)
        )
        for row in connection.execute(query)
    ]


def skip(connection: Connection, found: Backfill, slot_id: int, reason: str, now: datetime) -> None:
    """Write why a date of a backfill gets no run."""
    connection.execute(update(backfill_slot).where(backfill_slot.c.id == slot_id).values(skipped=reason))
    append(connection, _CHANGED, now, dag_id=found.dag_id)


def fill(connection: Connection, slot_id: int, dag_run_id: int) -> None:
    """Write which run a date has."""
    connection.execute(update(backfill_slot).where(backfill_slot.c.id == slot_id).values(dag_run_id=dag_run_id))


def adopt(connection: Connection, run: DagRun, found: Backfill) -> None:
    """Let an existing run, which is about to run again, count as one of this backfill and take its conf, if any."""
    values: dict[str, Any] = {"backfill_id": found.id}
    if found.conf:
        values["conf"] = dict(found.conf)
    connection.execute(update(dag_run).where(dag_run.c.id == run.id).values(values))


def runs_between(connection: Connection, dag_id: str, first: datetime, last: datetime) -> dict[datetime, DagRun]:
    """Return the runs of a DAG with a logical date in ``[first, last]`` by that date."""
    query = select(dag_run).where(
        dag_run.c.dag_id == dag_id, dag_run.c.logical_date >= first, dag_run.c.logical_date <= last
    )
    return {row.logical_date: to_run(row) for row in connection.execute(query)}


def queued_runs(connection: Connection, backfill_id: int) -> list[DagRun]:
    """Return the queued runs of a backfill."""
    query = select(dag_run).where(dag_run.c.backfill_id == backfill_id, dag_run.c.state == str(RunState.QUEUED))
    return [to_run(row) for row in connection.execute(query)]


def unfinished_runs(connection: Connection, backfill_id: int) -> int:
    """Return how many runs of a backfill have not ended."""
    query = select(func.count()).where(dag_run.c.backfill_id == backfill_id, dag_run.c.state.not_in(_ENDED))
    count: int = connection.execute(query).scalar_one()
    return count


def progress(connection: Connection, ids: Sequence[int]) -> dict[int, Progress]:
    """Return how far backfills are, by their number."""
    is_skipped = backfill_slot.c.skipped.is_not(None)
    is_pending = and_(backfill_slot.c.skipped.is_(None), backfill_slot.c.dag_run_id.is_(None))
    is_unfinished = or_(is_pending, dag_run.c.state.not_in(_ENDED))
    query = (
        select(
            backfill_slot.c.backfill_id,
            func.count().label("total"),
            func.count().filter(is_skipped).label("skipped"),
            func.count().filter(is_pending).label("pending"),
            func.count().filter(is_unfinished).label("unfinished"),
        )
        .join_from(backfill_slot, dag_run, dag_run.c.id == backfill_slot.c.dag_run_id, isouter=True)
        .where(backfill_slot.c.backfill_id.in_(list(ids)))
        .group_by(backfill_slot.c.backfill_id)
    )
    found = {
        row.backfill_id: Progress(row.total, row.skipped, row.pending, row.unfinished)
        for row in connection.execute(query)
    }
    return {number: found.get(number, Progress()) for number in ids}


def run_states(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many dates of each backfill have a run in which state; every asked number has an entry."""
    query = (
        select(backfill_slot.c.backfill_id, dag_run.c.state, func.count())
        .join_from(backfill_slot, dag_run, dag_run.c.id == backfill_slot.c.dag_run_id)
        .where(backfill_slot.c.backfill_id.in_(list(ids)))
        .group_by(backfill_slot.c.backfill_id, dag_run.c.state)
    )
    found: dict[int, dict[str, int]] = {number: {} for number in ids}
    for number, state, count in connection.execute(query):
        found[number][state] = count
    return found


def complete(connection: Connection, found: Backfill, now: datetime) -> None:
    """Write that nothing of a backfill is left to do."""
    _change(connection, found, now, completed_at=now)


def cancel(connection: Connection, found: Backfill, now: datetime, actor: str) -> None:
    """End a backfill: no further date gets a run."""
    _change(connection, found, now, completed_at=now, cancelled_at=now, cancelled_by=actor)


def set_paused(connection: Connection, found: Backfill, paused: bool, now: datetime) -> None:
    """Write whether further dates get their runs for now."""
    _change(connection, found, now, is_paused=paused)


def _change(connection: Connection, found: Backfill, now: datetime, **values: Any) -> None:
    connection.execute(update(backfill).where(backfill.c.id == found.id).values(values))
    append(connection, _CHANGED, now, dag_id=found.dag_id)


def _found(connection: Connection, query: Select[Any]) -> list[Backfill]:
    return [_to_backfill(row) for row in connection.execute(query)]


def _to_backfill(row: Row[Any]) -> Backfill:
    return Backfill(
        id=row.id,
        dag_id=row.dag_id,
        from_date=row.from_date,
        to_date=row.to_date,
        reprocess_behavior=row.reprocess_behavior,
        max_active_runs=row.max_active_runs,
        run_backwards=row.run_backwards,
        conf=row.conf,
        actor=row.actor,
        created_at=row.created_at,
        completed_at=row.completed_at,
        cancelled_at=row.cancelled_at,
        cancelled_by=row.cancelled_by,
        is_paused=row.is_paused,
    )
