"""Which SLAs were missed, which deadlines were met: judged when they are due, from rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ..model.calls import Deadline, NewCallback, SlaMiss
from ..model.due import sla_due
from ..model.instants import iso_or_none, to_iso
from ..model.rows import DagRun, TaskInstance
from ..model.spec import DagSpec
from ..model.state import RunState, TaskState

_DONE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED})
BLOCKING = 100
"""How many task instances a digest names as blocking."""


def missed_slas(
    spec: DagSpec, run: DagRun, rows: Iterable[TaskInstance], now: datetime, known: Iterable[str] = ()
) -> list[tuple[str, datetime]]:
    """Return ``(task_id, due_at)`` of tasks that had not succeeded (or been skipped) when their SLA was over.

    ``known``: tasks whose miss is recorded already. A mapped task is done when all its instances are.
    """
    by_task: dict[str, list[TaskInstance]] = {}
    for row in rows:
        by_task.setdefault(row.task_id, []).append(row)
    missed = []
    for task in spec.tasks:
        due = sla_due(task, run)
        if due is None or due > now or task.task_id in set(known):
            continue
        if any(not _was_done(row, due) for row in by_task.get(task.task_id, ())):
            missed.append((task.task_id, due))
    return missed


def is_met(run: DagRun, deadline: Deadline) -> bool:
    """Tell whether ``run`` had succeeded when ``deadline`` was over."""
    return run.state is RunState.SUCCESS and run.end_date is not None and run.end_date <= deadline.due_at


def sla_callbacks(
    misses: Sequence[SlaMiss], spec: DagSpec, version_id: int, blocking: Iterable[TaskInstance], mail: bool
) -> list[NewCallback]:
    """Return what follows from the ``misses`` of one DAG that were noticed together: a callback, one digest mail.

    ``blocking``: unfinished or failed task instances of the runs in question.
    """
    if not misses:
        return []
    by_id = {task.task_id: task for task in spec.tasks}
    addresses = dict.fromkeys(
        address for miss in misses if miss.task_id in by_id for address in by_id[miss.task_id].email
    )
    facts: dict[str, Any] = {
        "slas": [
            {
                "task_id": miss.task_id,
                "dag_id": miss.dag_id,
                "run_id": miss.run_id,
                "logical_date": iso_or_none(miss.logical_date),
                "due_at": to_iso(miss.due_at),
                "timestamp": to_iso(miss.noticed_at),
            }
            for miss in misses
        ],
        "blocking": [
            {"task_id": row.task_id, "map_index": row.map_index, "run_id": row.run_id, "state": str(row.state)}
            for row in list(blocking)[:BLOCKING]
        ],
    }
    first, source = misses[0], f"miss:{misses[0].id}"
    found = []
    if "sla_miss" in spec.callbacks:
        found.append(NewCallback(first.dag_run_id, version_id, "sla", "sla_miss", source, facts))
    if mail and addresses:
        facts = {**facts, "to": list(addresses)}
        found.append(NewCallback(first.dag_run_id, version_id, "email", "sla_miss", source, facts))
    return found


def deadline_callback(deadline: Deadline, spec: DagSpec, version_id: int) -> NewCallback | None:
    """Return the callback of a missed deadline, None if it has none (any more)."""
    if deadline.position >= len(spec.deadlines) or not spec.deadlines[deadline.position]["has_callback"]:
        return None
    facts = {
        "id": deadline.id,
        "position": deadline.position,
        "name": deadline.name,
        "deadline_time": to_iso(deadline.due_at),
    }
    source = f"deadline:{deadline.id}"
    return NewCallback(deadline.dag_run_id, version_id, "deadline", "deadline", source, facts)


def _was_done(row: TaskInstance, due: datetime) -> bool:
    return row.state in _DONE and (row.end_date is None or row.end_date <= due)
