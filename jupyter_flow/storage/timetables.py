"""What the clock keeps: the last scheduled run of a DAG, dates that got no run, answers of custom timetables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, cast, delete, insert, select, update

from ..model.changes import RunInfo
from ..model.instants import from_iso, to_iso
from ..model.reason import Reason
from ..model.rows import Dag, DagRun, MissedSlot
from ..model.state import RunType
from ..model.timetable import Missed
from .mapping import to_dag, to_run
from .schema import dag, dag_run
from .schema_plans import missed_slot, timetable_runs
from .types import NEVER

_LAST = (
    select(dag_run.c.logical_date, dag_run.c.data_interval_end)
    .where(
        dag_run.c.dag_id == bindparam("b_dag_id"),
        dag_run.c.run_type == str(RunType.SCHEDULED),
        dag_run.c.run_after <= bindparam("b_now"),
        dag_run.c.logical_date.is_not(None),
    )
    .order_by(dag_run.c.logical_date.desc())
    .limit(1)
)
_AT = select(dag_run).where(
    dag_run.c.dag_id == bindparam("b_dag_id"), dag_run.c.logical_date == bindparam("b_logical_date")
)
_UNKNOWN = select(dag_run).where(
    dag_run.c.state == "queued", dag_run.c.logical_date.is_not(None), dag_run.c.data_interval_start.is_(None)
)

_CUSTOM = select(dag).where(dag.c.is_active, cast(dag.c.schedule, Text).like('%"kind":"custom"%'))


@dataclass(frozen=True)
class LastRun:
    """The last scheduled run of a DAG: its logical date and the end of its data interval."""

    logical_date: datetime
    end: datetime


def last_run(connection: Connection, dag_id: str, now: datetime = NEVER) -> LastRun | None:
    """Return the last scheduled run that was due at ``now``: one of a later time is of a clock that went wrong."""
    row = connection.execute(_LAST, {"b_dag_id": dag_id, "b_now": now}).one_or_none()
    return None if row is None else LastRun(row.logical_date, row.data_interval_end or row.logical_date)


def run_at(connection: Connection, dag_id: str, logical_date: datetime) -> DagRun | None:
    """Return the run with that logical date."""
    row = connection.execute(_AT, {"b_dag_id": dag_id, "b_logical_date": logical_date}).one_or_none()
    return None if row is None else to_run(row)


# --- dates that got no run


def record_missed(connection: Connection, dag_id: str, missed: Missed, reason: Reason, now: datetime) -> None:
    """Note that these dates get no run. Noticed once more, the same dates are one row."""
    values = {
        "last_logical_date": missed.last_logical_date,
        "count": missed.count,
        "reason": reason.to_json(),
        "noticed_at": now,
    }
    known = update(missed_slot).where(
        missed_slot.c.dag_id == dag_id, missed_slot.c.first_logical_date == missed.first_logical_date
    )
    if connection.execute(known.values(values)).rowcount == 0:
        place = {"dag_id": dag_id, "first_logical_date": missed.first_logical_date}
        connection.execute(insert(missed_slot), [values | place])


def list_missed(connection: Connection, dag_id: str, limit: int = 100) -> list[MissedSlot]:
    """Return dates of a DAG that got no run, the latest first."""
    query = (
        select(missed_slot)
        .where(missed_slot.c.dag_id == dag_id)
        .order_by(missed_slot.c.first_logical_date.desc())
        .limit(limit)
    )
    return [_to_missed(row) for row in connection.execute(query)]


def missed_noticed_after(connection: Connection, dag_id: str, now: datetime) -> list[MissedSlot]:
    """Return what was noticed later than ``now``: the clock was wrong then."""
    query = select(missed_slot).where(missed_slot.c.dag_id == dag_id, missed_slot.c.noticed_at > now)
    return [_to_missed(row) for row in connection.execute(query)]


def forget_missed(connection: Connection, dag_id: str, first_logical_date: datetime | None = None) -> None:
    """Forget what begins with that date, or everything (of a DAG that is deleted)."""
    query = delete(missed_slot).where(missed_slot.c.dag_id == dag_id)
    if first_logical_date is not None:
        query = query.where(missed_slot.c.first_logical_date == first_logical_date)
    connection.execute(query)


def _to_missed(row: Row[Any]) -> MissedSlot:
    return MissedSlot(
        dag_id=row.dag_id,
        first_logical_date=row.first_logical_date,
        last_logical_date=row.last_logical_date,
        count=row._mapping["count"],  # Row.count is the method of tuples
        reason=Reason(row.reason["code"], row.reason["args"]),
        noticed_at=row.noticed_at,
    )


# --- custom timetables


@dataclass(frozen=True)
class KnownRuns:
    """What the custom timetable of a version has answered, by logical date. ``ended_at``: when it said "no more"."""

    infos: list[RunInfo]
    ended_at: datetime | None = None


def custom_dags(connection: Connection) -> list[Dag]:
    """Return the active DAGs that have a custom timetable."""
    return [to_dag(row) for row in connection.execute(_CUSTOM)]


def known_runs(connection: Connection, dag_version_id: int) -> KnownRuns:
    """Return what the custom timetable of a version has answered."""
    query = select(timetable_runs).where(timetable_runs.c.dag_version_id == dag_version_id)
    rows = connection.execute(query.order_by(timetable_runs.c.id)).all()
    infos = {item[1]: item for row in rows for item in row.runs["runs"]}
    ended = rows[-1].created_at if rows and rows[-1].runs["ended"] else None
    found = [RunInfo(*map(from_iso, item)) for item in infos.values()]
    return KnownRuns(sorted(found, key=lambda info: info.logical_date), ended)


def store_runs(
    connection: Connection,
    dag_version_id: int,
    after: datetime | None,
    infos: Sequence[RunInfo],
    ended: bool,
    now: datetime,
) -> None:
    """Keep what a custom timetable answers for the runs after logical date ``after`` (None: from the first one on).

    ``ended``: it said that after these there is nothing more for now.
    """
    key = "" if after is None else to_iso(after)
    connection.execute(
        delete(timetable_runs).where(timetable_runs.c.dag_version_id == dag_version_id, timetable_runs.c.after == key)
    )
    data = [
        [to_iso(at) for at in (info.run_after, info.logical_date, info.data_interval_start, info.data_interval_end)]
        for info in infos
    ]
    row = {
        "dag_version_id": dag_version_id,
        "after": key,
        "runs": {"runs": data, "ended": ended},
        "created_at": now,
    }
    connection.execute(insert(timetable_runs), [row])


def forget_runs(connection: Connection, dag_version_id: int) -> None:
    """Forget the answers for a version: its file is another one now."""
    connection.execute(delete(timetable_runs).where(timetable_runs.c.dag_version_id == dag_version_id))


def forget_runs_before(connection: Connection, dag_version_id: int, logical_date: datetime) -> None:
    """Forget answers of which every run is past."""
    found = connection.execute(
        select(timetable_runs.c.id, timetable_runs.c.runs).where(timetable_runs.c.dag_version_id == dag_version_id)
    )
    old = [row.id for row in found if row.runs["runs"] and from_iso(row.runs["runs"][-1][1]) < logical_date]
    if old:
        connection.execute(delete(timetable_runs).where(timetable_runs.c.id.in_(old)))


def runs_without_interval(connection: Connection) -> list[DagRun]:
    """Return queued runs with a logical date whose data interval a custom timetable has still to say."""
    return [to_run(row) for row in connection.execute(_UNKNOWN)]


def set_interval(connection: Connection, dag_run_id: int, start: datetime, end: datetime) -> None:
    """Write the data interval of a run that had none."""
    values = {"data_interval_start": start, "data_interval_end": end}
    connection.execute(
        update(dag_run).where(dag_run.c.id == dag_run_id, dag_run.c.data_interval_start.is_(None)).values(values)
    )
