"""Hosts: the lease that makes a process the host of its home, and its heartbeat.

On a database of one host whoever takes the lease ends every earlier row. Where several hosts share the database, only
earlier rows of the same home on the same machine end: their file lock is free, so that they are dead.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from ..model.errors import Conflict
from ..model.rows import Host
from .database import is_shared
from .events import append
from .schema import host
from .types import UtcDateTime

_OPEN = select(host).where(host.c.ended_at.is_(None)).order_by(host.c.id)


def take_lease(
    connection: Connection,
    *,
    host_id: str,
    hostname: str,
    pid: int,
    boot_id: str | None,
    version: str,
    now: datetime,
    ttl: timedelta,
    force: bool = False,
    home: str = "",
    queues: Collection[str] = (),
    dag_folders: Collection[str] = (),
) -> Host:
    """Make ``host_id`` the host of ``home``. ``force``: its file lock is held, so that any other holder is dead.

    ``queues`` and ``dag_folders``: what it serves. Raises :class:`Conflict` naming the pid of a holder whose lease
    still runs.
    """
    holder = current_host(connection, home, hostname)
    if holder is not None and not force and holder.lease_until > now:
        raise Conflict(
            f"a host is running already (pid {holder.pid} on {holder.hostname}): stop it with `jupyter flow stop`"
        )
    earlier = update(host).where(host.c.ended_at.is_(None))
    if is_shared(connection):
        earlier = earlier.where(host.c.home == home, host.c.hostname == hostname)
    connection.execute(earlier.values(ended_at=now))
    values = {
        "host_id": host_id,
        "hostname": hostname,
        "pid": pid,
        "boot_id": boot_id,
        "version": version,
        "started_at": now,
        "heartbeat_at": now,
        "lease_until": now + ttl,
        "home": home,
        "queues": sorted(queues),
        "dag_folders": sorted(dag_folders),
    }
    row = connection.execute(insert(host).returning(host), values).one()
    append(connection, "host_changed", now)
    return _to_host(row)


def last_seen(connection: Connection) -> datetime | None:
    """Return the latest instant at which a host was seen, by its own clock."""
    query = select(func.max(func.coalesce(host.c.ended_at, host.c.heartbeat_at), type_=UtcDateTime()))
    latest: datetime | None = connection.execute(query).scalar_one()
    return latest


def heartbeat(connection: Connection, host_id: str, now: datetime, ttl: timedelta) -> bool:
    """Extend the lease; False if another host has taken it: then stop at once."""
    done = connection.execute(
        update(host)
        .where(host.c.host_id == host_id, host.c.ended_at.is_(None))
        .values(heartbeat_at=now, lease_until=now + ttl)
    )
    return done.rowcount == 1


def end_host(connection: Connection, host_id: str, now: datetime) -> None:
    """Give the lease back."""
    ended = update(host).where(host.c.host_id == host_id, host.c.ended_at.is_(None))
    if connection.execute(ended.values(ended_at=now, lease_until=now)).rowcount:
        append(connection, "host_changed", now)


def current_host(connection: Connection, home: str = "", hostname: str = "") -> Host | None:
    """Return the host that holds the lease of ``home``; whether it lives say its heartbeat and its pid."""
    query = select(host).where(host.c.ended_at.is_(None))
    if is_shared(connection):
        query = query.where(host.c.home == home, host.c.hostname == hostname)
    row = connection.execute(query.order_by(host.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _to_host(row)


def open_hosts(connection: Connection) -> list[Host]:
    """Return all hosts that have not ended as far as is known, the oldest first."""
    return [_to_host(row) for row in connection.execute(_OPEN)]


def homes_on(connection: Connection, boot_id: str) -> list[str]:
    """Return the homes of all hosts, living or ended, of one boot of one machine."""
    query = select(host.c.home).where(host.c.boot_id == boot_id, host.c.home != "").distinct().order_by(host.c.home)
    return list(connection.execute(query).scalars())


def by_ids(connection: Connection, host_ids: Collection[str]) -> dict[str, Host]:
    """Return hosts by their id, ended ones too."""
    found = connection.execute(select(host).where(host.c.host_id.in_(list(host_ids)))) if host_ids else ()
    return {row.host_id: _to_host(row) for row in found}


def _to_host(row: Row[Any]) -> Host:
    return Host(
        host_id=row.host_id,
        hostname=row.hostname,
        pid=row.pid,
        boot_id=row.boot_id,
        version=row.version,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
        lease_until=row.lease_until,
        ended_at=row.ended_at,
        home=row.home,
        queues=tuple(row.queues or ()),
        dag_folders=tuple(row.dag_folders or ()),
    )
