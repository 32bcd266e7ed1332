"""The grid of a DAG: its tasks against its runs, one letter each, small enough for thousands of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from ..model.instants import iso_or_none
from ..model.records import Actor
from ..model.rows import DagRun
from ..model.state import TaskState
from ..storage import dags, grid, queries
from .authorize import authorize
from .house import House
from .page_limit import check_limit

CODES: dict[str, str] = {
    TaskState.WAITING: "w",
    TaskState.SCHEDULED: "d",
    TaskState.QUEUED: "q",
    TaskState.RUNNING: "r",
    TaskState.SUCCESS: "s",
    TaskState.FAILED: "f",
    TaskState.SKIPPED: "k",
    TaskState.CANCELLED: "c",
    TaskState.UP_FOR_RETRY: "t",
    TaskState.UP_FOR_RESCHEDULE: "p",
    TaskState.UPSTREAM_FAILED: "u",
    TaskState.REMOVED: "x",
}
"""State of a task instance -> its letter."""
NOT_THERE = "."
"""The letter of a task that a run does not have."""
LOUDEST = "fucrqptdwksx"
"""Which letter speaks for a mapped task: the first of these that one of its instances has."""
MOST_RUNS = 500
Arrange = Callable[[str], Iterable[str]]


def dag_grid(house: House, actor: Actor, dag_id: str, limit: int = 100, before: str | None = None) -> dict[str, Any]:
    """A page of runs, newest first, each with the states of its tasks as a string of letters."""
    authorize(house.policy, actor, "read", dag_id)
    check_limit(limit, MOST_RUNS)
    with house.reading() as connection:
        spec = dags.load_spec(dags.latest_version(connection, dag_id))
        runs, cursor = queries.list_runs(connection, dag_id, limit=limit, before=before)
        states = grid.states_of(connection, [run.id for run in runs], CODES)
        versions = dags.version_numbers(connection, {run.dag_version_id for run in runs})
    places = {task.task_id: place for place, task in enumerate(spec.tasks)}
    for task_ids in dict.fromkeys(item.task_ids for item in states.values()):
        for task_id in task_ids:  # tasks that the DAG does not have any more come last
            places.setdefault(task_id, len(places))
    shared: dict[tuple[str, ...], Arrange | None] = {}
    shown = []
    for run in runs:
        found = states.get(run.id, grid.RunStates((), ""))
        if found.task_ids not in shared:
            shared[found.task_ids] = _arranged(found.task_ids, places)
        document = _run(run, found, shared[found.task_ids], places)
        shown.append({**document, "version": versions[run.dag_version_id]})
    return {
        "dag_id": dag_id,
        "codes": {letter: str(state) for state, letter in CODES.items()},
        "tasks": list(places),
        "runs": shown,
        "next": cursor,
    }


def _arranged(task_ids: tuple[str, ...], places: dict[str, int]) -> Arrange | None:
    """Return what puts the codes of ``task_ids``, and :data:`NOT_THERE` after them, in their places.

    None if a task has several.
    """
    if len(set(task_ids)) != len(task_ids):
        return None
    sources = [len(task_ids)] * len(places)
    for source, task_id in enumerate(task_ids):
        sources[places[task_id]] = source
    return itemgetter(*sources) if sources else lambda codes: ""


def _run(run: DagRun, found: grid.RunStates, arrange: Arrange | None, places: dict[str, int]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "run_id": run.run_id,
        "run_type": str(run.run_type),
        "state": str(run.state),
        "logical_date": iso_or_none(run.logical_date),
        "start_date": iso_or_none(run.start_date),
        "end_date": iso_or_none(run.end_date),
    }
    if arrange is not None:
        return {**document, "states": "".join(arrange(found.codes + NOT_THERE))}
    letters = [NOT_THERE] * len(places)
    counts: dict[str, Counter[str]] = {}
    for task_id, letter in zip(found.task_ids, found.codes, strict=True):
        counts.setdefault(task_id, Counter())[letter] += 1
    for task_id, counted in counts.items():
        letters[places[task_id]] = min(counted, key=LOUDEST.find)
    mapped = {task_id: dict(counted) for task_id, counted in counts.items() if counted.total() > 1}
    return {**document, "states": "".join(letters), "mapped": mapped}
