"""Creates the scheduled runs that are due, and says when to look again."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import Connection

from ..model.changes import NewRun, RunInfo
from ..model.errors import Conflict
from ..model.ids import run_id_for
from ..model.rows import Dag, DagRun
from ..model.slots import RunCounts
from ..model.state import RunType
from ..scheduling.due_runs import due_runs, next_for
from ..storage import dags, queries, runs

log = logging.getLogger(__name__)


def create_due(connection: Connection, now: datetime) -> list[DagRun]:
    """Create the runs of all DAGs that are due at ``now`` and note their next ones; returns the new runs."""
    due = dags.due_dags(connection, now)
    if not due:
        return []
    counts = queries.run_counts(connection, backfills=False)
    created: list[DagRun] = []
    for dag in due:
        last = queries.last_scheduled(connection, dag.dag_id)
        try:
            plan = due_runs(dag, counts.get(dag.dag_id, RunCounts()), last, now)
        except Exception:
            log.exception("the schedule of DAG %s cannot be read: it gets no run", dag.dag_id)
            continue
        for info in plan.new:
            run = _create(connection, dag, info, now)
            if run is not None:
                created.append(run)
        dags.set_next_run(connection, dag.dag_id, plan.next)
    return created


def refresh_next(connection: Connection, dag: Dag, now: datetime) -> None:
    """Compute the next run of ``dag`` anew: its schedule changed, or it was unpaused."""
    dags.set_next_run(connection, dag.dag_id, next_for(dag, queries.last_scheduled(connection, dag.dag_id), now))


def _create(connection: Connection, dag: Dag, info: RunInfo, now: datetime) -> DagRun | None:
    version = dags.latest_version(connection, dag.dag_id)
    new = NewRun(
        dag_id=dag.dag_id,
        run_id=run_id_for(RunType.SCHEDULED, info.logical_date),
        run_type=RunType.SCHEDULED,
        run_after=info.run_after,
        logical_date=info.logical_date,
        data_interval_start=info.data_interval_start,
        data_interval_end=info.data_interval_end,
        triggered_by="schedule",
        actor="host",
        timezone=dag.timezone,
    )
    try:
        return runs.create_run(connection, new, version.id, dags.load_spec(version), now).run
    except Conflict as taken:
        log.info("scheduled run of %s left out: %s", dag.dag_id, taken)
        return None
