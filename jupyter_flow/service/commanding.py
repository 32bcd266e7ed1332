"""What every command shares: who may do it, one transaction, one audit row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ..model.errors import FlowError
from ..model.records import Actor
from ..storage import audit
from .authorize import HOUSE, Verb, authorize
from .house import House


@contextmanager
def command(
    house: House,
    actor: Actor,
    name: str,
    verb: Verb,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    task_id: str | None = None,
    arguments: dict[str, Any] | None = None,
) -> Iterator[tuple[Connection, datetime]]:
    """Hold the transaction of one command. Its audit row is committed with it; a refusal leaves one too."""
    now = house.clock.wall()
    about: dict[str, Any] = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "arguments": arguments}
    try:
        authorize(house.policy, actor, verb, dag_id if dag_id is not None else HOUSE)
        with house.writing(name.rpartition(".")[2]) as connection:
            yield connection, now
            audit.record(connection, actor, name, now, **about)
    except FlowError as error:
        with house.writing("refusal") as connection:
            audit.record(connection, actor, name, now, **about, outcome=error.code, message=str(error))
        raise
