"""Tasks that wait when the clock was set back: as long as was meant, not until the instant that was meant."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from ..model.state import TaskState
from .schema import dag_run, task_instance

_WAITS = task_instance.c.state.in_([str(TaskState.UP_FOR_RETRY), str(TaskState.UP_FOR_RESCHEDULE)])
_FROM_LATER = select(
    task_instance.c.id, task_instance.c.dag_run_id, task_instance.c.end_date, task_instance.c.check_at
).where(_WAITS, task_instance.c.end_date > bindparam("b_now"))
_HELD = dag_run.c.held_by == bindparam("b_host")
_OWN = _FROM_LATER.join(dag_run, dag_run.c.id == task_instance.c.dag_run_id).where(_HELD)
_WAIT = (
    update(task_instance)
    .where(task_instance.c.id == bindparam("b_id"), _WAITS)
    .values(check_at=bindparam("b_check_at"))
)


def shorten(connection: Connection, now: datetime, host_id: str | None) -> set[int]:
    """Let what began to wait at an instant that is still to come wait from ``now`` on; returns the runs of that.

    ``host_id``: only in runs that this host holds; None: in all.
    """
    query, values = (_FROM_LATER, {"b_now": now}) if host_id is None else (_OWN, {"b_now": now, "b_host": host_id})
    rows = connection.execute(query, values).all()
    for row in rows:
        wait = max(row.check_at - row.end_date, timedelta())
        connection.execute(_WAIT, {"b_id": row.id, "b_check_at": now + wait})
    return {row.dag_run_id for row in rows}
