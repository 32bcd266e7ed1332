"""Clearing across DAGs: what an ExternalTaskMarker names is cleared with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from ..model.errors import NotFound
from ..model.records import Actor
from ..model.rows import DagRun
from ..model.spec import DagSpec, TaskSpec
from ..scheduling.clearing import named_instances, to_clear
from ..scheduling.topology import Topology
from ..storage import dags, edits, lineage, queries
from .authorize import authorize
from .house import House

_MARKER = ":ExternalTaskMarker"


def clear_marked(
    house: House,
    connection: Connection,
    run: DagRun,
    spec: DagSpec,
    cleared: Iterable[tuple[str, int]],
    now: datetime,
    actor: Actor,
) -> list[int]:
    """Clear what the markers among the ``cleared`` task instances name, and what comes after that.

    It is looked for in the run of the other DAG with the same logical date; without such a run there is nothing to
    clear. Markers there are followed in turn, as far as each one's ``recursion_depth``. Returns the surrogate keys of
    the changed runs. Raises :class:`Forbidden` when ``actor`` may not clear in the other DAG.
    """
    changed: list[int] = []
    seen = {(run.dag_id, task_id) for task_id, _ in cleared}
    pending = [(marker, run, int(marker.arguments["recursion_depth"])) for marker in _markers(spec, cleared)]
    while pending:
        marker, source, depth = pending.pop()
        dag_id, task_id = str(marker.arguments["external_dag_id"]), str(marker.arguments["external_task_id"])
        if depth <= 0 or (dag_id, task_id) in seen or source.logical_date is None:
            continue
        other = lineage.find_run(connection, dag_id, logical_date=source.logical_date)
        if other is None:
            continue
        authorize(house.policy, actor, "trigger", dag_id)
        version = dags.latest_version(connection, dag_id)
        other_spec = dags.load_spec(version)
        rows = queries.task_instances(connection, other.id)
        named = named_instances(rows, task_id, -1)
        if not named:
            raise NotFound(f"marker {marker.task_id!r} names task {task_id!r}, which run {other.run_id!r} of DAG "
                           f"{dag_id!r} does not have: correct external_task_id")  # fmt: skip
        again = to_clear(Topology(other_spec), rows, [(row.task_id, row.map_index) for row in named], True)
        edits.clear(connection, other, again, version.id, other_spec, now, actor)
        changed.append(other.id)
        seen |= {(dag_id, name) for name, _ in again}
        pending += [
            (found, other, min(depth - 1, int(found.arguments["recursion_depth"])))
            for found in _markers(other_spec, again)
        ]
    return changed


def _markers(spec: DagSpec, cleared: Iterable[tuple[str, int]]) -> list[TaskSpec]:
    names = {task_id for task_id, _ in cleared}
    return [task for task in spec.tasks if task.task_id in names and (task.operator_ref or "").endswith(_MARKER)]
