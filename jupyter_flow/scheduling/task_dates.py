"""``start_date`` and ``end_date`` of single tasks: runs with a logical date outside leave the task out."""

from __future__ import annotations

from datetime import datetime

from ..model.instants import from_iso
from ..model.reason import Reason
from ..model.spec import TaskSpec


def left_out(task: TaskSpec, logical_date: datetime | None) -> Reason | None:
    """Return why a run of ``logical_date`` leaves the task out, None if it does not. A dateless run never does."""
    if logical_date is None:
        return None
    if task.start_date is not None and logical_date < from_iso(task.start_date):
        return Reason("before_start_date", {"at": task.start_date})
    if task.end_date is not None and logical_date > from_iso(task.end_date):
        return Reason("after_end_date", {"at": task.end_date})
    return None
