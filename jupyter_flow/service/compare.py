"""Runs side by side: what changed since it worked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from ..model.errors import InvalidInput
from ..model.ids import check_id
from ..model.records import Actor
from ..model.rows import DagRun
from ..storage import compare, dags, queries, xcoms
from ..storage.compare import ComparedTask
from . import documents
from .authorize import authorize
from .conf import merge_params
from .documents import Document
from .house import House
from .xcoms import preview

MOST_COMPARED = 5
MOST_VALUES = 200
_LOUDEST = ("failed", "upstream_failed", "cancelled", "running", "queued", "up_for_retry", "up_for_reschedule")


def compare_runs(house: House, actor: Actor, dag_id: str, run_id: str, others: Sequence[str] = ()) -> Document:
    """Up to five runs of a DAG with their params, tasks and values, the oldest first.

    Without ``others`` it is the last success before the run that it is compared with.
    """
    authorize(house.policy, actor, "read", dag_id)
    for other in others:
        check_id(other, "other")
    wanted = list(dict.fromkeys([run_id, *others]))
    if len(wanted) > MOST_COMPARED:
        raise InvalidInput(f"at most {MOST_COMPARED} runs can be compared")
    now = house.clock.wall()
    with house.reading() as connection:
        runs = [queries.get_run(connection, dag_id, name) for name in wanted]
        if len(runs) == 1 and (success := compare.success_before(connection, runs[0])) is not None:
            runs.append(success)
        runs.sort(key=lambda run: (run.run_after, run.id))
        rows: dict[int, list[ComparedTask]] = {run.id: [] for run in runs}
        for row in compare.compared_tasks(connection, list(rows)):
            rows[row.dag_run_id].append(row)
        shown = []
        for run in runs:
            version = dags.get_version(connection, run.dag_version_id)
            document = documents.run_document(run, version.number, now=now)
            params = merge_params(dags.load_spec(version).params, run.conf)
            tasks = _tasks(rows[run.id])
            values = _values(connection, run)
            shown.append({**document, "params": params, "tasks": tasks, "values": values})
    return {"dag_id": dag_id, "runs": shown}


def _tasks(rows: Sequence[ComparedTask]) -> list[Document]:
    """Return one document for each task; a mapped one speaks for all its instances."""
    by_task: dict[str, list[ComparedTask]] = {}
    for row in rows:
        by_task.setdefault(row.task_id, []).append(row)
    return [_task(task_id, instances) for task_id, instances in by_task.items()]


def _task(task_id: str, rows: Sequence[ComparedTask]) -> Document:
    first = min(rows, key=lambda row: row.map_index)
    starts = [row.start_date for row in rows if row.start_date is not None]
    ends = [row.end_date for row in rows if row.end_date is not None]
    is_over = bool(starts) and len(ends) == len(rows)
    states = {row.state for row in rows}
    peaks = [row.peak_rss for row in rows if row.peak_rss is not None]
    return {
        "task_id": task_id,
        "instances": len(rows),
        "map_index": first.map_index,
        "state": next((state for state in _LOUDEST if state in states), first.state),
        "duration": (max(ends) - min(starts)).total_seconds() if is_over else None,
        "peak_rss": max(peaks, default=None),
        "kernelspec": first.kernelspec,
        "interpreter": first.interpreter,
        "packages_hash": first.packages_hash,
        "source_sha256": first.source_sha256,
        "has_notebook": first.notebook_path is not None,
        "metrics": _last_values(first.metrics or ()),
    }


def _last_values(metrics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the value of each metric at its last step."""
    last: dict[str, tuple[float, float]] = {}
    for place, metric in enumerate(metrics):
        step = metric.get("step")
        at = float(place if step is None else step)
        name = str(metric["name"])
        if name not in last or at >= last[name][0]:
            last[name] = (at, metric["value"])
    return {name: value for name, (_, value) in last.items()}


def _values(connection: Connection, run: DagRun) -> list[Document]:
    found = xcoms.list_xcoms(connection, run.dag_id, run.run_id, limit=MOST_VALUES)
    return [
        {"task_id": value.task_id, "map_index": value.map_index, "key": value.key, "preview": preview(value)}
        for _, value in found
    ]
