"""Every view: ``f(house, actor, **ids) -> JSON document``. They only read, and answer the same at every door."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from ..model.instants import iso_or_none
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import Dag, DagRun, ParentTask, TaskInstance
from ..model.spec import DagSpec
from ..model.state import RUN_TERMINAL
from ..scheduling.explain import why_waiting
from ..scheduling.slots import pick
from ..storage import attempts, dag_files, dags, events, lineage, pools, queries, variables, xcoms
from . import documents
from .authorize import authorize, readable
from .call_views import list_callbacks, list_deadlines, list_slas
from .documents import Document
from .front_views import list_attention, list_dag_rows, list_running, timeline
from .grid import dag_grid
from .health import health
from .house import House
from .kept_kernels import live_kernel
from .outputs import task_log, task_notebook
from .page_limit import check_limit
from .pools import pool_warnings
from .run_filter import run_filter
from .run_snapshots import make_snapshot, slot_limits, slots_in_use
from .schedule_views import missed_dates, next_runs
from .xcoms import list_xcoms, task_rendered, task_xcoms, xcom_document

__all__ = [
    "activity",
    "dag_grid",
    "event_cursor",
    "events_after",
    "get_variable",
    "health",
    "list_attention",
    "list_callbacks",
    "list_dag_rows",
    "list_dags",
    "list_deadlines",
    "list_errors",
    "list_running",
    "list_runs",
    "list_slas",
    "list_tasks",
    "list_variables",
    "list_xcoms",
    "missed_dates",
    "next_runs",
    "show_dag",
    "show_run",
    "show_task",
    "task_log",
    "task_notebook",
    "task_rendered",
    "task_xcoms",
    "timeline",
]

RECENT_RUNS = 12
MAX_PAGE = 1000


def list_dags(house: House, actor: Actor) -> Document:
    """All DAGs of the DAG folders, paused ones too, by id."""
    now = house.clock.wall()
    with house.reading() as connection:
        rows = readable(house.policy, actor, dags.list_dags(connection))
        return {"dags": _dag_documents(connection, rows, now)}


def show_dag(house: House, actor: Actor, dag_id: str) -> Document:
    """One DAG with its ``tasks``, ``groups`` and ``labels``."""
    authorize(house.policy, actor, "read", dag_id)
    now = house.clock.wall()
    with house.reading() as connection:
        dag = dags.get_dag(connection, dag_id)
        (document,) = _dag_documents(connection, [dag], now)
        spec = dags.load_spec(dags.latest_version(connection, dag_id))
    return {**document, **documents.graph_document(spec)}


def list_errors(house: House, actor: Actor) -> list[Document]:
    """Import errors and warnings of all DAG files."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        known = queries.pools(connection)
        waiting = [
            documents.warning_document(dag, message)
            for dag in pools.dags_with_own_pools(connection)
            for message in pool_warnings(dags.load_spec(dags.get_version(connection, dag.version_id)), known)
        ]
        return [*(documents.problem_document(problem) for problem in dag_files.list_problems(connection)), *waiting]


def list_runs(
    house: House,
    actor: Actor,
    dag_id: str | None = None,
    limit: int = 25,
    before: str | None = None,
    state: str | None = None,
    run_type: str | None = None,
    since: str | None = None,
    until: str | None = None,
    logical_since: str | None = None,
    logical_until: str | None = None,
) -> Document:
    """Runs of one DAG or of all, newest first; ``next`` is the ``before`` of the following page.

    Of a state or type only, with a ``run_after`` from ``since`` to ``until``, or with a logical date (``run_after`` if
    there is none) from ``logical_since`` to ``logical_until``, where that is asked for.
    """
    check_limit(limit, MAX_PAGE)
    bounds = {"since": since, "until": until, "logical_since": logical_since, "logical_until": logical_until}
    wanted = run_filter(state, run_type, **bounds)
    now = house.clock.wall()
    with house.reading() as connection:
        if dag_id is not None:
            authorize(house.policy, actor, "read", dag_id)
        rows, cursor = queries.list_runs(connection, dag_id, limit=limit, before=before, **wanted)
        if dag_id is not None and not rows:
            dags.get_dag(connection, dag_id)
        seen = readable(house.policy, actor, rows)
        parents = lineage.parents(connection, seen)
        numbers = dags.version_numbers(connection, {run.dag_version_id for run in seen})
        shown = [
            documents.run_document(run, numbers[run.dag_version_id], now=now, parent=parents.get(run.id))
            for run in seen
        ]
    return {"runs": shown, "next": cursor}


def show_run(house: House, actor: Actor, dag_id: str, run_id: str) -> Document:
    """One run with the name of its DAG for people and its task instances as ``tasks``."""
    authorize(house.policy, actor, "read", dag_id)
    now = house.clock.wall()
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        parent = lineage.parents(connection, [run]).get(run.id)
        shown = _run_document(connection, run, parent, now)
        name = dags.load_spec(dags.get_version(connection, run.dag_version_id)).display_name or dag_id
        return {**shown, "dag_display_name": name, "tasks": _task_documents(connection, house, run, now)}


def list_tasks(house: House, actor: Actor, dag_id: str, run_id: str) -> Document:
    """The task instances of a run."""
    return {"tasks": show_run(house, actor, dag_id, run_id)["tasks"]}


def show_task(house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Document:
    """One task instance with its ``attempts``, the ``rendered`` fields of the latest one, and its ``xcoms``."""
    authorize(house.policy, actor, "read", dag_id)
    now = house.clock.wall()
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        row = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        tries = attempts.list_attempts(connection, row.id)
        values = xcoms.of_task(connection, run.id, task_id, map_index)
        spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
        reason = _reasons(connection, house, run, spec, queries.task_instances(connection, run.id))[row.id]
        children = lineage.children(connection, run.id).get(row.id, ())
        names = {task.task_id: task.display_name for task in spec.tasks}
    latest = tries[-1] if tries else None
    paths = (latest.log_path, latest.notebook_path) if latest else (None, None)
    return {
        **documents.task_instance_document(row, paths, reason, children, now=now, display_name=names.get(task_id)),
        "attempts": [documents.attempt_document(attempt, now=now) for attempt in tries],
        "live_kernel": live_kernel(house, latest.id if latest is not None else None),
        "rendered": dict(latest.rendered) if latest is not None and latest.rendered else {},
        "xcoms": [xcom_document(value) for value in values],
    }


def list_variables(house: House, actor: Actor) -> Document:
    """All variables."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        return {"variables": [documents.variable_document(row) for row in variables.list_variables(connection)]}


def get_variable(house: House, actor: Actor, key: str) -> Document:
    """One variable."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        return documents.variable_document(variables.get_variable(connection, key))


def event_cursor(house: House) -> int:
    """The id of the latest event."""
    with house.reading() as connection:
        return events.last_id(connection)


def activity(house: House, actor: Actor) -> Document:
    """How many runs are running (between two tries of a task too), and when the next run of a DAG is due."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        running = sum(counts.running for counts in queries.run_counts(connection).values())
        due = dags.next_due(connection, house.clock.wall())
    return {"running_runs": running, "next_due": iso_or_none(due)}


def events_after(house: House, actor: Actor, cursor: int, limit: int = 500) -> list[Document]:
    """Events with an id over ``cursor`` in order, as the WebSocket sends them (those the actor may see)."""
    with house.reading() as connection:
        rows = events.read_after(connection, cursor, limit)
    return [documents.event_document(row) for row in rows if not row.dag_id or house.policy(actor, "read", row.dag_id)]


def _dag_documents(connection: Connection, rows: Sequence[Dag], now: datetime) -> list[Document]:
    recent = queries.recent_runs(connection, [dag.dag_id for dag in rows], RECENT_RUNS)
    problems = dag_files.list_problems(connection, kind="warning")
    known = queries.pools(connection)
    result = []
    for dag in rows:
        spec = dags.load_spec(dags.get_version(connection, dag.version_id))
        place = (dag.dag_folder, dag.dag_file)
        warnings = [item.message for item in problems if (item.dag_folder, item.dag_file) == place]
        warnings += pool_warnings(spec, known)
        result.append(documents.dag_document(dag, spec, recent.get(dag.dag_id, ()), warnings, now=now))
    return result


def _run_document(connection: Connection, run: DagRun, parent: ParentTask | None, now: datetime) -> Document:
    version = dags.get_version(connection, run.dag_version_id).number
    return documents.run_document(run, version, now=now, parent=parent)


def _task_documents(connection: Connection, house: House, run: DagRun, now: datetime) -> list[Document]:
    rows = queries.task_instances(connection, run.id)
    paths = attempts.latest_paths(connection, run.id)
    spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
    order = {task.task_id: place for place, task in enumerate(spec.tasks)}
    reasons = _reasons(connection, house, run, spec, rows)
    rows = sorted(rows, key=lambda row: (order.get(row.task_id, len(order)), row.task_id, row.map_index))
    children = lineage.children(connection, run.id)
    names = {task.task_id: task.display_name for task in spec.tasks}
    return [
        documents.task_instance_document(
            row,
            paths.get(row.id, (None, None)),
            reasons[row.id],
            children.get(row.id, ()),
            now=now,
            display_name=names.get(row.task_id),
        )
        for row in rows
    ]


def _reasons(
    connection: Connection, house: House, run: DagRun, spec: DagSpec, rows: Sequence[TaskInstance]
) -> dict[int, Reason | None]:
    """Return why each task instance is in its state: recorded, or what it waits for by the scheduler's own rules."""
    if run.state in RUN_TERMINAL:
        return {row.id: row.reason for row in rows}
    snapshot = make_snapshot(connection, run, spec, rows, house.config.max_map_length)
    ready = snapshot.ready()
    refused: dict[int, Reason] = {}
    if ready:
        picked = pick(ready, slots_in_use(connection, house.config), slot_limits(connection, house.config))
        refused = {item.task_instance_id: reason for item, reason in picked.refused}
    return {
        row.id: refused.get(row.id) or why_waiting(snapshot, (row.task_id, row.map_index)) or row.reason for row in rows
    }
