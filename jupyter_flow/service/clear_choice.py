"""Which task instances a person means to run again: of one run, or of those before and after it too."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ..model.errors import InvalidInput
from ..model.records import Actor
from ..model.rows import DagRun, TaskInstance
from ..model.state import TASK_FAILED, TaskState
from ..scheduling.clearing import named_instances, to_clear
from ..scheduling.topology import Topology
from ..storage import dags, queries, run_story
from .authorize import authorize
from .documents import Document
from .house import House

MAX_RUNS = 500
_DONE = {TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED}
_FAILED = TASK_FAILED | {TaskState.UP_FOR_RETRY}
Key = tuple[str, int]


@dataclass(frozen=True)
class Wish:
    """What goes with a task: what comes before and after it in its run, and the same in the runs before and after."""

    downstream: bool = True
    upstream: bool = False
    past: bool = False
    future: bool = False
    only_failed: bool = False


def chosen_keys(topology: Topology, rows: list[TaskInstance], task_id: str, map_index: int, wish: Wish) -> list[Key]:
    """Return the keys in one run that a wish means; none if the run does not have the task."""
    keys = [(row.task_id, row.map_index) for row in named_instances(rows, task_id, map_index)]
    if not keys:
        return []
    if wish.upstream:
        above = topology.above(task_id)
        present = (row for row in rows if row.task_id in above and row.state is not TaskState.REMOVED)
        keys += [(row.task_id, row.map_index) for row in present]
    keys = to_clear(topology, rows, keys, wish.downstream)
    if wish.only_failed:
        bad = {(row.task_id, row.map_index) for row in rows if row.state in _FAILED}
        keys = to_clear(topology, rows, [key for key in keys if key in bad], False)
    return keys


def failed_keys(rows: list[TaskInstance], only_failed: bool) -> list[Key]:
    """Return the keys of a run: all, or those that did not succeed."""
    return [(row.task_id, row.map_index) for row in rows if not only_failed or row.state not in _DONE]


def chosen_runs(connection: Connection, run: DagRun, wish: Wish) -> list[DagRun]:
    """Return the run, and those before and after it that are meant too, oldest first. Raises :class:`InvalidInput`."""
    if not (wish.past or wish.future):
        return [run]
    found = run_story.runs_around(connection, run, past=wish.past, future=wish.future, limit=MAX_RUNS + 1)
    if len(found) > MAX_RUNS:
        raise InvalidInput(f"more than {MAX_RUNS} runs of DAG {run.dag_id!r} would run again: clear fewer at once")
    return found


def preview_task(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    downstream: bool = True,
    upstream: bool = False,
    past: bool = False,
    future: bool = False,
    only_failed: bool = False,
) -> Document:
    """What clearing a task instance would let run again: ``tasks``, with the state that each has now."""
    authorize(house.policy, actor, "read", dag_id)
    wish = Wish(downstream, upstream, past, future, only_failed)
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        topology = Topology(dags.load_spec(dags.latest_version(connection, dag_id)))
        tasks = []
        for other in chosen_runs(connection, run, wish):
            rows = queries.task_instances(connection, other.id)
            tasks += _documents(other, rows, chosen_keys(topology, rows, task_id, map_index, wish))
    return {"tasks": tasks}


def preview_run(house: House, actor: Actor, dag_id: str, run_id: str, only_failed: bool = False) -> Document:
    """What clearing a run would let run again."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        rows = queries.task_instances(connection, run.id)
        topology = Topology(dags.load_spec(dags.latest_version(connection, dag_id)))
        keys = to_clear(topology, rows, failed_keys(rows, only_failed), False)
    return {"tasks": _documents(run, rows, keys)}


def _documents(run: DagRun, rows: list[TaskInstance], keys: list[Key]) -> list[Document]:
    wanted = set(keys)
    return [
        {"run_id": run.run_id, "task_id": row.task_id, "map_index": row.map_index, "state": str(row.state)}
        for row in rows
        if (row.task_id, row.map_index) in wanted and row.state is not TaskState.REMOVED
    ]
