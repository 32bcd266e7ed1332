"""XComs: small JSON values that tasks of one DAG run hand to each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, tuple_

from ..model.errors import NotFound
from ..model.rows import TaskInstance, XCom
from ..model.typed_values import mappable_length, type_name
from .schema import attempt, dag_run, task_instance, xcom


def put(
    connection: Connection,
    dag_run_id: int,
    task_id: str,
    map_index: int,
    items: Sequence[Mapping[str, Any]],
    attempt_id: str | None,
    now: datetime,
) -> None:
    """Write XComs of one task instance; a key written before gets the new value, the last wins.

    ``items``: ``key`` and ``value`` each, or what :class:`..model.records.Report` says of a value kept elsewhere.
    """
    latest = {str(item["key"]): item for item in items}
    if not latest:
        return
    mine = (xcom.c.dag_run_id == dag_run_id) & (xcom.c.task_id == task_id) & (xcom.c.map_index == map_index)
    connection.execute(delete(xcom).where(mine, xcom.c.key.in_(list(latest))))
    place = {"dag_run_id": dag_run_id, "task_id": task_id, "map_index": map_index}
    facts = {"attempt_id": attempt_id, "created_at": now}
    connection.execute(insert(xcom), [place | facts | _measured(key, item) for key, item in latest.items()])


def fetch(
    connection: Connection,
    dag_run_id: int,
    pairs: Iterable[tuple[str, str]],
    map_indexes: Collection[int] | None = None,
) -> list[XCom]:
    """Return the XComs of a run under these ``(task_id, key)`` pairs; missing ones are left out.

    ``map_indexes``: of these task instances only (None: of all).
    """
    wanted = list(pairs)
    if not wanted:
        return []
    query = select(xcom).where(xcom.c.dag_run_id == dag_run_id, tuple_(xcom.c.task_id, xcom.c.key).in_(wanted))
    if map_indexes is not None:
        query = query.where(xcom.c.map_index.in_(list(map_indexes)))
    return [_to_xcom(row) for row in connection.execute(query.order_by(xcom.c.task_id, xcom.c.map_index))]


def of_task(connection: Connection, dag_run_id: int, task_id: str, map_index: int = -1) -> list[XCom]:
    """Return all XComs of one task instance by key."""
    query = select(xcom).where(
        xcom.c.dag_run_id == dag_run_id, xcom.c.task_id == task_id, xcom.c.map_index == map_index
    )
    return [_to_xcom(row) for row in connection.execute(query.order_by(xcom.c.key))]


def search(connection: Connection, dag_run_id: int, task_id: str, key: str | None) -> list[XCom]:
    """Return the XComs of a task under ``key`` by map index; ``key`` None: what each task instance pushed last."""
    query = select(xcom).where(xcom.c.dag_run_id == dag_run_id, xcom.c.task_id == task_id)
    if key is not None:
        query = query.where(xcom.c.key == key)
    rows = connection.execute(query.order_by(xcom.c.map_index, xcom.c.created_at, xcom.c.id))
    return list({row.map_index: _to_xcom(row) for row in rows}.values())


def latest_run(connection: Connection, dag_id: str, task_id: str, key: str | None, before: datetime) -> int | None:
    """Return the surrogate key of the last run with a logical date before that instant that has such an XCom."""
    query = (
        select(dag_run.c.id)
        .join(xcom, xcom.c.dag_run_id == dag_run.c.id)
        .where(dag_run.c.dag_id == dag_id, dag_run.c.logical_date < before, xcom.c.task_id == task_id)
        .order_by(dag_run.c.logical_date.desc())
        .limit(1)
    )
    if key is not None:
        query = query.where(xcom.c.key == key)
    found: int | None = connection.execute(query).scalar_one_or_none()
    return found


def list_xcoms(
    connection: Connection,
    dag_id: str,
    run_id: str | None = None,
    task_id: str | None = None,
    key: str | None = None,
    *,
    limit: int,
) -> list[tuple[str, XCom]]:
    """Return ``(run_id, XCom)`` of a DAG, the latest first, at most ``limit``."""
    query = select(xcom, dag_run.c.run_id).join(dag_run, dag_run.c.id == xcom.c.dag_run_id)
    query = query.where(dag_run.c.dag_id == dag_id)
    for column, wanted in ((dag_run.c.run_id, run_id), (xcom.c.task_id, task_id), (xcom.c.key, key)):
        if wanted is not None:
            query = query.where(column == wanted)
    rows = connection.execute(query.order_by(xcom.c.created_at.desc(), xcom.c.id.desc()).limit(limit))
    return [(row.run_id, _to_xcom(row)) for row in rows]


def remove(connection: Connection, dag_run_id: int, task_id: str, map_index: int, key: str) -> XCom:
    """Delete one XCom and return it; raises :class:`NotFound`."""
    mine = (xcom.c.dag_run_id == dag_run_id) & (xcom.c.task_id == task_id) & (xcom.c.map_index == map_index)
    row = connection.execute(select(xcom).where(mine, xcom.c.key == key)).one_or_none()
    if row is None:
        raise NotFound(f"task {task_id!r} has no XCom {key!r}")
    connection.execute(delete(xcom).where(xcom.c.id == row.id))
    return _to_xcom(row)


def attempts_of(connection: Connection, dag_id: str) -> list[str]:
    """Return the ids of all attempts of a DAG's tasks: XComs of theirs may be files."""
    query = select(attempt.c.id).join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
    return list(connection.execute(query.where(task_instance.c.dag_id == dag_id)).scalars())


def forget_earlier_tries(connection: Connection, task: TaskInstance) -> None:
    """Delete what earlier tries of a task instance pushed; attempts of the same try (reschedules) go together."""
    earlier = select(attempt.c.id).where(
        attempt.c.task_instance_id == task.id, attempt.c.try_number < task.try_number, attempt.c.kind == "task"
    )
    mine = (xcom.c.dag_run_id == task.dag_run_id) & (xcom.c.task_id == task.task_id)
    connection.execute(delete(xcom).where(mine, xcom.c.map_index == task.map_index, xcom.c.attempt_id.in_(earlier)))


def forget(connection: Connection, dag_run_id: int, task_id: str, map_index: int) -> None:
    """Delete the XComs of one task instance, which is about to run again."""
    connection.execute(
        delete(xcom).where(xcom.c.dag_run_id == dag_run_id, xcom.c.task_id == task_id, xcom.c.map_index == map_index)
    )


def _measured(key: str, item: Mapping[str, Any]) -> dict[str, Any]:
    if item.get("reference") is not None:
        reference = str(item["reference"])
        return {
            "key": key,
            "value": None,
            "reference": reference,
            "type": str(item.get("type") or "object")[:32],
            "size": _count(item.get("size")) or 0,
            "length": _count(item.get("length")),
            "sha256": hashlib.sha256(reference.encode()).hexdigest(),
        }
    value = item.get("value")
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    data = text.encode()
    return {
        "key": key,
        "value": text,
        "reference": None,
        "type": type_name(value),
        "size": len(data),
        "length": mappable_length(value),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _count(value: Any) -> int | None:
    """A number that a child named, if it is one."""
    return value if type(value) is int and value >= 0 else None


def _to_xcom(row: Row[Any]) -> XCom:
    return XCom(
        task_id=row.task_id,
        map_index=row.map_index,
        key=row.key,
        value=None if row.value is None else json.loads(row.value),
        type=row.type,
        size=row.size,
        sha256=row.sha256,
        attempt_id=row.attempt_id,
        created_at=row.created_at,
        reference=row.reference,
        length=row.length,
    )
