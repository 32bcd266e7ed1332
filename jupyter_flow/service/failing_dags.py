"""``max_consecutive_failed_dag_runs``: a DAG whose last runs all failed is paused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ..model.reason import Reason
from ..model.rows import DagRun
from ..model.state import RunState
from ..storage import dags, queries


def pause_if_failing(connection: Connection, run: DagRun, now: datetime) -> None:
    """Pause the DAG of ``run``, which just ended, if it was one failure too many in a row."""
    if run.state is not RunState.FAILED:
        return
    dag = dags.get_dag(connection, run.dag_id)
    limit = dag.max_consecutive_failed_dag_runs
    if limit < 1 or dag.is_paused:
        return
    last = queries.recent_runs(connection, [dag.dag_id], limit)[dag.dag_id]
    if len(last) == limit and all(item.state is RunState.FAILED for item in last):
        reason = Reason("max_consecutive_failed_dag_runs", {"count": limit})
        dags.set_paused(connection, dag.dag_id, True, now, None, reason)
