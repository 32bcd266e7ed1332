"""The scheduler's step of assets: one run for each set of events that meets the schedule of a DAG."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ..model.changes import NewRun
from ..model.errors import Conflict, NotFound
from ..model.ids import run_id_for
from ..model.rows import Dag, DagRun
from ..model.state import RunType
from ..scheduling.asset_runs import EventSet, event_set, wanted_by
from ..storage import assets, dags, queries, runs

log = logging.getLogger(__name__)

_MOMENT = timedelta(microseconds=1)


def create_due(connection: Connection, now: datetime) -> list[DagRun]:
    """Create the runs that events of assets have made due; DAGs that are paused look at their events later."""
    newest = assets.last_event_id(connection)
    made: list[DagRun] = []
    for dag in assets.waiting_dags(connection, newest) if newest else ():
        condition = dag.schedule.assets or {"any": []}
        wanted = wanted_by(condition)
        pending = assets.events_after(connection, dag.asset_cursor, wanted.names, wanted.aliases)
        found = event_set(condition, pending)
        if found is not None:
            try:
                made.append(_create(connection, dag, found, now))
            except Conflict as refused:
                log.warning("events of assets make no run of %s: %s", dag.dag_id, refused)
        if found is not None or not pending:
            assets.set_cursor(connection, dag.dag_id, newest)
    return made


def _create(connection: Connection, dag: Dag, found: EventSet, now: datetime) -> DagRun:
    version = dags.latest_version(connection, dag.dag_id)
    new = NewRun(
        dag_id=dag.dag_id,
        run_id=_free_run_id(connection, dag.dag_id, now),
        run_type=RunType.ASSET_TRIGGERED,
        run_after=now,
        logical_date=None,
        data_interval_start=None,
        data_interval_end=None,
        triggered_by="asset",
        actor="host",
        timezone=dag.timezone,
        asset_event_set=found.key,
    )
    run = runs.create_run(connection, new, version.id, dags.load_spec(version), now).run
    assets.link(connection, run.id, found.ids)
    return run


def _free_run_id(connection: Connection, dag_id: str, now: datetime) -> str:
    """Return the run id of this instant, or of the next free one (a clock may have been set back)."""
    instant = now
    while True:
        run_id = run_id_for(RunType.ASSET_TRIGGERED, instant)
        try:
            queries.get_run(connection, dag_id, run_id)
        except NotFound:
            return run_id
        instant += _MOMENT
