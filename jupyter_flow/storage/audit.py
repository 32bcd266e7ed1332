"""The audit trail: one row per command, done or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from ..model.instants import to_iso
from ..model.records import Actor
from .schema import audit


def record(
    connection: Connection,
    actor: Actor,
    verb: str,
    now: datetime,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    task_id: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    outcome: str = "ok",
    message: str | None = None,
) -> None:
    """Write who did what to which object. ``outcome``: ``ok`` or the code of the refusal."""
    values = {
        "at": now,
        "actor": actor.user,
        "auth": actor.auth,
        "ip": actor.ip,
        "request_id": actor.request_id,
        "verb": verb,
        "dag_id": dag_id,
        "run_id": run_id,
        "task_id": task_id,
        "arguments": None if arguments is None else dict(arguments),
        "outcome": outcome,
        "message": message,
    }
    connection.execute(insert(audit), [values])


def list_audit(connection: Connection, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
    """Return up to ``limit`` rows, newest first, as JSON-ready data; ``before``: the ``id`` of the last row seen."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [dict(row._mapping) | {"at": to_iso(row.at)} for row in connection.execute(query)]
