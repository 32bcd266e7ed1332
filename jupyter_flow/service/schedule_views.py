"""Views of the clock: which runs the schedule brings, and which dates got none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ..model.changes import RunInfo
from ..model.instants import from_iso, iso_or_none
from ..model.records import Actor
from ..model.rows import Dag, MissedSlot
from ..scheduling.due_runs import timetable_of
from ..storage import dags, timetables
from . import documents
from .authorize import authorize
from .documents import Document
from .house import House
from .page_limit import check_limit

MAX_PAGE = 1000


def next_runs(house: House, actor: Actor, dag_id: str, count: int = 1, after: str | None = None) -> list[Document]:
    """The next ``count`` scheduled runs: those that start later than ``after`` (default: now)."""
    authorize(house.policy, actor, "read", dag_id)
    check_limit(count, MAX_PAGE, "count")
    start = from_iso(after) if after is not None else house.clock.wall()
    with house.reading() as connection:
        dag = dags.get_dag(connection, dag_id)
        upcoming = upcoming_runs(connection, dag, start, count, now=house.clock.wall())
    return [documents.next_run_document(info) for info in upcoming]


def upcoming_runs(connection: Connection, dag: Dag, after: datetime, count: int, *, now: datetime) -> list[RunInfo]:
    """Return up to ``count`` scheduled runs of a DAG that start later than ``after``, the soonest first."""
    last = timetables.last_run(connection, dag.dag_id, now)
    is_custom = dag.schedule.kind == "custom"
    known = timetables.known_runs(connection, dag.version_id).infos if is_custom else []
    anchor = None if last is None else last.logical_date
    return timetable_of(dag, known).upcoming(after, count, dag.start_date, dag.end_date, anchor)


def missed_dates(house: House, actor: Actor, dag_id: str, limit: int = 100) -> Document:
    """Scheduled dates of a DAG that got no run, with the reason, the latest first."""
    authorize(house.policy, actor, "read", dag_id)
    check_limit(limit, MAX_PAGE)
    with house.reading() as connection:
        dags.get_dag(connection, dag_id)
        return {"missed": [_missed_document(slot) for slot in timetables.list_missed(connection, dag_id, limit)]}


def _missed_document(slot: MissedSlot) -> Document:
    return {
        "first_logical_date": iso_or_none(slot.first_logical_date),
        "last_logical_date": iso_or_none(slot.last_logical_date),
        "count": slot.count,
        "reason": documents.reason_document(slot.reason),
        "noticed_at": iso_or_none(slot.noticed_at),
    }
