"""Deleting what is old: runs with their records, unused DAG versions and bundles, events of no run.

What the house still needs of the past stays, whatever its age: unfinished runs, runs of an open backfill, and of each
DAG its last run, its last scheduled run and its last success (previous dates, ``depends_on_past`` and deadlines look
there).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, bindparam, delete, or_, select, update

from ..model.errors import Conflict
from ..model.records import Actor
from ..model.state import RUN_TERMINAL, RunState, RunType
from .events import append
from .schema import attempt, bundle, dag, dag_run, dag_version, event, host, task_instance
from .schema_calls import callback
from .schema_plans import backfill, missed_slot

_ENDED = [str(state) for state in RUN_TERMINAL]
_SUCCESS = str(RunState.SUCCESS)


@dataclass(frozen=True)
class KeepRule:
    """What stays: ``days`` (0: all) and the last ``runs`` of each DAG (None: all); unsuccessful ones ``factor`` times
    as long.
    """

    days: float = 90.0
    runs: int | None = None
    factor: float = 2.0


@dataclass(frozen=True)
class OldRun:
    """A finished run that nothing keeps."""

    id: int
    dag_id: str
    run_id: str
    state: str


@dataclass(frozen=True)
class OldAttempt:
    """A finished attempt (or callback) with files; ``failed``: it did not succeed."""

    id: str
    finished_at: datetime
    failed: bool


def old_runs(connection: Connection, rule: KeepRule, now: datetime) -> list[OldRun]:
    """Return the runs that ``rule`` lets go, oldest first."""
    found: dict[int, OldRun] = {}
    if rule.days > 0:
        for query in (
            _old(now - timedelta(days=rule.days), dag_run.c.state == _SUCCESS),
            _old(now - timedelta(days=rule.days * rule.factor), dag_run.c.state != _SUCCESS),
        ):
            found.update((run.id, run) for run in _read(connection, query))
    dag_ids = {run.dag_id for run in found.values()}
    if rule.runs is not None:
        dag_ids = set(connection.execute(select(dag_run.c.dag_id).distinct()).scalars())
        for dag_id in dag_ids:
            found.update((run.id, run) for run in _beyond(connection, dag_id, rule.runs, rule.factor))
    kept = {number for dag_id in dag_ids for number in _kept(connection, dag_id)}
    return sorted((run for run in found.values() if run.id not in kept), key=lambda run: run.id)


def delete_runs(connection: Connection, runs: Sequence[OldRun], now: datetime, actor: Actor | None = None) -> list[str]:
    """Delete runs with all their records; return the ids of their attempts and callbacks, whose files may go too."""
    ids = [run.id for run in runs]
    if not ids:
        return []
    tasks = select(task_instance.c.id).where(task_instance.c.dag_run_id.in_(ids))
    names = list(connection.execute(select(attempt.c.id).where(attempt.c.task_instance_id.in_(tasks))).scalars())
    calls = select(callback.c.attempt_id).where(callback.c.dag_run_id.in_(ids), callback.c.attempt_id.is_not(None))
    names += connection.execute(calls).scalars()
    connection.execute(delete(dag_run).where(dag_run.c.id.in_(ids)))
    for dag_id in sorted({run.dag_id for run in runs}):
        append(connection, "dag_changed", now, dag_id=dag_id, actor=actor)
    return names


def delete_run(connection: Connection, run: OldRun, now: datetime, actor: Actor) -> list[str]:
    """Delete one finished run on request. Raises :class:`Conflict` while it is not finished."""
    if run.state not in _ENDED:
        raise Conflict(f"run {run.run_id!r} of DAG {run.dag_id!r} is {run.state}: cancel it first")
    return delete_runs(connection, [run], now, actor)


def attempts_with_files(connection: Connection, ids: Collection[str]) -> list[OldAttempt]:
    """Return those of ``ids`` that are finished attempts or callbacks."""
    found = []
    for part in _parts(ids):
        query = select(attempt.c.id, attempt.c.finished_at, attempt.c.outcome)
        rows = connection.execute(query.where(attempt.c.id.in_(part), attempt.c.finished_at.is_not(None)))
        found += [OldAttempt(row.id, row.finished_at, row.outcome != "success") for row in rows]
        calls = select(callback.c.attempt_id, callback.c.finished_at, callback.c.outcome)
        rows = connection.execute(calls.where(callback.c.attempt_id.in_(part), callback.c.finished_at.is_not(None)))
        found += [OldAttempt(row.attempt_id, row.finished_at, row.outcome != "success") for row in rows]
    return found


def known_attempts(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return those of ``ids`` that any attempt or callback has, finished or not."""
    return _stored(connection, ids, attempt.c.id, callback.c.attempt_id)


def forget_files(connection: Connection, ids: Collection[str]) -> None:
    """Record that the files of these attempts are gone; what is known of the attempts stays."""
    for part in _parts(ids):
        gone = update(attempt).where(attempt.c.id.in_(part)).values(log_path=None, notebook_path=None)
        connection.execute(gone)
        connection.execute(update(callback).where(callback.c.attempt_id.in_(part)).values(log_path=None))


def delete_unused_versions(connection: Connection, before: datetime) -> int:
    """Delete DAG versions that no run, attempt or callback used and that are not their DAG's own; how many."""
    version = dag_version.c.id
    used = or_(
        select(dag.c.id).where(dag.c.version_id == version).exists(),
        select(dag_run.c.id).where(dag_run.c.dag_version_id == version).exists(),
        select(attempt.c.id).where(attempt.c.dag_version_id == version).exists(),
        select(callback.c.id).where(callback.c.dag_version_id == version).exists(),
    )
    return connection.execute(delete(dag_version).where(dag_version.c.updated_at < before, ~used)).rowcount


def delete_unused_bundles(connection: Connection, before: datetime) -> int:
    """Delete the records of bundles that no version names; how many."""
    used = select(dag_version.c.id).where(dag_version.c.bundle_hash == bundle.c.bundle_hash).exists()
    return connection.execute(delete(bundle).where(bundle.c.created_at < before, ~used)).rowcount


def known_bundles(connection: Connection, hashes: Collection[str]) -> set[str]:
    """Return those of ``hashes`` that have a record: of the others the folders may go."""
    return _stored(connection, hashes, bundle.c.bundle_hash)


def _stored(connection: Connection, names: Collection[str], *columns: Column[str]) -> set[str]:
    found: set[str] = set()
    for part in _parts(names):
        for column in columns:
            found.update(connection.execute(select(column).where(column.in_(part))).scalars())
    return found


def delete_old_notes(connection: Connection, before: datetime) -> int:
    """Delete events that belong to no run, missed slots, and hosts that ended before that instant; how many."""
    own = event.c.dag_run_id.is_(None)
    newest = select(event.c.id).order_by(event.c.id.desc()).limit(1).scalar_subquery()
    count = connection.execute(delete(event).where(own, event.c.at < before, event.c.id < newest)).rowcount
    count += connection.execute(delete(missed_slot).where(missed_slot.c.noticed_at < before)).rowcount
    last = select(host.c.id).order_by(host.c.id.desc()).limit(1).scalar_subquery()
    gone = and_(host.c.ended_at.is_not(None), host.c.ended_at < before, host.c.id < last)
    return count + connection.execute(delete(host).where(gone)).rowcount


_COLUMNS = (dag_run.c.id, dag_run.c.dag_id, dag_run.c.run_id, dag_run.c.state)
_OPEN_BACKFILLS = select(backfill.c.id).where(backfill.c.completed_at.is_(None), backfill.c.cancelled_at.is_(None))
_MAY_GO = and_(
    dag_run.c.state.in_(_ENDED), or_(dag_run.c.backfill_id.is_(None), dag_run.c.backfill_id.not_in(_OPEN_BACKFILLS))
)
_OF_DAG = dag_run.c.dag_id == bindparam("dag")
_KEPT = (
    select(dag_run.c.id).where(_OF_DAG).order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc()).limit(1),
    select(dag_run.c.id)
    .where(_OF_DAG, dag_run.c.run_type == str(RunType.SCHEDULED))
    .order_by(dag_run.c.logical_date.desc())
    .limit(1),
    select(dag_run.c.id)
    .where(_OF_DAG, dag_run.c.state == _SUCCESS, dag_run.c.logical_date.is_not(None))
    .order_by(dag_run.c.logical_date.desc())
    .limit(1),
)


def _old(before: datetime, state: ColumnElement[bool]) -> Select[Any]:
    return select(*_COLUMNS).where(_MAY_GO, state, dag_run.c.end_date < before)


def _kept(connection: Connection, dag_id: str) -> Iterable[int]:
    for query in _KEPT:
        yield from connection.execute(query, {"dag": dag_id}).scalars()


def _beyond(connection: Connection, dag_id: str, count: int, factor: float) -> list[OldRun]:
    """Return the runs of a DAG older than its last ``count`` (unsuccessful ones: ``factor`` times as many)."""
    order = (dag_run.c.run_after.desc(), dag_run.c.id.desc())
    found = []
    for number, state in ((count, dag_run.c.state == _SUCCESS), (math.ceil(count * factor), None)):
        newer = select(dag_run.c.run_after, dag_run.c.id).where(_OF_DAG).order_by(*order).offset(number).limit(1)
        first = connection.execute(newer, {"dag": dag_id}).one_or_none()
        if first is None:
            continue
        behind = or_(
            dag_run.c.run_after < first.run_after,
            and_(dag_run.c.run_after == first.run_after, dag_run.c.id <= first.id),
        )
        query = select(*_COLUMNS).where(_OF_DAG, _MAY_GO, behind)
        query = query if state is None else query.where(state)
        found += _read(connection, query, {"dag": dag_id})
    return found


def _read(connection: Connection, query: Select[Any], values: Mapping[str, Any] | None = None) -> list[OldRun]:
    return [OldRun(row.id, row.dag_id, row.run_id, row.state) for row in connection.execute(query, values)]


def _parts(ids: Collection[str], size: int = 500) -> Iterable[list[str]]:
    items = list(ids)
    return (items[start : start + size] for start in range(0, len(items), size))
