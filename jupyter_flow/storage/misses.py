"""SLAs and deadlines: noted with the run, judged when they are due, each miss recorded once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from ..model.calls import Deadline, SlaMiss
from ..model.due import deadline_due, next_sla
from ..model.errors import NotFound
from ..model.rows import DagRun
from ..model.spec import DagSpec
from .mapping import to_run
from .schema import dag_run
from .schema_calls import deadline, sla_miss

_SLA_RUNS = select(dag_run).where(dag_run.c.sla_at <= bindparam("b_now")).order_by(dag_run.c.id)
_NEXT_SLA = select(func.min(dag_run.c.sla_at))
_PENDING = (deadline.c.met_at.is_(None), deadline.c.missed_at.is_(None))
_NEXT_DEADLINE = select(func.min(deadline.c.due_at)).where(*_PENDING)


def watch(connection: Connection, run: DagRun, spec: DagSpec, now: datetime) -> None:
    """Note when the SLAs and deadlines of a run that is being made are due."""
    if (at := next_sla(spec, run)) is not None:
        set_next_sla(connection, run.id, at)
    if not spec.deadlines:
        return
    most = max((item["reference"].get("max_runs") or 0 for item in spec.deadlines), default=0)
    durations = _durations(connection, run.dag_id, most) if most else []
    rows = []
    for position, item in enumerate(spec.deadlines):
        due = deadline_due(item, run, now, durations)
        if due is not None:
            rows.append({"dag_run_id": run.id, "position": position, "name": item["name"], "due_at": due})
    if rows:
        connection.execute(insert(deadline), rows)


def next_instant(connection: Connection) -> datetime | None:
    """Return when the next SLA or deadline is due."""
    found = (connection.execute(query).scalar_one() for query in (_NEXT_SLA, _NEXT_DEADLINE))
    return min((at for at in found if at is not None), default=None)


def runs_with_sla_due(connection: Connection, now: datetime) -> list[DagRun]:
    """Return the runs of which an SLA is due."""
    return [to_run(row) for row in connection.execute(_SLA_RUNS, {"b_now": now})]


def set_next_sla(connection: Connection, dag_run_id: int, at: datetime | None) -> None:
    """Write when the next SLA of a run is due, None if none is left."""
    connection.execute(update(dag_run).where(dag_run.c.id == dag_run_id).values(sla_at=at))


def known_misses(connection: Connection, dag_run_id: int) -> set[str]:
    """Return the tasks of a run whose miss is recorded."""
    return set(connection.execute(select(sla_miss.c.task_id).where(sla_miss.c.dag_run_id == dag_run_id)).scalars())


def add_misses(
    connection: Connection, run: DagRun, missed: Sequence[tuple[str, datetime]], now: datetime
) -> list[SlaMiss]:
    """Record ``(task_id, due_at)`` pairs of a run and return them."""
    values = [
        {
            "dag_run_id": run.id,
            "dag_id": run.dag_id,
            "task_id": task_id,
            "logical_date": run.logical_date,
            "due_at": due_at,
            "noticed_at": now,
        }
        for task_id, due_at in missed
    ]
    if not values:
        return []
    connection.execute(insert(sla_miss), values)
    query = _misses().where(sla_miss.c.dag_run_id == run.id, sla_miss.c.task_id.in_([task_id for task_id, _ in missed]))
    return [_miss(row) for row in connection.execute(query)]


def list_misses(
    connection: Connection, dag_ids: Collection[str] | None = None, limit: int = 100, before: int | None = None
) -> list[SlaMiss]:
    """Return missed SLAs, the newest first; ``before``: with a smaller id."""
    query = _misses().order_by(None).order_by(sla_miss.c.id.desc()).limit(limit)
    if dag_ids is not None:
        query = query.where(sla_miss.c.dag_id.in_(dag_ids))
    if before is not None:
        query = query.where(sla_miss.c.id < before)
    return [_miss(row) for row in connection.execute(query)]


def set_miss_note(connection: Connection, dag_run_id: int, task_id: str, note: str | None) -> SlaMiss:
    """Write people's note on a missed SLA and return it; raises :class:`NotFound`."""
    where = (sla_miss.c.dag_run_id == dag_run_id, sla_miss.c.task_id == task_id)
    connection.execute(update(sla_miss).where(*where).values(note=note))
    row = connection.execute(_misses().where(*where)).one_or_none()
    if row is None:
        raise NotFound(f"task {task_id!r} has missed no SLA in this run")
    return _miss(row)


def due_deadlines(connection: Connection, now: datetime) -> list[Deadline]:
    """Return the deadlines that are over and not judged."""
    query = _deadlines().where(*_PENDING, deadline.c.due_at <= now).order_by(deadline.c.id)
    return [_deadline(row) for row in connection.execute(query)]


def judge(
    connection: Connection, deadline_id: int, *, met_at: datetime | None = None, missed_at: datetime | None = None
) -> None:
    """Record that a deadline was met or missed."""
    values = {"met_at": met_at, "missed_at": missed_at}
    connection.execute(update(deadline).where(deadline.c.id == deadline_id, *_PENDING).values(values))


def list_deadlines(
    connection: Connection, dag_ids: Collection[str] | None = None, limit: int = 100, before: int | None = None
) -> list[tuple[Deadline, DagRun]]:
    """Return deadlines with their runs, the newest first; ``before``: with a smaller id."""
    query = _deadlines().order_by(deadline.c.id.desc()).limit(limit)
    if dag_ids is not None:
        query = query.where(dag_run.c.dag_id.in_(dag_ids))
    if before is not None:
        query = query.where(deadline.c.id < before)
    found = [_deadline(row) for row in connection.execute(query)]
    query_runs = select(dag_run).where(dag_run.c.id.in_({item.dag_run_id for item in found}))
    runs = {row.id: to_run(row) for row in connection.execute(query_runs)}
    return [(item, runs[item.dag_run_id]) for item in found]


def set_deadline_note(connection: Connection, dag_run_id: int, position: int, note: str | None) -> Deadline:
    """Write people's note on a deadline and return it; raises :class:`NotFound`."""
    where = (deadline.c.dag_run_id == dag_run_id, deadline.c.position == position)
    connection.execute(update(deadline).where(*where).values(note=note))
    row = connection.execute(_deadlines().where(*where)).one_or_none()
    if row is None:
        raise NotFound(f"this run has no deadline number {position}")
    return _deadline(row)


def _durations(connection: Connection, dag_id: str, count: int) -> list[float]:
    query = select(dag_run.c.start_date, dag_run.c.end_date).where(
        dag_run.c.dag_id == dag_id, dag_run.c.start_date.is_not(None), dag_run.c.end_date.is_not(None)
    )
    rows = connection.execute(query.order_by(dag_run.c.run_after.desc()).limit(count))
    return [(row.end_date - row.start_date).total_seconds() for row in rows]


def _misses() -> Select[Any]:
    query = select(sla_miss, dag_run.c.run_id).join(dag_run, dag_run.c.id == sla_miss.c.dag_run_id)
    return query.order_by(sla_miss.c.id)


def _deadlines() -> Select[Any]:
    query = select(deadline, dag_run.c.dag_id, dag_run.c.run_id)
    return query.join(dag_run, dag_run.c.id == deadline.c.dag_run_id)


def _miss(row: Row[Any]) -> SlaMiss:
    names = ("id", "dag_run_id", "dag_id", "run_id", "task_id", "logical_date", "due_at", "noticed_at", "note")
    return SlaMiss(**{name: getattr(row, name) for name in names})


def _deadline(row: Row[Any]) -> Deadline:
    names = ("id", "dag_run_id", "dag_id", "run_id", "position", "name", "due_at", "met_at", "missed_at", "note")
    return Deadline(**{name: getattr(row, name) for name in names})
