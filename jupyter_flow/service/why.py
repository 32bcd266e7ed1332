"""Why a task instance is in its state: all reasons, by the rules that the scheduler itself decides with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ..model.instants import to_iso
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import DagRun
from ..model.state import RUN_TERMINAL, TASK_ACTIVE, TASK_TERMINAL, RunState
from ..scheduling.explain import explain
from ..storage import dags, queries
from .authorize import authorize
from .documents import Document
from .health import health
from .house import House
from .run_snapshots import make_snapshot, slot_limits, slots_in_use


def why_task(house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Document:
    """Return ``state`` and ``reasons`` of a task instance, the nearest reason first; ``reason`` is the first one.

    What has ended says how; what has not begun says all that it waits for: its run, other tasks, the clock, slots.
    """
    authorize(house.policy, actor, "read", dag_id)
    now = house.clock.wall()
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        row = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        if row.state in TASK_TERMINAL or run.state in RUN_TERMINAL:
            reasons = [row.reason] if row.reason is not None else []
        else:
            reasons = [] if row.state in TASK_ACTIVE else _of_house(house, actor)
            if run.state is RunState.QUEUED:
                reasons += [reason] if (reason := _of_queued(connection, run, now)) is not None else []
            spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
            tasks = queries.task_instances(connection, run.id)
            snapshot = make_snapshot(connection, run, spec, tasks, house.config.max_map_length)
            limits = slot_limits(connection, house.config)
            used = slots_in_use(connection, house.config)
            found = explain(snapshot, (task_id, map_index), used, limits, house.effects.stopping())
            reasons += [reason for reason in found if reason not in reasons]
    shown = [reason.to_json() for reason in reasons]
    return {
        "dag_id": dag_id,
        "run_id": run_id,
        "task_id": task_id,
        "map_index": map_index,
        "state": str(row.state),
        "run_state": str(run.state),
        "reason": shown[0] if shown else None,
        "reasons": shown,
    }


def _of_house(house: House, actor: Actor) -> list[Reason]:
    found = health(house, actor)
    return [Reason("no_host", {"message": found["message"]})] if found["state"] == "stopped" else []


def _of_queued(connection: Connection, run: DagRun, now: datetime) -> Reason | None:
    """Why a queued run has not started: recorded by the scheduler, or what it will say when it looks."""
    if run.run_after > now:
        return Reason("run_after", {"at": to_iso(run.run_after)})
    if run.reason is not None:
        return run.reason
    dag = dags.get_dag(connection, run.dag_id)
    return Reason("dag_paused") if dag.is_paused and run.backfill_id is None else None
