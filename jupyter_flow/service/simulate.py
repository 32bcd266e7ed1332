"""``jupyter flow simulate``: what the scheduler would do in a window of time, past or future. Only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..model.errors import InvalidInput
from ..model.instants import iso_or_none, to_iso
from ..model.records import Actor
from ..model.slots import SlotLimits
from ..scheduling.forecast import Forecast, Late, SimulatedDag, SimulatedRun, SimulatedTask, Wait
from ..scheduling.simulation import simulate
from ..storage import dags, durations, queries, timetables
from .authorize import readable
from .documents import Document
from .house import House

DAY = timedelta(days=1)
DEFAULT_SECONDS = 60.0
"""What a task takes that never ran."""


def simulate_schedule(
    house: House,
    actor: Actor,
    start: datetime | None = None,
    end: datetime | None = None,
    dag_ids: Sequence[str] = (),
    given: Mapping[str, Mapping[str, float]] | None = None,
    default_seconds: float = DEFAULT_SECONDS,
    parallelism: int | None = None,
    pools: Mapping[str, int] | None = None,
    include_paused: bool = False,
    with_tasks: bool = False,
) -> Document:
    """Return the scheduled runs due in ``[start, end)`` as they would go, what they would wait for and what they miss.

    The window begins now and lasts a day if nothing else is said.
    Durations are those ``given`` (dag_id -> task_id -> seconds), else the median of the past, else
    ``default_seconds``; mapped tasks have as many instances as in the past, one without any. ``parallelism`` and
    ``pools`` (name -> slots) stand in for the house's own. DAGs: ``dag_ids``, else all that are not paused.
    Raises :class:`InvalidInput` for an empty window, :class:`NotFound` for an unknown DAG.
    """
    start = start or house.clock.wall()
    end = end or start + DAY
    if start >= end:
        raise InvalidInput(f"the window is empty: it ends at {to_iso(end)}, not after its start {to_iso(start)}")
    with house.reading() as connection:
        known = readable(house.policy, actor, dags.list_dags(connection))
        if dag_ids:
            wanted = [dags.get_dag(connection, dag_id) for dag_id in dag_ids]
            chosen = [dag for dag in known if dag in wanted]
        else:
            chosen = [dag for dag in known if include_paused or not dag.is_paused]
        subjects = [
            SimulatedDag(
                dag,
                dags.load_spec(dags.get_version(connection, dag.version_id)),
                timetables.known_runs(connection, dag.version_id).infos if dag.schedule.kind == "custom" else (),
            )
            for dag in chosen
            if dag.is_active
        ]
        typical = {item.dag.dag_id: durations.typical_durations(connection, item.dag.dag_id) for item in subjects}
        lengths = {item.dag.dag_id: durations.typical_lengths(connection, item.dag.dag_id) for item in subjects}
        limits = SlotLimits(
            house.config.parallelism, house.config.notebook_parallelism, {**queries.pools(connection), **(pools or {})}
        )
    if parallelism is not None:
        limits = replace(limits, parallelism=parallelism)
    for dag_id, tasks in (given or {}).items():
        typical.setdefault(dag_id, {}).update(tasks)
    found = simulate(
        subjects,
        start,
        end,
        lambda dag_id, task_id: typical[dag_id].get(task_id, default_seconds),
        limits,
        lambda dag_id, task_id: lengths[dag_id].get(task_id, 1),
    )
    return _document(found, subjects, start, end, limits, with_tasks)


def _document(
    found: Forecast,
    subjects: Sequence[SimulatedDag],
    start: datetime,
    end: datetime,
    limits: SlotLimits,
    with_tasks: bool,
) -> Document:
    document: dict[str, Any] = {
        "from": to_iso(start),
        "to": to_iso(end),
        "dags": [item.dag.dag_id for item in subjects],
        "runs": [_run(run) for run in found.runs],
        "waits": [_wait(wait) for wait in found.waits],
        "late": [_late(late) for late in found.late],
        "peaks": found.peaks,
        "limits": {
            "parallelism": limits.parallelism,
            "notebooks": limits.notebook_parallelism,
            **{f"pool {name}": slots for name, slots in limits.pools.items()},
        },
        "truncated": found.truncated,
    }
    if with_tasks:
        document["tasks"] = [_task(task) for task in found.tasks]
    return document


def _run(run: SimulatedRun) -> Document:
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "logical_date": to_iso(run.logical_date),
        "run_after": to_iso(run.run_after),
        "start_date": iso_or_none(run.start_date),
        "end_date": iso_or_none(run.end_date),
        "state": str(run.state),
        "waited": run.waited,
    }


def _task(task: SimulatedTask) -> Document:
    return {
        "dag_id": task.dag_id,
        "run_id": task.run_id,
        "task_id": task.task_id,
        "map_index": task.map_index,
        "state": str(task.state),
        "start_date": iso_or_none(task.start_date),
        "end_date": iso_or_none(task.end_date),
        "waited": task.waited,
    }


def _late(late: Late) -> Document:
    return {
        "what": late.what,
        "dag_id": late.dag_id,
        "run_id": late.run_id,
        "name": late.name,
        "due_at": to_iso(late.due_at),
        "done_at": iso_or_none(late.done_at),
    }


def _wait(wait: Wait) -> Document:
    return {
        "code": wait.code,
        "name": wait.name,
        "text": wait.text,
        "since": to_iso(wait.since),
        "seconds": wait.seconds,
        "most": wait.most,
    }
