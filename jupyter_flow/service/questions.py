"""What runners may ask: a closed list, with the token of a current attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from ..model.errors import Forbidden, InvalidInput, NotFound
from ..model.ids import check_id
from ..model.rows import DagRun
from ..storage import assets, attempts, callbacks, dags, lineage, queries, variables, xcoms
from . import mail, run_questions
from .documents import asset_event_document, run_document, task_instance_document
from .house import House
from .tokens import matches
from .workloads import xcom_item

MOST_ASSET_EVENTS = 1000
"""How many of the latest events of an inlet a task sees."""


def answer(house: House, attempt_id: Any, token: Any, op: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one question of a runner.

    Raises :class:`Forbidden` unless ``token`` is that of the attempt and the attempt is the current one.
    """
    with house.reading() as connection:
        digest = None
        if isinstance(attempt_id, str):
            digest = attempts.token_hash(connection, attempt_id) or callbacks.token_hash(connection, attempt_id)
    if not matches(token, digest):
        raise Forbidden("this attempt may not ask: it is not the current one of its task")
    question = _QUESTIONS.get(op)
    if question is None:
        raise InvalidInput(f"unknown question {op!r}")
    try:
        return question(house, str(attempt_id), **args)
    except TypeError as error:
        raise InvalidInput(f"{op}: {error}") from None


def _variable_get(house: House, attempt_id: str, key: str) -> dict[str, Any]:
    with house.reading() as connection:
        try:
            return {"found": True, "value": variables.get_variable(connection, key).value}
        except NotFound:
            return {"found": False, "value": None}


def _variable_set(
    house: House, attempt_id: str, key: str, value: str, description: str | None = None
) -> dict[str, Any]:
    check_id(key, "variable key")
    if not isinstance(value, str):
        raise InvalidInput(f"variable {key!r}: the value must be text")
    with house.writing("question") as connection:
        variables.set_variable(connection, key, value, description, house.clock.wall())
    return {}


def _variable_delete(house: House, attempt_id: str, key: str) -> dict[str, Any]:
    with house.writing("question") as connection:
        try:
            variables.delete_variable(connection, key)
        except NotFound:
            return {"found": False}
    return {"found": True}


def _variable_keys(house: House, attempt_id: str, prefix: str = "") -> dict[str, Any]:
    with house.reading() as connection:
        return {"keys": [row.key for row in variables.list_variables(connection) if row.key.startswith(prefix)]}


def _xcom_pull(
    house: House,
    attempt_id: str,
    task_id: str,
    key: str | None = "return_value",
    dag_id: str | None = None,
    run_id: str | None = None,
    include_prior_dates: bool = False,
) -> dict[str, Any]:
    """Answer ``items``: what the task pushed, by map index. ``dag_id`` None: of the asking task's own run."""
    with house.reading() as connection:
        own = _own_run(connection, attempt_id)
        run = own if dag_id is None else _other_run(connection, own, dag_id, run_id)
        found = [] if run is None else xcoms.search(connection, run.id, task_id, key)
        before = run.logical_date if run is not None else own.logical_date
        if not found and include_prior_dates and before is not None:
            earlier = xcoms.latest_run(connection, dag_id or own.dag_id, task_id, key, before)
            found = [] if earlier is None else xcoms.search(connection, earlier, task_id, key)
    return {"items": [xcom_item(item) for item in found]}


def _task_instances(
    house: House, attempt_id: str, dag_id: str, run_id: str, task_id: str | None = None
) -> dict[str, Any]:
    """Answer the task instances of a run as they are now (of one task, if named)."""
    now = house.clock.wall()
    with house.reading() as connection:
        run = queries.get_run(connection, dag_id, run_id)
        rows = [row for row in queries.task_instances(connection, run.id) if task_id in (None, row.task_id)]
    found = [task_instance_document(row, (None, None), row.reason, now=now) for row in rows]
    return {"task_instances": found}


def _previous_run(house: House, attempt_id: str, state: str | None = None) -> dict[str, Any]:
    """Answer the run of the same DAG with the latest logical date before the asking task's own one, or None."""
    with house.reading() as connection:
        own = _own_run(connection, attempt_id)
        found = None
        if own.logical_date is not None:
            found = queries.previous_run(connection, own.dag_id, own.logical_date, state)
        if found is None:
            return {"run": None}
        version = dags.get_version(connection, found.dag_version_id).number
    return {"run": run_document(found, version, now=house.clock.wall())}


def _asset_events(
    house: House, attempt_id: str, name: str | None = None, uri: str | None = None, alias: str | None = None
) -> dict[str, Any]:
    """Answer the latest events of an asset (or through an alias), the oldest first."""
    with house.reading() as connection:
        number = None
        if alias is None:
            try:
                number = assets.get_asset(connection, str(name or uri)).id
            except NotFound:
                return {"events": []}
        found = assets.list_events(connection, asset_id=number, alias=alias, limit=MOST_ASSET_EVENTS)
    return {"events": [asset_event_document(event) for event in reversed(found)]}


def _asset(house: House, attempt_id: str, name: str) -> dict[str, Any]:
    """Answer what an asset is, None if no DAG describes it."""
    with house.reading() as connection:
        try:
            found = assets.get_asset(connection, name)
        except NotFound:
            return {"asset": None}
    if not found.is_active:
        return {"asset": None}
    return {"asset": {"name": found.name, "uri": found.uri, "group": found.group, "extra": dict(found.extra)}}


def _own_run(connection: Connection, attempt_id: str) -> DagRun:
    if callbacks.token_hash(connection, attempt_id) is not None:
        return queries.run_by_id(connection, callbacks.run_of(connection, attempt_id))
    attempt = attempts.get_attempt(connection, attempt_id)
    (row,) = queries.task_instances_by_id(connection, [attempt.task_instance_id])
    return queries.run_by_id(connection, row.dag_run_id)


def _other_run(connection: Connection, own: DagRun, dag_id: str, run_id: str | None) -> DagRun | None:
    """Return the run of ``dag_id`` that is meant: ``run_id``, else that of the same run id or logical date."""
    if run_id is not None:
        return lineage.find_run(connection, dag_id, run_id=run_id)
    found = lineage.find_run(connection, dag_id, run_id=own.run_id)
    if found is None and own.logical_date is not None:
        found = lineage.find_run(connection, dag_id, logical_date=own.logical_date)
    return found


_QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    **run_questions.QUESTIONS,
    "ask.asset": _asset,
    "ask.asset_events": _asset_events,
    "ask.mail_server": mail.ask_mail_server,
    "ask.previous_run": _previous_run,
    "ask.task_instances": _task_instances,
    "ask.variable_delete": _variable_delete,
    "ask.variable_get": _variable_get,
    "ask.variable_keys": _variable_keys,
    "ask.variable_set": _variable_set,
    "ask.xcom_pull": _xcom_pull,
}
