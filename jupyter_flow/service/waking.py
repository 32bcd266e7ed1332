"""A task that waits for the run it asked for looks again when that run ends, not only when its time has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ..model.changes import TaskChange
from ..model.rows import DagRun, TaskInstance
from ..model.state import TaskState
from ..storage import queries, runs


def wake_parent(connection: Connection, run: DagRun, now: datetime) -> list[TaskInstance]:
    """Schedule the task instance that asked for ``run``, if it waits to be started again; return it as it is now."""
    if run.parent_run_id is None or run.parent_task_instance_id is None:
        return []
    changes = [
        TaskChange(row.id, row.task_id, row.map_index, TaskState.SCHEDULED, row_version=row.row_version)
        for row in queries.task_instances_by_id(connection, [run.parent_task_instance_id])
        if row.state is TaskState.UP_FOR_RESCHEDULE and row.cancel_requested_at is None
    ]
    return runs.transition_many(connection, changes, now).tasks
