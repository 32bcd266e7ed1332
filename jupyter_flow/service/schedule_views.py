"""Views of the clock: which runs the schedule brings, and which dates got none."""

from __future__ import annotations

from ..model.instants import from_iso, iso_or_none
from ..model.records import Actor
from ..model.rows import MissedSlot
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
        last = timetables.last_run(connection, dag_id, house.clock.wall())
        is_custom = dag.schedule.kind == "custom"
        known = timetables.known_runs(connection, dag.version_id).infos if is_custom else []
    anchor = None if last is None else last.logical_date
    upcoming = timetable_of(dag, known).upcoming(start, count, dag.start_date, dag.end_date, anchor)
    return [documents.next_run_document(info) for info in upcoming]


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
