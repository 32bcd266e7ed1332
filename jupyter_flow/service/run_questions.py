"""What runners ask about DAGs and runs, their own and others: look at them, start one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ..model.changes import NewRun
from ..model.errors import Conflict, InvalidInput, NotFound
from ..model.ids import check_id, run_id_for
from ..model.instants import from_iso, iso_or_none
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import Dag, DagRun, TaskInstance
from ..model.spec import DagSpec
from ..model.state import RunState, RunType, TaskState
from ..scheduling.due_runs import next_for
from ..scheduling.topology import Topology
from ..storage import attempts, dags, edits, lineage, queries, runs, xcoms
from . import due
from .commanding import command
from .conf import check_conf, check_params
from .house import House

RUN_ID, DAG_ID = "trigger_run_id", "trigger_dag_id"
"""XCom keys under which the asking task links to its run."""
TICK = timedelta(microseconds=1)


def trigger_run(
    house: House,
    attempt_id: str,
    dag_id: str,
    conf: Any = None,
    run_id: str | None = None,
    logical_date: str | None = "now",
    reset: bool = False,
    unpause: bool = False,
    paused: str = "queue",
    note: str | None = None,
) -> dict[str, Any]:
    """Start a run of ``dag_id`` for the asking task, at most one in each of its tries.

    ``logical_date``: ISO 8601, ``"now"`` or None (dateless). ``reset``: a run that has this id or date already is
    cleared and runs again. ``paused``: ``"refuse"`` refuses a paused DAG (or ``unpause`` it), ``"queue"`` lets the
    run wait. A try after a failed one takes up the run of that one unless it has failed, too.

    Answers the run with ``outcome`` ``created``, ``reset``, ``same`` (asked for before) or ``exists`` (a run with this
    id or date, which nothing was done to), or ``paused``.
    """
    check_id(dag_id, "trigger_dag_id")
    if run_id is not None:
        check_id(run_id, "trigger_run_id")
    own_run, own = _own(house, attempt_id)
    actor = Actor(f"task {own.dag_id}.{own.task_id}", "operator")
    arguments = {"parent": own_run.run_id, "run_id": run_id, "logical_date": logical_date, "reset": reset}
    with command(
        house, actor, "dags.trigger", "trigger", dag_id=dag_id, run_id=run_id, task_id=own.task_id, arguments=arguments
    ) as (connection, now):
        earlier = _asked_before(connection, own, own_run, dag_id)
        if earlier is not None:
            _link(connection, own, earlier, attempt_id, now)
            return _answer("same", earlier)
        dag = _active_dag(connection, dag_id)
        if dag.is_paused and unpause:
            dag = dags.set_paused(connection, dag_id, False, now, actor)
            due.refresh_next(connection, dag, now, "missed_paused")
        elif dag.is_paused and paused == "refuse":
            return {"outcome": "paused", "dag_id": dag_id}
        values = check_conf(conf, house.config.conf_max_bytes)
        instant = _instant(connection, dag_id, logical_date, now)
        chosen = run_id or run_id_for(RunType.OPERATOR_TRIGGERED, instant or now)
        known = lineage.find_run(connection, dag_id, run_id=chosen, logical_date=instant)
        if known is not None and not reset:
            return _answer("exists", known)
        if known is not None and known.id == own_run.id:
            raise Conflict(f"task {own.task_id!r} cannot reset the run that it belongs to ({known.run_id!r})")
        if known is not None:
            run = _run_again(connection, known, own, now, actor)
        else:
            run = _create(connection, dag, chosen, instant, values, note, own_run, own, now)
        _link(connection, own, run, attempt_id, now)
    house.effects.run_changed(run.id)
    house.effects.dag_changed(dag_id)
    return _answer("created" if known is None else "reset", run)


def triggered_run(house: House, attempt_id: str, dag_id: str) -> dict[str, Any]:
    """Answer ``found`` and the run of ``dag_id`` that the asking task waits for, see :func:`trigger_run`."""
    own_run, own = _own(house, attempt_id)
    with house.reading() as connection:
        run = _asked_before(connection, own, own_run, dag_id)
    return {"found": False} if run is None else {"found": True, **_run(run)}


def run_state(
    house: House, attempt_id: str, dag_id: str, run_id: str | None = None, logical_date: str | None = None
) -> dict[str, Any]:
    """Answer ``found`` and the run of ``dag_id`` with that id or logical date."""
    date = from_iso(logical_date) if logical_date is not None else None
    with house.reading() as connection:
        run = lineage.find_run(connection, dag_id, run_id=run_id, logical_date=date)
    return {"found": False} if run is None else {"found": True, **_run(run)}


def task_states(
    house: House,
    attempt_id: str,
    dag_id: str,
    run_ids: Sequence[str] = (),
    logical_dates: Sequence[str] = (),
    task_ids: Sequence[str] | None = None,
    task_group_id: str | None = None,
) -> dict[str, Any]:
    """Answer ``runs``: one for each asked id or date, in their order; None where there is no such run.

    Each run has ``tasks`` (``task_id``, ``map_index``, ``state``): all, or those of ``task_ids`` or of the group.
    """
    found: list[dict[str, Any] | None] = []
    with house.reading() as connection:
        wanted = [lineage.find_run(connection, dag_id, run_id=name) for name in run_ids]
        wanted += [lineage.find_run(connection, dag_id, logical_date=from_iso(date)) for date in logical_dates]
        for run in wanted:
            if run is None:
                found.append(None)
                continue
            chosen = _members(connection, run, task_ids, task_group_id)
            rows = [
                row for row in queries.task_instances(connection, run.id) if chosen is None or row.task_id in chosen
            ]
            tasks = [_task(row) for row in rows if row.state is not TaskState.REMOVED]
            found.append({**_run(run), "tasks": tasks})
    return {"runs": found}


def dag_facts(house: House, attempt_id: str, dag_id: str) -> dict[str, Any]:
    """Answer ``found`` and what is known of a DAG: whether it is paused, in its file, its tasks and groups."""
    with house.reading() as connection:
        try:
            dag = dags.get_dag(connection, dag_id)
        except NotFound:
            return {"found": False}
        spec = dags.load_spec(dags.latest_version(connection, dag_id))
    return {
        "found": True,
        "is_paused": dag.is_paused,
        "is_active": dag.is_active,
        "dag_file": dag.dag_file,
        "timezone": dag.timezone,
        "task_ids": [task.task_id for task in spec.tasks],
        "group_ids": [group.group_id for group in spec.groups],
    }


def next_run(house: House, attempt_id: str) -> dict[str, Any]:
    """Answer when the scheduled run after the asking task's own one is due; ``run_after`` None: there is none."""
    own_run, _ = _own(house, attempt_id)
    if own_run.logical_date is None:
        return {"run_after": None}
    with house.reading() as connection:
        dag = dags.get_dag(connection, own_run.dag_id)
    info = next_for(replace(dag, catchup=True), own_run.logical_date, house.clock.wall())
    return {"run_after": None if info is None else iso_or_none(info.run_after)}


QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "ask.dag_facts": dag_facts,
    "ask.next_run": next_run,
    "ask.run_state": run_state,
    "ask.task_states": task_states,
    "ask.trigger_run": trigger_run,
    "ask.triggered_run": triggered_run,
}


def _own(house: House, attempt_id: str) -> tuple[DagRun, TaskInstance]:
    with house.reading() as connection:
        attempt = attempts.get_attempt(connection, attempt_id)
        (row,) = queries.task_instances_by_id(connection, [attempt.task_instance_id])
        return queries.run_by_id(connection, row.dag_run_id), row


def _asked_before(connection: Connection, own: TaskInstance, own_run: DagRun, dag_id: str) -> DagRun | None:
    """Return the run that this task asked for in this try, or in an earlier one if it has not failed since.

    Tries before a clear do not count: who clears a task wants a new run.
    """
    spec = dags.load_spec(dags.get_version(connection, own_run.dag_version_id))
    retries = next((task.retries for task in spec.tasks if task.task_id == own.task_id), 0)
    first = own.max_tries - retries
    for run in reversed(lineage.children(connection, own.dag_run_id).get(own.id, [])):
        if run.dag_id != dag_id or run.parent_try_number is None or run.parent_try_number < first:
            continue
        is_same = run.parent_try_number == own.try_number
        return run if is_same or run.state not in (RunState.FAILED, RunState.CANCELLED) else None
    return None


def _active_dag(connection: Connection, dag_id: str) -> Dag:
    dag = dags.get_dag(connection, dag_id)
    if not dag.is_active:
        raise Conflict(f"DAG {dag_id!r} is no longer in its file {dag.dag_file}: nothing to run")
    return dag


def _instant(connection: Connection, dag_id: str, logical_date: str | None, now: datetime) -> datetime | None:
    if logical_date is None:
        return None
    if not isinstance(logical_date, str):
        raise InvalidInput(f"logical_date {logical_date!r} must be ISO 8601 text")
    if logical_date != "now":
        return from_iso(logical_date)
    while lineage.find_run(connection, dag_id, logical_date=now) is not None:
        now += TICK  # two tasks asked at once
    return now


def _create(
    connection: Connection,
    dag: Dag,
    run_id: str,
    instant: datetime | None,
    conf: dict[str, Any],
    note: str | None,
    own_run: DagRun,
    own: TaskInstance,
    now: datetime,
) -> DagRun:
    version = dags.latest_version(connection, dag.dag_id)
    spec: DagSpec = dags.load_spec(version)
    check_params(spec.params, conf)
    interval = due.manual_interval(dag, instant) if instant is not None else (None, None)
    new = NewRun(
        dag_id=dag.dag_id,
        run_id=run_id,
        run_type=RunType.OPERATOR_TRIGGERED,
        run_after=now,
        logical_date=instant,
        data_interval_start=interval[0],
        data_interval_end=interval[1],
        triggered_by="operator",
        actor=f"task {own.dag_id}.{own.task_id}",
        conf=conf,
        timezone=dag.timezone,
        parent_run_id=own_run.id,
        parent_task_instance_id=own.id,
        parent_try_number=own.try_number,
        reason=Reason("dag_paused") if dag.is_paused else None,
        note=note,
    )
    return runs.create_run(connection, new, version.id, spec, now).run


def _run_again(connection: Connection, run: DagRun, own: TaskInstance, now: datetime, actor: Actor) -> DagRun:
    version = dags.latest_version(connection, run.dag_id)
    keys = [(row.task_id, row.map_index) for row in queries.task_instances(connection, run.id)]
    edits.clear(connection, run, keys, version.id, dags.load_spec(version), now, actor)
    lineage.adopt_run(connection, run.id, own)
    return queries.run_by_id(connection, run.id)


def _link(connection: Connection, own: TaskInstance, run: DagRun, attempt_id: str, now: datetime) -> None:
    """Let the asking task's XComs name the run: also when its attempt ends without a report."""
    items = [{"key": RUN_ID, "value": run.run_id}, {"key": DAG_ID, "value": run.dag_id}]
    xcoms.put(connection, own.dag_run_id, own.task_id, own.map_index, items, attempt_id, now)


def _members(
    connection: Connection, run: DagRun, task_ids: Sequence[str] | None, task_group_id: str | None
) -> set[str] | None:
    if task_group_id is None:
        return None if task_ids is None else set(task_ids)
    spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
    return Topology(spec).members.get(task_group_id, set())


def _answer(outcome: str, run: DagRun) -> dict[str, Any]:
    return {"outcome": outcome, **_run(run)}


def _run(run: DagRun) -> dict[str, Any]:
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": str(run.state),
        "logical_date": iso_or_none(run.logical_date),
        "start_date": iso_or_none(run.start_date),
        "end_date": iso_or_none(run.end_date),
    }


def _task(row: TaskInstance) -> dict[str, Any]:
    return {"task_id": row.task_id, "map_index": row.map_index, "state": str(row.state)}
