"""XComs: small JSON values that tasks of one DAG run hand to each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, tuple_

from ..model.rows import XCom
from ..model.typed_values import mappable_length, type_name
from .schema import xcom


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


def fetch(connection: Connection, dag_run_id: int, pairs: Iterable[tuple[str, str]]) -> list[XCom]:
    """Return the XComs of a run under these ``(task_id, key)`` pairs, all map indexes; missing ones are left out."""
    wanted = list(pairs)
    if not wanted:
        return []
    query = select(xcom).where(xcom.c.dag_run_id == dag_run_id, tuple_(xcom.c.task_id, xcom.c.key).in_(wanted))
    return [_to_xcom(row) for row in connection.execute(query.order_by(xcom.c.task_id, xcom.c.map_index))]


def of_task(connection: Connection, dag_run_id: int, task_id: str, map_index: int = -1) -> list[XCom]:
    """Return all XComs of one task instance by key."""
    query = select(xcom).where(
        xcom.c.dag_run_id == dag_run_id, xcom.c.task_id == task_id, xcom.c.map_index == map_index
    )
    return [_to_xcom(row) for row in connection.execute(query.order_by(xcom.c.key))]


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
