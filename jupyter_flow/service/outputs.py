"""Views of what attempts left in their spool: log lines and executed notebooks. Paths come from recorded ids only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..model.errors import InvalidInput, NotFound
from ..model.records import Actor
from ..model.rows import Attempt, TaskInstance
from ..model.state import TASK_ACTIVE
from ..storage import attempts, queries
from .authorize import authorize
from .documents import Document
from .house import House
from .log_lines import MAX_LINES, open_plain, read_lines
from .spools import spool_of

MAX_NOTEBOOK = 256 * 1024 * 1024


def task_log(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    attempt: int | None = None,
    after: int = 0,
) -> Document:
    """Log lines with a ``seq`` over ``after`` of an attempt (number; default the latest).

    ``complete``: the attempt is over and these are its last lines; else ask again with the last ``seq``.
    """
    if type(after) is not int or after < 0:
        raise InvalidInput(f"after {after!r} must be the seq of a log line")
    row, chosen, folder = find_attempt(house, actor, dag_id, run_id, task_id, map_index, attempt)
    if chosen is None:
        return {"attempt_number": 0, "lines": [], "complete": row.state not in TASK_ACTIVE and row.end_date is not None}
    lines = read_lines(folder / "log.jsonl", after)
    complete = chosen.finished_at is not None and len(lines) < MAX_LINES
    return {"attempt_number": chosen.attempt_number, "lines": lines, "complete": complete}


def task_notebook(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    attempt: int | None = None,
) -> Document:
    """The executed notebook of an attempt as last saved: ``name``, ``path``, ``failing_cell``, ``notebook``."""
    _, chosen, folder = find_attempt(house, actor, dag_id, run_id, task_id, map_index, attempt)
    if chosen is None:
        raise NotFound(f"task {task_id!r} of run {run_id!r} has not started yet: there is no executed notebook")
    names = [chosen.notebook_path.rpartition("/")[2]] if chosen.notebook_path else []
    names = names or sorted(path.name for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    stream = open_plain(folder / names[0]) if names else None
    if stream is None:
        raise NotFound(f"task {task_id!r} of run {run_id!r}, attempt {chosen.attempt_number} left no executed notebook")
    with stream:
        content = stream.read(MAX_NOTEBOOK + 1)
    if len(content) > MAX_NOTEBOOK:
        raise InvalidInput(f"notebook {names[0]} has more than {MAX_NOTEBOOK} bytes: open {folder / names[0]} yourself")
    return {
        "name": names[0],
        "path": str(folder / names[0]),
        "attempt_number": chosen.attempt_number,
        "failing_cell": chosen.failing_cell,
        "notebook": _notebook(content, names[0]),
    }


def _notebook(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput(f"executed notebook {name} is not valid JSON") from None


def find_attempt(
    house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, map_index: int, number: int | None
) -> tuple[TaskInstance, Attempt | None, Path]:
    """Return the task instance, the attempt (None: there is none yet), and the folder of its spool."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        row = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        tries = attempts.list_attempts(connection, row.id)
        if number is None and not tries:
            return row, None, house.spool
        for attempt in reversed(tries):
            if number in (None, attempt.attempt_number):
                return row, attempt, spool_of(connection, house, attempt)
    raise NotFound(f"task {task_id!r} of run {run_id!r} has no attempt {number!r}")
