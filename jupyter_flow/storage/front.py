"""Short reads for lists of many DAGs: the last runs as bars, counts of states, who failed first, what runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from ..model.rows import DagRun, TaskInstance
from ..model.state import RUN_TERMINAL, RunState, TaskState
from .dags import get_version, load_spec
from .mapping import to_dag, to_run, to_task_instance
from .queries import read_run_cursor, run_cursor
from .schema import dag, dag_run, dag_version, task_instance

_OPEN = [str(state) for state in RunState if state not in RUN_TERMINAL]
_ENDED = sorted(map(str, RUN_TERMINAL))
_OTHER = dag_run.alias("other")
_CANDIDATE = task_instance.alias("candidate")
_names: dict[str, str] = {}
"""Names for people by hash of the spec that says them: long lists need no more of a spec, which is large."""
_MOST_NAMES = 5_000


@dataclass(frozen=True)
class RunBar:
    """As much of a run as a bar shows. ``id``: surrogate key."""

    id: int
    dag_id: str
    run_id: str
    state: str
    start_date: datetime | None
    end_date: datetime | None


def page_of_dags(
    connection: Connection, limit: int, after: str | None = None, dag_ids: Collection[str] = ()
) -> tuple[list[Any], str | None]:
    """Return active DAGs by id: those after ``after``, or those of ``dag_ids``; and the ``after`` of the next page."""
    query = select(dag).where(dag.c.is_active).order_by(dag.c.dag_id).limit(limit + 1)
    if after is not None:
        query = query.where(dag.c.dag_id > after)
    if dag_ids:
        query = query.where(dag.c.dag_id.in_(list(dag_ids)))
    found = [to_dag(row) for row in connection.execute(query)]
    return found[:limit], found[limit - 1].dag_id if len(found) > limit else None


def display_names(connection: Connection, version_ids: Collection[int]) -> dict[int, str]:
    """Return the name for people of each version's DAG; a spec is read only the first time that it is seen."""
    query = select(dag_version.c.id, dag_version.c.spec_hash).where(dag_version.c.id.in_(list(version_ids)))
    found = {}
    for row in connection.execute(query).all():
        if row.spec_hash not in _names:
            if len(_names) > _MOST_NAMES:
                _names.clear()
            spec = load_spec(get_version(connection, row.id))
            _names[row.spec_hash] = spec.display_name or spec.dag_id
        found[row.id] = _names[row.spec_hash]
    return found


def run_bars(connection: Connection, dag_ids: Collection[str], count: int) -> dict[str, list[RunBar]]:
    """Return the last ``count`` runs of each DAG, newest last; every asked DAG has an entry."""
    result: dict[str, list[RunBar]] = {dag_id: [] for dag_id in dag_ids}
    columns = (dag_run.c.id, dag_run.c.dag_id, dag_run.c.run_id, dag_run.c.state)
    query = (
        select(*columns, dag_run.c.start_date, dag_run.c.end_date)
        .join_from(dag, dag_run, dag_run.c.id.in_(_newest(count)))
        .where(dag.c.dag_id.in_(list(dag_ids)))
        .order_by(dag_run.c.run_after, dag_run.c.id)
    )
    for row in connection.execute(query):
        result[row.dag_id].append(RunBar(*row))
    return result


def state_counts(connection: Connection, dag_run_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many task instances of each run are in which state."""
    result: dict[int, dict[str, int]] = {key: {} for key in dag_run_ids}
    query = (
        select(task_instance.c.dag_run_id, task_instance.c.state, func.count())
        .where(task_instance.c.dag_run_id.in_(list(dag_run_ids)))
        .group_by(task_instance.c.dag_run_id, task_instance.c.state)
    )
    for dag_run_id, state, count in connection.execute(query):
        result[dag_run_id][state] = count
    return result


def last_ended_failed(connection: Connection, limit: int, before: str | None = None) -> tuple[list[DagRun], str | None]:
    """Return the failed runs after which no run of their active DAG has ended, newest first, and the next cursor."""
    newest_ended = _newest(1).where(_OTHER.c.state.in_(_ENDED))
    query = (
        select(dag_run)
        .join_from(dag, dag_run, dag_run.c.id.in_(newest_ended))
        .where(dag.c.is_active, dag_run.c.state == str(RunState.FAILED))
    )
    return _page(connection, query, limit, before)


def runs_in_progress(connection: Connection, limit: int, before: str | None = None) -> tuple[list[DagRun], str | None]:
    """Return the unfinished runs, newest first, and the cursor of the next page."""
    return _page(connection, select(dag_run).where(dag_run.c.state.in_(_OPEN)), limit, before)


def runs_since(
    connection: Connection, since: datetime, limit: int, before: str | None = None
) -> tuple[list[DagRun], str | None]:
    """Return the runs that have not ended before ``since``, newest first, and the cursor of the next page."""
    return _page(
        connection, select(dag_run).where(or_(dag_run.c.end_date >= since, dag_run.c.state.in_(_OPEN))), limit, before
    )


def failed_count(connection: Connection, dag_ids: Collection[str], since: datetime) -> int:
    """Return how many runs of these DAGs have failed since that instant."""
    query = select(dag_run.c.dag_id, func.count()).where(
        dag_run.c.end_date >= since, dag_run.c.state == str(RunState.FAILED)
    )
    wanted = set(dag_ids)
    return sum(count for dag_id, count in connection.execute(query.group_by(dag_run.c.dag_id)) if dag_id in wanted)


def first_failures(connection: Connection, dag_run_ids: Sequence[int]) -> dict[int, TaskInstance]:
    """Return the task instance of each run that failed first, where one has."""
    first = (
        select(_CANDIDATE.c.id)
        .where(_CANDIDATE.c.dag_run_id == dag_run.c.id, _CANDIDATE.c.state == str(TaskState.FAILED))
        .order_by(_CANDIDATE.c.end_date, _CANDIDATE.c.id)
        .limit(1)
        .correlate(dag_run)
    )
    query = (
        select(task_instance)
        .join_from(dag_run, task_instance, task_instance.c.id.in_(first))
        .where(dag_run.c.id.in_(list(dag_run_ids)))
    )
    return {row.dag_run_id: to_task_instance(row) for row in connection.execute(query)}


def success_seconds(connection: Connection, dag_ids: Collection[str], count: int) -> dict[str, list[float]]:
    """Return how long the last ``count`` runs of each DAG took that succeeded."""
    result: dict[str, list[float]] = {dag_id: [] for dag_id in dag_ids}
    newest = _newest(count).where(_OTHER.c.state == str(RunState.SUCCESS))
    query = (
        select(dag_run.c.dag_id, dag_run.c.start_date, dag_run.c.end_date)
        .join_from(dag, dag_run, dag_run.c.id.in_(newest))
        .where(
            dag.c.dag_id.in_(list(dag_ids)), and_(dag_run.c.start_date.is_not(None), dag_run.c.end_date.is_not(None))
        )
    )
    for row in connection.execute(query):
        result[row.dag_id].append((row.end_date - row.start_date).total_seconds())
    return result


def _newest(count: int) -> Select[tuple[int]]:
    """Select the keys of the newest runs of the ``dag`` around it, by index: a long history costs nothing."""
    return (
        select(_OTHER.c.id)
        .where(_OTHER.c.dag_id == dag.c.dag_id)
        .order_by(_OTHER.c.run_after.desc(), _OTHER.c.id.desc())
        .limit(count)
        .correlate(dag)
    )


def _page(
    connection: Connection, query: Select[Any], limit: int, before: str | None
) -> tuple[list[DagRun], str | None]:
    if before is not None:
        at, key = read_run_cursor(before)
        query = query.where(dag_run.c.run_after <= at, or_(dag_run.c.run_after < at, dag_run.c.id < key))
    query = query.order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc()).limit(limit + 1)
    found = [to_run(row) for row in connection.execute(query)]
    return found[:limit], run_cursor(found[limit - 1]) if len(found) > limit else None
