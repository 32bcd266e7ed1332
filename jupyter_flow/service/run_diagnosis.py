"""The diagnosis of a run: its first own failure, with all that the house knows about it."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from ..model.records import Actor
from ..model.rows import Attempt, TaskInstance
from ..model.spec import TaskSpec
from ..model.state import TaskState
from ..storage import attempts, dags, queries
from .authorize import authorize
from .diagnosis import Failure, diagnose
from .documents import Document, reason_document
from .house import House
from .log_lines import open_plain, read_tail
from .spools import spool_of
from .tracebacks import plain

MAX_NOTEBOOK = 64 << 20
TAIL = 12
_NAMED = 5


def run_diagnosis(house: House, actor: Actor, dag_id: str, run_id: str) -> Document:
    """``failure``: the task that failed first by itself, with cell, exception, frames and hints; null if none did."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        rows = queries.task_instances(connection, run.id)
        row = _root(rows)
        if row is None:
            return {"dag_id": dag_id, "run_id": run_id, "failure": None}
        tries = attempts.list_attempts(connection, row.id)
        attempt = tries[-1] if tries else None
        folder = spool_of(connection, house, attempt) if attempt is not None else None
        spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
    task = next((task for task in spec.tasks if task.task_id == row.task_id), None)
    facts = _failure(house, row, task, attempt, folder)
    lines = [text for line in (read_tail(folder / "log.jsonl") if folder else []) for text in line["text"].splitlines()]
    return {
        "dag_id": dag_id,
        "run_id": run_id,
        "failure": {
            "task_id": row.task_id,
            "map_index": row.map_index,
            "label": row.label,
            "task_display_name": task.display_name if task is not None and task.display_name else row.task_id,
            "state": str(row.state),
            "attempt_number": attempt.attempt_number if attempt else None,
            "reason": reason_document(row.reason),
            **diagnose(facts).to_json(),
            "log_tail": [plain(line)[:500] for line in lines[-TAIL:]],
            "has_notebook": attempt is not None and attempt.notebook_path is not None,
            "also_failed": _others(rows, row),
        },
    }


def _root(rows: list[TaskInstance]) -> TaskInstance | None:
    """Return the task instance that failed first, by itself; if none did for good, one that will be tried again."""
    for state in (TaskState.FAILED, TaskState.UP_FOR_RETRY):
        found = [row for row in rows if row.state is state]
        if found:
            return min(found, key=lambda row: (row.end_date is None, row.end_date, row.id))
    return None


def _others(rows: list[TaskInstance], root: TaskInstance) -> list[Document]:
    """Return what else failed, by state: how many, and some of their names."""
    bad = [row for row in rows if row.state in (TaskState.FAILED, TaskState.UPSTREAM_FAILED) and row.id != root.id]
    counts = Counter(row.state for row in bad)
    return [
        {
            "state": str(state),
            "count": count,
            "task_ids": list(dict.fromkeys(row.task_id for row in bad if row.state is state))[:_NAMED],
        }
        for state, count in sorted(counts.items())
    ]


def _failure(
    house: House, row: TaskInstance, task: TaskSpec | None, attempt: Attempt | None, folder: Path | None
) -> Failure:
    if attempt is None or folder is None:
        return Failure(row.reason)
    workload = _read(folder / "spec.json", MAX_NOTEBOOK)
    cells: list[Document] = []
    if attempt.notebook_path is not None:
        cells = read_notebook(folder / attempt.notebook_path.rpartition("/")[2])
    group = house.config.resource_groups.get(task.resource_group) if task is not None else None
    log = [plain(text) for line in read_tail(folder / "log.jsonl") for text in line["text"].splitlines()]
    cwd = workload.get("cwd")
    own = (workload.get("dag_folder"), workload.get("bundle"), cwd)
    return Failure(
        reason=attempt.reason or row.reason,
        failing_cell=attempt.failing_cell,
        cells=cells,
        log=log,
        signal=attempt.signal,
        exit_code=attempt.exit_code,
        kernelspec=attempt.kernelspec,
        cwd=cwd if isinstance(cwd, str) else None,
        own_folders=[name for name in own if isinstance(name, str) and name],
        peak_rss=attempt.peak_rss,
        samples=attempt.samples,
        memory_limit=group.task_memory if group is not None else None,
        machine_memory=_machine_memory(),
    )


def read_notebook(path: Path) -> list[Document]:
    """Return the cells of a notebook that a child wrote; none if it cannot be used."""
    cells = _read(path, MAX_NOTEBOOK).get("cells")
    return [cell if isinstance(cell, dict) else {} for cell in cells] if isinstance(cells, list) else []


def _read(path: Path, most: int) -> Document:
    """Return a JSON object that a child wrote; {} if there is none that can be used."""
    stream = open_plain(path)
    if stream is None:
        return {}
    with stream:
        content = stream.read(most + 1)
    try:
        found = json.loads(content) if len(content) <= most else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
