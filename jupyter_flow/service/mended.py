"""Which notebook a task instance that was sent back by :func:`.resuming.resume_task` executes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from ..model.rows import TaskInstance
from ..storage import run_story
from .house import House

FILE = "mended.ipynb"
"""In the spool of the attempt that failed."""


def mended_of(connection: Connection, house: House, row: TaskInstance) -> dict[str, Any] | None:
    """Return ``Workload.resume`` of the next attempt; None if somebody has cleared the task since, or nobody did."""
    reason = run_story.why_again(connection, row)
    if reason is None or reason.code != "resumed":
        return None
    found = reason.args
    if (found.get("task"), found.get("map_index")) != (row.task_id, row.map_index):
        return None  # it comes after the task that goes on
    attempt_id = str(found["attempt"])
    return {"attempt": attempt_id, "notebook": str(house.spool / attempt_id / FILE), "cell": found["cell"]}
