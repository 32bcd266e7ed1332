"""Every command: ``f(house, actor, **args) -> JSON document``. One transaction with one audit row each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ..model.changes import NewRun
from ..model.errors import Conflict, InvalidInput
from ..model.ids import check_id, run_id_for
from ..model.instants import from_iso
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import Dag, DagRun, TaskInstance
from ..model.state import RunState, RunType, TaskState
from ..scheduling.clearing import named_instances, to_clear
from ..scheduling.topology import Topology
from ..storage import dags, edits, queries, runs, variables, xcoms
from . import documents, due, views, xcom_files
from .clear_choice import Wish, chosen_keys, chosen_runs, failed_keys
from .clear_markers import clear_marked
from .commanding import command as _command
from .conf import check_conf, check_params
from .documents import Document
from .house import House

DATELESS = "none"
"""``logical_date`` of a manual run that has none."""
MAX_VARIABLE = 1 << 20


def trigger_dag(
    house: House,
    actor: Actor,
    dag_id: str,
    conf: Any = None,
    logical_date: str | None = None,
    run_id: str | None = None,
    unpause: bool = False,
    idempotency_key: str | None = None,
    ignore_pause: bool = False,
) -> Document:
    """Create a manual run of ``dag_id`` and return it.

    ``logical_date``: ISO 8601; None is this instant, ``"none"`` a run without a date. A run of a paused DAG waits
    unless ``unpause`` (for good) or ``ignore_pause`` (this run only). The same ``idempotency_key`` gives the same run.

    Raises :class:`Conflict` naming the run that has the date or id, :class:`InvalidInput` for unusable arguments.
    """
    arguments: dict[str, Any] = {"logical_date": logical_date, "run_id": run_id, "unpause": unpause}
    with _command(house, actor, "dags.trigger", "trigger", dag_id=dag_id, run_id=run_id, arguments=arguments) as (
        connection,
        now,
    ):
        dag = dags.get_dag(connection, dag_id)
        if not dag.is_active:
            raise Conflict(f"DAG {dag_id!r} is no longer in its file {dag.dag_file}: nothing to run")
        version = dags.latest_version(connection, dag_id)
        spec = dags.load_spec(version)
        values = arguments["conf"] = check_conf(conf, house.config.conf_max_bytes)
        check_params(spec.params, values)
        instant = _logical_date(logical_date, now)
        interval = due.manual_interval(dag, instant) if instant is not None else (None, None)
        chosen = check_id(run_id, "run_id") if run_id is not None else run_id_for(RunType.MANUAL, instant or now)
        if unpause and dag.is_paused:
            dag = _set_paused(connection, dag, False, now, actor)
        new = NewRun(
            dag_id=dag_id,
            run_id=chosen,
            run_type=RunType.MANUAL,
            run_after=now,
            logical_date=instant,
            data_interval_start=interval[0],
            data_interval_end=interval[1],
            triggered_by=actor.auth,
            actor=actor.user,
            conf=values,
            timezone=dag.timezone,
            idempotency_key=idempotency_key,
            reason=Reason("dag_paused") if dag.is_paused and not ignore_pause else None,
        )
        created = runs.create_run(connection, new, version.id, spec, now)
    if created.created:
        if ignore_pause:
            house.effects.run_anyway(created.run.id)
        house.effects.run_changed(created.run.id)
        house.effects.dag_changed(dag_id)
    return _run(house, created.run)


def pause_dag(house: House, actor: Actor, dag_id: str) -> Document:
    """Pause a DAG: no run starts by itself, queued ones wait. Running ones go on."""
    return _pause(house, actor, dag_id, True)


def unpause_dag(house: House, actor: Actor, dag_id: str) -> Document:
    """Let the scheduler run the DAG (again)."""
    return _pause(house, actor, dag_id, False)


def delete_dag(house: House, actor: Actor, dag_id: str) -> Document:
    """Delete all that is recorded of a DAG. Its file stays; while it exists the DAG comes back at the next parse."""
    with _command(house, actor, "dags.delete", "delete", dag_id=dag_id) as (connection, now):
        dags.get_dag(connection, dag_id)
        with_files = xcoms.attempts_of(connection, dag_id)
        dags.delete_dag(connection, dag_id, now, actor)
    xcom_files.delete(house.config, with_files)
    house.effects.dag_changed(dag_id)
    return {}


def reload(house: House, actor: Actor, whole: bool = False) -> Document:
    """Look at the DAG folders now; ``whole``: parse unchanged files too."""
    with _command(house, actor, "dags.reload", "edit"):
        pass
    house.effects.reload(whole)
    return {}


def cancel_run(house: House, actor: Actor, dag_id: str, run_id: str) -> Document:
    """Ask a run to stop: what waits is cancelled, what runs is ended."""
    with _command(house, actor, "runs.cancel", "trigger", dag_id=dag_id, run_id=run_id) as (connection, now):
        run = edits.request_cancel(connection, queries.get_run(connection, dag_id, run_id), now, actor)
    house.effects.run_changed(run.id)
    return _run(house, run)


def clear_run(house: House, actor: Actor, dag_id: str, run_id: str, only_failed: bool = False) -> Document:
    """Run all task instances again (or those that did not succeed), with the latest version of the DAG."""
    with _command(house, actor, "runs.clear", "trigger", dag_id=dag_id, run_id=run_id) as (connection, now):
        run = queries.get_run(connection, dag_id, run_id)
        rows = queries.task_instances(connection, run.id)
        keys = failed_keys(rows, only_failed)
        run = clear_chosen(house, connection, run, keys, now, actor)
    house.effects.run_changed(run.id)
    return _run(house, run)


def mark_run(house: House, actor: Actor, dag_id: str, run_id: str, state: str) -> Document:
    """Force a run to ``success`` or ``failed``."""
    arguments = {"state": state}
    with _command(house, actor, "runs.mark", "trigger", dag_id=dag_id, run_id=run_id, arguments=arguments) as (
        connection,
        now,
    ):
        wanted = _one_of(state, (RunState.SUCCESS, RunState.FAILED))
        run = edits.mark_run(connection, queries.get_run(connection, dag_id, run_id), RunState(wanted), now, actor).run
    house.effects.run_changed(run.id)
    return _run(house, run)


def clear_task(
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
    """Run a task instance again, and what comes after it (or before), with the latest version of the DAG.

    The setups and teardowns around it run again too. Of a mapped task, without a map index, all instances do.
    ``past``, ``future``: the same in the runs with an earlier, a later logical date; ``only_failed``: of all these
    only what failed.
    """
    wish = Wish(downstream, upstream, past, future, only_failed)
    arguments = {"map_index": map_index, **vars(wish)}
    with _command(
        house, actor, "tasks.clear", "trigger", dag_id=dag_id, run_id=run_id, task_id=task_id, arguments=arguments
    ) as (connection, now):
        run = queries.get_run(connection, dag_id, run_id)
        named = _instances(connection, run, task_id, map_index)
        topology = Topology(dags.load_spec(dags.latest_version(connection, dag_id)))
        changed = []
        for other in chosen_runs(connection, run, wish):
            rows = queries.task_instances(connection, other.id)
            keys = chosen_keys(topology, rows, task_id, map_index, wish)
            if other.id == run.id and not keys and not only_failed:
                keys = [(row.task_id, row.map_index) for row in named]  # removed by a version, and back in this one
            if keys:
                changed.append(clear_chosen(house, connection, other, keys, now, actor).id)
    for dag_run_id in changed:
        house.effects.run_changed(dag_run_id)
    return views.show_task(house, actor, dag_id, run_id, task_id, named[0].map_index)


def mark_task(
    house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, state: str, map_index: int = -1
) -> Document:
    """Force a task instance to ``success``, ``failed`` or ``skipped``; a running attempt of it is ended.

    Of a mapped task, without a map index, all instances are marked.
    """
    arguments = {"map_index": map_index, "state": state}
    with _command(
        house, actor, "tasks.mark", "trigger", dag_id=dag_id, run_id=run_id, task_id=task_id, arguments=arguments
    ) as (connection, now):
        wanted = _one_of(state, (TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED))
        named = _instances(connection, queries.get_run(connection, dag_id, run_id), task_id, map_index)
        for row in named:
            edits.mark_task(connection, row, TaskState(wanted), now, actor)
    house.effects.run_changed(named[0].dag_run_id)
    return views.show_task(house, actor, dag_id, run_id, task_id, named[0].map_index)


def set_variable(house: House, actor: Actor, key: str, value: Any, description: str | None = None) -> Document:
    """Set a variable (text; other JSON values are an error of the caller)."""
    with _command(house, actor, "variables.set", "edit", arguments={"key": key}) as (connection, now):
        check_id(key, "variable key")
        if not isinstance(value, str) or len(value) > MAX_VARIABLE:
            raise InvalidInput(f"variable {key!r}: the value must be text of up to {MAX_VARIABLE} characters")
        if description is not None and not isinstance(description, str):
            raise InvalidInput(f"variable {key!r}: the description must be text")
        variables.set_variable(connection, key, value, description, now)
    return views.get_variable(house, actor, key)


def delete_variable(house: House, actor: Actor, key: str) -> Document:
    """Delete a variable (:class:`NotFound` if there is none)."""
    with _command(house, actor, "variables.delete", "edit", arguments={"key": key}) as (connection, _):
        variables.get_variable(connection, key)
        variables.delete_variable(connection, key)
    return {}


def stop_host(house: House, actor: Actor, tasks: bool = False, finish: bool = False) -> Document:
    """End the host: at once (running tasks go on detached), after ``finish``, or after cancelling ``tasks``."""
    arguments = {"tasks": tasks, "finish": finish}
    with _command(house, actor, "host.stop", "admin", arguments=arguments):
        pass
    house.effects.stop(bool(tasks), bool(finish))
    return {}


def resume_host(house: House, actor: Actor) -> Document:
    """Take back a stop that still waits for running tasks."""
    with _command(house, actor, "host.resume", "admin"):
        pass
    house.effects.resume()
    return views.health(house, actor)


def _pause(house: House, actor: Actor, dag_id: str, paused: bool) -> Document:
    name = "dags.pause" if paused else "dags.unpause"
    with _command(house, actor, name, "edit", dag_id=dag_id) as (connection, now):
        dag = dags.get_dag(connection, dag_id)
        if dag.is_paused != paused:
            _set_paused(connection, dag, paused, now, actor)
    house.effects.dag_changed(dag_id)
    return views.show_dag(house, actor, dag_id)


def _set_paused(connection: Connection, dag: Dag, paused: bool, now: datetime, actor: Actor) -> Dag:
    dag = dags.set_paused(connection, dag.dag_id, paused, now, actor)
    if not paused:
        due.refresh_next(connection, dag, now, "missed_paused")
    return dag


def clear_chosen(
    house: House,
    connection: Connection,
    run: DagRun,
    keys: list[tuple[str, int]],
    now: datetime,
    actor: Actor,
    reason: Reason | None = None,
) -> DagRun:
    """Clear task instances of a run with the latest version of its DAG, and what their markers name elsewhere."""
    version = dags.latest_version(connection, run.dag_id)
    spec = dags.load_spec(version)
    topology = Topology(spec)
    again = to_clear(topology, queries.task_instances(connection, run.id), keys, False)
    edited = edits.clear(connection, run, again, version.id, spec, now, actor, reason).run
    for dag_run_id in clear_marked(house, connection, run, spec, again, now, actor):
        house.effects.run_changed(dag_run_id)
    return edited


def _instances(connection: Connection, run: DagRun, task_id: str, map_index: int) -> list[TaskInstance]:
    found = named_instances(queries.task_instances(connection, run.id), task_id, map_index)
    if not found:
        found = [queries.get_task_instance(connection, run.dag_id, run.run_id, task_id, map_index)]
    return found


def _logical_date(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return now
    if not isinstance(text, str):
        raise InvalidInput(f"logical_date {text!r} must be ISO 8601 text")
    return None if text == DATELESS else from_iso(text)


def _one_of(state: Any, allowed: tuple[str, ...]) -> str:
    if state not in allowed:
        raise InvalidInput(f"state {state!r} must be one of {', '.join(allowed)}")
    return str(state)


def _run(house: House, run: DagRun) -> Document:
    with house.reading() as connection:
        current = queries.run_by_id(connection, run.id)
        number = dags.get_version(connection, current.dag_version_id).number
    return documents.run_document(current, number, now=house.clock.wall())
