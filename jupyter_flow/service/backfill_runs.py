"""The scheduler's step of backfills: it makes their runs date by date, as many as each may have at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ..model.changes import NewRun, RunInfo
from ..model.errors import Conflict
from ..model.ids import run_id_for
from ..model.records import Actor
from ..model.rows import Backfill, Dag, DagRun
from ..model.spec import DagSpec
from ..model.state import RunType
from ..scheduling import backfills as rules
from ..storage import backfills, dags, edits, queries, runs

MOST_AT_ONCE = 100
"""Runs that one step makes for one backfill; the others follow when these have ended."""


def create_due(connection: Connection, now: datetime) -> list[DagRun]:
    """Make the runs that active backfills may have now, and note backfills that have nothing left to do."""
    made: list[DagRun] = []
    for found in backfills.active(connection):
        dag = dags.get_dag(connection, found.dag_id)
        if dag.is_active:
            made += _make_runs(connection, found, dag, now)
        complete(connection, found, now)
    return made


def _make_runs(connection: Connection, found: Backfill, dag: Dag, now: datetime) -> list[DagRun]:
    wanted = min(rules.room(found, backfills.unfinished_runs(connection, found.id)), MOST_AT_ONCE)
    made: list[DagRun] = []
    version = dags.latest_version(connection, dag.dag_id)
    spec = dags.load_spec(version)
    while len(made) < wanted:
        slots = backfills.open_slots(connection, found.id, wanted - len(made))
        if not slots:
            break
        for slot in slots:
            run = _make_run(connection, found, dag, slot, version.id, spec, now)
            if run is not None:
                made.append(run)
    return made


def _make_run(
    connection: Connection,
    found: Backfill,
    dag: Dag,
    slot: backfills.OpenSlot,
    version_id: int,
    spec: DagSpec,
    now: datetime,
) -> DagRun | None:
    info = slot.info
    known = backfills.runs_between(connection, dag.dag_id, info.logical_date, info.logical_date)
    run = known.get(info.logical_date)
    if skipped := rules.skip_reason(run.state if run else None, found.reprocess_behavior):
        backfills.skip(connection, found, slot.id, skipped, now)  # it came into being after the backfill was asked for
        return None
    if run is not None:
        actor = Actor(found.actor, "backfill")
        keys = [(row.task_id, row.map_index) for row in queries.task_instances(connection, run.id)]
        edits.clear(connection, run, keys, version_id, spec, now, actor)
        backfills.adopt(connection, run, found)
        run = queries.run_by_id(connection, run.id)
    else:
        try:
            run = _new_run(connection, found, dag, info, version_id, spec, now)
        except Conflict as refused:
            backfills.skip(connection, found, slot.id, str(refused), now)
            return None
    backfills.fill(connection, slot.id, run.id)
    return run


def _new_run(
    connection: Connection, found: Backfill, dag: Dag, info: RunInfo, version_id: int, spec: DagSpec, now: datetime
) -> DagRun:
    new = NewRun(
        dag_id=dag.dag_id,
        run_id=run_id_for(RunType.BACKFILL, info.logical_date),
        run_type=RunType.BACKFILL,
        run_after=info.run_after,
        logical_date=info.logical_date,
        data_interval_start=info.data_interval_start,
        data_interval_end=info.data_interval_end,
        triggered_by="backfill",
        actor=found.actor,
        conf=found.conf,
        timezone=dag.timezone,
        backfill_id=found.id,
    )
    return runs.create_run(connection, new, version_id, spec, now).run


def complete(connection: Connection, found: Backfill, now: datetime) -> None:
    """Note that a backfill is completed, if nothing of it is left to do."""
    if found.completed_at is None and backfills.progress(connection, [found.id])[found.id].unfinished == 0:
        backfills.complete(connection, found, now)
