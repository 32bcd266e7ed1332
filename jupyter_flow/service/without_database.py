"""What a host can answer while its database is away: how it is, from memory, and how it is to end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..model.config import FlowConfig
from ..model.instants import iso_or_none
from .documents import Document
from .trouble import Trouble, first_message

if TYPE_CHECKING:
    from .host import Host


def perform(host: Host, op: str, args: Mapping[str, Any]) -> Document:
    """Perform one operation of ``house.sock``. Raises :class:`..model.errors.DatabaseAway` for all but a few."""
    if op == "host.stop":
        host.stop(bool(args.get("tasks", False)), bool(args.get("finish", False)))
        return {}
    if op == "host.resume":
        host.resume()
    elif op != "host.status":
        raise host.guard.refusal()
    started = sum(active.started for active in host.desk.active)
    waiting = len(host.desk.active) - started
    return health_from_memory(host.config, host.guard.troubles.list(), host.started_at, started, waiting)


def health_from_memory(
    config: FlowConfig, troubles: list[Trouble], started_at: datetime, running: int = 0, queued: int = 0
) -> Document:
    """Return the health document of this process without a look into the database."""
    return {
        "state": "degraded",
        "message": first_message(troubles),
        "trouble": [item.to_json() for item in troubles],
        "host": {
            "pid": os.getpid(),
            "started_at": iso_or_none(started_at),
            "heartbeat_at": None,
            "version": __version__,
        },
        "hosts": [],
        "running": running,
        "queued": queued,
        "parallelism": config.parallelism,
        "dag_folders": [str(folder.resolve()) for folder in config.dag_folders],
        "import_errors": 0,
    }
