"""The story of a run: its events with reasons and actors, its earlier attempts, and how long cells took before."""

from __future__ import annotations

from typing import Any

from ..model.errors import InvalidInput
from ..model.records import Actor
from ..storage import queries
from ..storage import run_story as storage
from . import documents
from .authorize import authorize
from .documents import Document
from .house import House
from .run_diagnosis import read_notebook
from .spools import spool_of

MAX_PAGE = 500
MAX_ATTEMPTS = 5000


def run_events(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str,
    task_id: str | None = None,
    map_index: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> Document:
    """A page of the events of a run (of one task, of one map index of it), oldest first; ``next`` is its ``after``."""
    _check(limit, MAX_PAGE)
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        found = storage.run_page(connection, run.id, task_id, map_index, after, limit + 1)
    page = found[:limit]
    shown = [
        {
            **documents.event_document(event),
            "reason": documents.reason_document(event.reason),
            "actor": event.actor,
        }
        for event in page
    ]
    return {"events": shown, "next": page[-1].seq if len(found) > limit else None}


def earlier_attempts(house: House, actor: Actor, dag_id: str, run_id: str, limit: int = 1000) -> Document:
    """The attempts of a run's tasks before the latest of each: what a chart of the run shows beside its tasks."""
    _check(limit, MAX_ATTEMPTS)
    authorize(house.policy, actor, "read", dag_id)
    now = house.clock.wall()
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        found = storage.earlier(connection, run.id, limit)
    names = ("attempt_number", "try_number", "outcome", "queued_at", "start_date", "end_date")
    shown = []
    for row, attempt in found:
        document = documents.attempt_document(attempt, now=now)
        shown.append({"task_id": row[0], "map_index": row[1], **{name: document[name] for name in names}})
    return {"attempts": shown}


def usual_cells(house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Document:
    """How long the cells of a task took when it last succeeded in another run: ``run_id`` and seconds for each cell.

    ``run_id`` is null if it never did, or left no notebook.
    """
    authorize(house.policy, actor, "read", dag_id)
    nothing: Document = {"run_id": None, "duration": None, "cells": []}
    with house.reading() as connection:
        shown = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        earlier = storage.last_success(connection, dag_id, task_id, map_index, shown.dag_run_id)
        if earlier is None:
            return nothing
        other, attempt = earlier
        folder = spool_of(connection, house, attempt)
    if attempt.notebook_path is None:
        return nothing
    cells = read_notebook(folder / attempt.notebook_path.rpartition("/")[2])
    duration = None
    if attempt.started_at is not None and attempt.finished_at is not None:
        duration = (attempt.finished_at - attempt.started_at).total_seconds()
    return {"run_id": other, "duration": duration, "cells": [_seconds(cell) for cell in cells]}


def _seconds(cell: dict[str, Any]) -> float | None:
    metadata = cell.get("metadata")
    facts = metadata.get("papermill") if isinstance(metadata, dict) else None
    seconds = facts.get("duration") if isinstance(facts, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else None


def _check(limit: int, most: int) -> None:
    if type(limit) is not int or not 1 <= limit <= most:
        raise InvalidInput(f"limit {limit!r} must be a whole number from 1 to {most}")
