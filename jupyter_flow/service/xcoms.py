"""XComs and rendered fields as people look at them: lists, one value, delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..model.errors import NotFound
from ..model.instants import iso_or_none
from ..model.records import Actor
from ..model.rows import XCom
from ..model.typed_values import MARK, type_name
from ..storage import attempts, queries, xcoms
from . import xcom_files
from .authorize import authorize
from .commanding import command
from .documents import Document
from .house import House
from .page_limit import check_limit

LONGEST_PREVIEW = 200
MOST = 1000


def xcom_document(xcom: XCom, run_id: str | None = None, *, whole: bool = True) -> Document:
    """One pushed value. ``preview``: a short line about it; ``value`` (only if ``whole``): None if it is in a file.

    ``type``: of the value, ``length``: number of its items, ``size``: bytes of its JSON, ``created_at``: when it came.
    """
    document: Document = {
        "key": xcom.key,
        "preview": preview(xcom),
        "type": xcom.type,
        "size": xcom.size,
        "length": xcom.length,
        "reference": xcom.reference,
        "created_at": iso_or_none(xcom.created_at),
        "task_id": xcom.task_id,
        "map_index": xcom.map_index,
        "attempt_id": xcom.attempt_id,
    }
    if run_id is not None:
        document["run_id"] = run_id
    return {**document, "value": xcom.value} if whole else document


def preview(xcom: XCom) -> str:
    """Return one line about a value: its JSON, cut where it is long; of typed values what people would write."""
    if xcom.reference is not None:
        return f"{xcom.type} of {xcom.size} bytes in {xcom.reference}"
    text = _words(xcom.value)
    return text if len(text) <= LONGEST_PREVIEW else f"{text[: LONGEST_PREVIEW - 1]}…"


def _words(data: Any) -> str:
    if isinstance(data, Mapping) and MARK in data:
        if (shape := data.get("shape")) is not None:
            return f"{data[MARK]} {' x '.join(map(str, shape))} in {data.get('reference')}"
        return f"{type_name(data)} {json.dumps(data.get('value'), ensure_ascii=False)}"
    return json.dumps(data, ensure_ascii=False)


def task_xcoms(
    house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, map_index: int = -1, key: str | None = None
) -> Document:
    """What a task instance pushed; ``key`` picks one (NotFound if it is not there)."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        row = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        found = xcoms.of_task(connection, row.dag_run_id, task_id, map_index)
    if key is not None:
        found = [value for value in found if value.key == key]
        if not found:
            raise NotFound(f"task {task_id!r} of run {run_id!r} pushed no XCom {key!r}")
    return {"xcoms": [xcom_document(value) for value in found]}


def list_xcoms(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str | None = None,
    task_id: str | None = None,
    key: str | None = None,
    limit: int = 100,
) -> Document:
    """The XComs of a DAG (or of one run, task or key of it) without their values, the latest first."""
    authorize(house.policy, actor, "read", dag_id)
    check_limit(limit, MOST)
    with house.reading() as connection:
        if run_id is not None:
            queries.get_run(connection, dag_id, run_id)
        found = xcoms.list_xcoms(connection, dag_id, run_id, task_id, key, limit=limit)
    return {"xcoms": [xcom_document(value, name, whole=False) for name, value in found]}


def delete_xcom(
    house: House, actor: Actor, dag_id: str, run_id: str, task_id: str, key: str, map_index: int = -1
) -> Document:
    """Delete one XCom. Files of its attempt go with the attempt's last XCom."""
    arguments = {"key": key, "map_index": map_index}
    with command(
        house, actor, "xcoms.delete", "edit", dag_id=dag_id, run_id=run_id, task_id=task_id, arguments=arguments
    ) as (connection, _):
        run = queries.get_run(connection, dag_id, run_id)
        gone = xcoms.remove(connection, run.id, task_id, map_index, key)
        left = xcoms.of_task(connection, run.id, task_id, map_index)
    if gone.attempt_id is not None and all(item.attempt_id != gone.attempt_id for item in left):
        xcom_files.delete(house.config, [gone.attempt_id])
    return {}


def task_rendered(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    attempt: int | None = None,
) -> Document:
    """The template fields of an attempt as they were rendered (secrets masked). ``attempt``: None is the latest."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        row = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        tries = attempts.list_attempts(connection, row.id)
    chosen = tries[-1:] if attempt is None else [item for item in tries if item.attempt_number == attempt]
    if not chosen:
        which = "no attempt yet" if attempt is None else f"no attempt {attempt}"
        raise NotFound(f"task {task_id!r} of run {run_id!r} has {which}: nothing was rendered")
    return {"attempt_number": chosen[0].attempt_number, "rendered": dict(chosen[0].rendered or {})}
