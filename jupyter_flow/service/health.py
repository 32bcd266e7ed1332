"""How the house is: the health document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ..model.instants import iso_or_none
from ..model.records import Actor
from ..model.rows import Host
from ..storage import dag_files, host, queries
from ..storage.database import is_shared
from .authorize import authorize
from .documents import Document
from .house import House
from .lease import is_held, place
from .trouble import first_message

LATE_AFTER = timedelta(seconds=45)
"""A host whose heartbeat is older than this is not well (it beats every 10 s)."""


def health(house: House, actor: Actor) -> Document:
    """State of the house: ``healthy``, ``degraded`` (``message`` says why), or ``stopped`` without a host."""
    authorize(house.policy, actor, "read")
    now = house.clock.wall()
    with house.reading() as connection:
        is_one_of_many = is_shared(connection)
        living = [item for item in host.open_hosts(connection) if now - item.heartbeat_at <= LATE_AFTER]
        row = host.current_host(connection, **place(house.config.home))
        running, queued = queries.activity(connection)
        errors = len(dag_files.list_problems(connection, kind="error"))
    troubles = house.effects.troubles()
    if row is None or row.ended_at is not None or not is_held(house.config.home):
        state, message, row = "stopped", "no host runs: start JupyterLab or `jupyter flow scheduler`", None
    elif troubles:
        state, message = "degraded", first_message(troubles)
    elif now - row.heartbeat_at > LATE_AFTER:
        state, message = "degraded", _not_heard(row)
    elif is_one_of_many and (warning := _difference(living)):
        state, message = "degraded", warning
    else:
        state, message = "healthy", ""
    return {
        "state": state,
        "message": message,
        "trouble": [trouble.to_json() for trouble in troubles],
        "host": None
        if row is None
        else {
            "pid": row.pid,
            "started_at": iso_or_none(row.started_at),
            "heartbeat_at": iso_or_none(row.heartbeat_at),
            "version": row.version,
        },
        "hosts": [_host(item) for item in (living if is_one_of_many else [row] if row is not None else [])],
        "running": running,
        "queued": queued,
        "parallelism": house.config.parallelism,
        "dag_folders": [str(folder.resolve()) for folder in house.config.dag_folders],
        "import_errors": errors,
    }


def _not_heard(row: Host) -> str:
    """Return what is said of a host whose heartbeat is late."""
    where = "`jupyter flow stop`, and look into host.log"
    return f"the host (pid {row.pid}) has not been heard since {iso_or_none(row.heartbeat_at)}: end it with {where}"


def _host(item: Host) -> Document:
    return {
        "hostname": item.hostname,
        "home": item.home,
        "pid": item.pid,
        "version": item.version,
        "started_at": iso_or_none(item.started_at),
        "heartbeat_at": iso_or_none(item.heartbeat_at),
        "queues": list(item.queues),
        "dag_folders": list(item.dag_folders),
    }


def _difference(living: Sequence[Host]) -> str:
    """Say which hosts do not see the same DAG folders; empty if all do."""
    for item in living[1:]:
        if set(item.dag_folders) != set(living[0].dag_folders):
            one, other = (f"{', '.join(host.dag_folders)} ({host.hostname})" for host in (living[0], item))
            return f"hosts of this database have different DAG folders: {one} and {other}; give all the same paths"
    return ""
