"""Views and commands of what follows from runs: callbacks, missed SLAs, deadlines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from ..model.calls import Callback, Deadline, SlaMiss
from ..model.errors import InvalidInput, NotFound
from ..model.instants import iso_or_none
from ..model.records import Actor
from ..model.rows import Dag, DagRun
from ..scheduling.deadlines import is_met
from ..storage import callbacks, dags, misses, queries
from .authorize import authorize, readable
from .commanding import command
from .documents import Document, reason_document
from .house import House
from .log_lines import read_lines
from .page_limit import check_limit

MOST = 1_000
LOG_LINES = 500
MAX_NOTE = 10_000


def list_callbacks(
    house: House, actor: Actor, dag_id: str, run_id: str, task_id: str | None = None, log: bool = False
) -> Document:
    """The callbacks of a run (of one task, if named), the oldest first; ``log``: with the last lines of their logs."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        if task_id is not None and not queries.instances_of(connection, run.id, task_id):
            raise NotFound(f"run {run_id!r} of DAG {dag_id!r} has no task {task_id!r}")
        rows = callbacks.of_run(connection, run.id)
    chosen = [row for row in rows if task_id is None or row.facts.get("task_id") == task_id]
    return {"callbacks": [_callback(house, row, bool(log)) for row in chosen]}


def list_slas(
    house: House, actor: Actor, dag_id: str | None = None, limit: int = 100, before: str | None = None
) -> Document:
    """Missed SLAs of one DAG or of all, the newest first; ``next`` is the ``before`` of the following page."""
    first = _page(limit, before)
    with house.reading() as connection:
        found = misses.list_misses(connection, _readable(house, actor, connection, dag_id), limit, first)
    cursor = str(found[-1].id) if len(found) == limit else None
    return {"slas": [_sla(miss) for miss in found], "next": cursor}


def list_deadlines(
    house: House, actor: Actor, dag_id: str | None = None, limit: int = 100, before: str | None = None
) -> Document:
    """Deadlines of runs of one DAG or of all, the newest first; ``next`` as in :func:`list_slas`."""
    first = _page(limit, before)
    with house.reading() as connection:
        found = misses.list_deadlines(connection, _readable(house, actor, connection, dag_id), limit, first)
    cursor = str(found[-1][0].id) if len(found) == limit else None
    return {"deadlines": [_deadline(deadline, run) for deadline, run in found], "next": cursor}


def note_sla(house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, note: str | None) -> Document:
    """Write a note on a missed SLA (None: take it away) and return it."""
    about = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "arguments": {"note": note}}
    with command(house, actor, "slas.note", "edit", **about) as (connection, _):  # type: ignore[arg-type]
        run = queries.get_run(connection, dag_id, run_id)
        return _sla(misses.set_miss_note(connection, run.id, task_id, _note(note)))


def note_deadline(
    house: House, actor: Actor, dag_id: str, run_id: str, position: int = 0, note: str | None = None
) -> Document:
    """Write a note on a deadline of a run (``position`` among the DAG's deadlines) and return it."""
    about = {"dag_id": dag_id, "run_id": run_id, "arguments": {"position": position, "note": note}}
    with command(house, actor, "deadlines.note", "edit", **about) as (connection, _):  # type: ignore[arg-type]
        if type(position) is not int or position < 0:
            raise InvalidInput(f"position {position!r} must be a number from 0 on")
        run = queries.get_run(connection, dag_id, run_id)
        return _deadline(misses.set_deadline_note(connection, run.id, position, _note(note)), run)


def _callback(house: House, row: Callback, log: bool) -> Document:
    document: Document = {
        "id": row.id,
        "level": row.level,
        "event": row.event,
        "task_id": row.facts.get("task_id"),
        "map_index": row.facts.get("map_index"),
        "try_number": row.facts.get("try_number"),
        "state": row.state,
        "reason": reason_document(row.reason),
        "created_at": iso_or_none(row.created_at),
        "start_date": iso_or_none(row.started_at),
        "end_date": iso_or_none(row.finished_at),
        "starts": row.starts,
        "log_path": row.log_path,
    }
    if log:
        path = house.spool / (row.attempt_id or "none") / "log.jsonl"
        document["log"] = read_lines(path, 0)[-LOG_LINES:]
    return document


def _sla(miss: SlaMiss) -> Document:
    return {
        "dag_id": miss.dag_id,
        "run_id": miss.run_id,
        "task_id": miss.task_id,
        "logical_date": iso_or_none(miss.logical_date),
        "due_at": iso_or_none(miss.due_at),
        "noticed_at": iso_or_none(miss.noticed_at),
        "note": miss.note,
    }


def _deadline(deadline: Deadline, run: DagRun) -> Document:
    met_at = deadline.met_at or (run.end_date if is_met(run, deadline) and deadline.missed_at is None else None)
    state = "missed" if deadline.missed_at is not None else "met" if met_at is not None else "pending"
    return {
        "dag_id": deadline.dag_id,
        "run_id": deadline.run_id,
        "position": deadline.position,
        "name": deadline.name,
        "state": state,
        "due_at": iso_or_none(deadline.due_at),
        "met_at": iso_or_none(met_at),
        "missed_at": iso_or_none(deadline.missed_at),
        "note": deadline.note,
    }


def _readable(house: House, actor: Actor, connection: Connection, dag_id: str | None) -> list[str]:
    if dag_id is not None:
        authorize(house.policy, actor, "read", dag_id)
        return [dags.get_dag(connection, dag_id).dag_id]
    rows: list[Dag] = list(readable(house.policy, actor, dags.list_dags(connection)))
    return [row.dag_id for row in rows]


def _page(limit: Any, before: Any) -> int | None:
    check_limit(limit, MOST)
    if before is None:
        return None
    if not isinstance(before, str) or not before.isdigit() or len(before) > 18:
        raise InvalidInput(f"before {before!r} must be the `next` of a page")
    return int(before)


def _note(note: Any) -> str | None:
    if note is not None and (not isinstance(note, str) or len(note) > MAX_NOTE):
        raise InvalidInput(f"a note is text of up to {MAX_NOTE} characters")
    return note or None
