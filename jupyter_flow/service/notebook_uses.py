"""Where a notebook is used: the DAGs that it defines or that run it, and how its tasks fared last."""

from __future__ import annotations

import json
import os
from typing import Any

from ..model.records import Actor
from ..model.rows import Dag, TaskInstance
from ..model.spec import DagSpec, TaskSpec
from ..storage import dags, queries
from ..storage import notebook_uses as stored
from .authorize import readable
from .documents import Document, notebook_of, run_document
from .grid import CODES, LOUDEST
from .house import House

MOST_DAGS = 100


def notebook_uses(house: House, actor: Actor, path: str) -> Document:
    """The DAGs that the notebook ``path`` (absolute) defines or that run it, each with the notebook's tasks.

    ``state`` and ``duration`` of a task are those of the DAG's last run.
    """
    name = os.path.basename(path)
    found = []
    with house.reading() as connection:
        words = json.dumps(name, ensure_ascii=False)[1:-1]  # as a spec writes it
        rows = stored.dags_speaking_of(connection, words, MOST_DAGS) if name else []
        now = house.clock.wall()
        for row in readable(house.policy, actor, rows):
            spec = dags.load_spec(dags.get_version(connection, row.version_id))
            is_dag_file = _same(os.path.join(row.dag_folder, row.dag_file), path)
            tasks = [task for task in spec.tasks if is_dag_file or _runs(row, task, path)]
            if not tasks and not is_dag_file:
                continue
            last = next(iter(queries.recent_runs(connection, [row.dag_id], 1)[row.dag_id]), None)
            instances = [] if last is None else queries.task_instances(connection, last.id)
            found.append(
                {
                    **_dag(row, spec),
                    "is_dag_file": is_dag_file,
                    "last_run": None if last is None else run_document(last, row.version_number, now=now),
                    "tasks": [_task(task, instances) for task in tasks],
                }
            )
    return {"path": path, "dags": found}


def _dag(row: Dag, spec: DagSpec) -> dict[str, Any]:
    return {
        "dag_id": row.dag_id,
        "dag_display_name": spec.display_name or row.dag_id,
        "is_paused": row.is_paused,
    }


def _task(task: TaskSpec, instances: list[TaskInstance]) -> dict[str, Any]:
    own = [item for item in instances if item.task_id == task.task_id]
    loudest = min(own, key=lambda item: LOUDEST.find(CODES[item.state]), default=None)
    seconds = None
    if loudest is not None and loudest.start_date is not None and loudest.end_date is not None:
        seconds = (loudest.end_date - loudest.start_date).total_seconds()
    cell = task.arguments.get("cell")
    return {
        "task_id": task.task_id,
        "operator": task.operator,
        "cell": cell if isinstance(cell, int) else None,
        "state": None if loudest is None else str(loudest.state),
        "duration": seconds,
    }


def _runs(row: Dag, task: TaskSpec, path: str) -> bool:
    """Tell whether ``task`` executes the notebook; its path is relative to the DAG file."""
    notebook = notebook_of(task)
    if notebook is None or os.path.basename(notebook) != os.path.basename(path):
        return False
    folder = os.path.dirname(os.path.join(row.dag_folder, row.dag_file))
    return _same(os.path.join(folder, notebook), path)


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
