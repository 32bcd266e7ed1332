"""Where the spool of an attempt is: in the home of the host that claimed it, which need not be this one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from ..model.rows import Attempt
from ..storage import host
from .house import House


def spool_of(connection: Connection, house: House, attempt: Attempt) -> Path:
    """Return the folder of an attempt. It may not exist: a host on another machine has it there."""
    own = house.spool / attempt.id
    if own.exists():
        return own
    claimer = host.by_ids(connection, [attempt.host_id]).get(attempt.host_id)
    return own if claimer is None or not claimer.home else Path(claimer.home) / "spool" / attempt.id
