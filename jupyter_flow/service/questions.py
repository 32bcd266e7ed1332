"""What runners may ask: a closed list, with the token of a current attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ..model.errors import Forbidden, InvalidInput, NotFound
from ..model.ids import check_id
from ..model.rows import DagRun
from ..storage import attempts, queries, variables, xcoms
from . import run_questions
from .house import House
from .tokens import matches

MAX_PRIOR = 50


def answer(house: House, attempt_id: Any, token: Any, op: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one question of a runner.

    Raises :class:`Forbidden` unless ``token`` is that of the attempt and the attempt is the current one.
    """
    with house.reading() as connection:
        digest = attempts.token_hash(connection, attempt_id) if isinstance(attempt_id, str) else None
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
    with house.writing() as connection:
        variables.set_variable(connection, key, value, description, house.clock.wall())
    return {}


def _xcom_pull(
    house: House,
    attempt_id: str,
    task_id: str,
    key: str = "return_value",
    map_index: int = -1,
    dag_id: str | None = None,
    run_id: str | None = None,
    include_prior_dates: bool = False,
) -> dict[str, Any]:
    with house.reading() as connection:
        own = _own_run(connection, attempt_id)
        if dag_id is None and run_id is None:
            run = own
        elif run_id is None:
            raise InvalidInput(f"xcom_pull from DAG {dag_id!r}: name the run_id too")
        else:
            run = queries.get_run(connection, dag_id or own.dag_id, run_id)
        candidates = [run]
        if include_prior_dates and run.logical_date is not None:
            candidates += _prior(connection, run, run.logical_date)
        for candidate in candidates:
            for item in xcoms.of_task(connection, candidate.id, task_id, map_index):
                if item.key == key:
                    return {"found": True, "value": item.value}
    return {"found": False, "value": None}


def _own_run(connection: Connection, attempt_id: str) -> DagRun:
    attempt = attempts.get_attempt(connection, attempt_id)
    (row,) = queries.task_instances_by_id(connection, [attempt.task_instance_id])
    return queries.run_by_id(connection, row.dag_run_id)


def _prior(connection: Connection, run: DagRun, before: datetime) -> list[DagRun]:
    found, _ = queries.list_runs(connection, run.dag_id, limit=MAX_PRIOR)
    earlier = [item for item in found if item.logical_date is not None and item.logical_date < before]
    return sorted(earlier, key=lambda item: item.logical_date or before, reverse=True)


_QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    **run_questions.QUESTIONS,
    "ask.variable_get": _variable_get,
    "ask.variable_set": _variable_set,
    "ask.xcom_pull": _xcom_pull,
}
