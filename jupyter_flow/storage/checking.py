"""What must hold in the rows of a house whenever nothing is half done; asked of one consistent snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from ..model.state import RUN_TERMINAL, TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from .schema import attempt, dag_run, event, task_instance
from .types import NEVER

SHOWN = 20
"""At most so many rows are named per question."""

_TASK = (task_instance.c.dag_id, task_instance.c.run_id, task_instance.c.task_id, task_instance.c.map_index)
_RUN = (dag_run.c.dag_id, dag_run.c.run_id)
_OPEN_TASK = task_instance.c.state.not_in([str(state) for state in TASK_TERMINAL])
_ACTIVE_TASK = task_instance.c.state.in_([str(state) for state in TASK_ACTIVE])
_OPEN_RUN = dag_run.c.state.not_in([str(state) for state in RUN_TERMINAL])
_SEQ = (
    select(event.c.dag_run_id, func.count().label("number"), func.max(event.c.seq).label("last"))
    .where(event.c.dag_run_id.is_not(None))
    .group_by(event.c.dag_run_id)
    .subquery()
)
_CURRENT = and_(attempt.c.id == task_instance.c.attempt_id, attempt.c.task_instance_id == task_instance.c.id)

_QUESTIONS: dict[str, Select[Any]] = {
    "is in a state that does not exist": select(*_TASK).where(
        task_instance.c.state.not_in([str(state) for state in TaskState])
    ),
    "is not finished and nobody holds it": select(*_TASK).where(_OPEN_TASK, task_instance.c.held_by == ""),
    "is queued or running and nobody is to look at it": select(*_TASK).where(
        _ACTIVE_TASK, task_instance.c.check_at >= NEVER
    ),
    "is queued or running without an unfinished attempt of its own": select(*_TASK)
    .outerjoin_from(task_instance, attempt, _CURRENT)
    .where(_ACTIVE_TASK, or_(attempt.c.id.is_(None), attempt.c.finished_at.is_not(None))),
    "is a run in a state that does not exist": select(*_RUN).where(
        dag_run.c.state.not_in([str(state) for state in RunState])
    ),
    "is an unfinished run that nobody holds or is to look at": select(*_RUN).where(
        _OPEN_RUN, or_(dag_run.c.held_by == "", dag_run.c.check_at >= NEVER)
    ),
    "is a run with a gap in its events": select(*_RUN)
    .outerjoin_from(dag_run, _SEQ, _SEQ.c.dag_run_id == dag_run.c.id)
    .where(
        or_(
            func.coalesce(_SEQ.c.number, 0) != dag_run.c.last_seq,
            func.coalesce(_SEQ.c.last, 0) != dag_run.c.last_seq,
        )
    ),
}


def breaches(connection: Connection) -> Iterator[str]:
    """Yield a line for each row that breaks a rule, the first :data:`SHOWN` of each."""
    for words, query in _QUESTIONS.items():
        rows = connection.execute(query.limit(SHOWN + 1)).all()
        for row in rows[:SHOWN]:
            index = row[3] if len(row) > 3 else -1
            yield f"{'/'.join(row[:3])}{f'[{index}]' if index >= 0 else ''} {words}"
        if len(rows) > SHOWN:
            yield f"more of this kind: … {words}"
