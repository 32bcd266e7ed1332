"""Hosts: the lease that makes one of them the writer, and its heartbeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from ..model.errors import Conflict
from ..model.rows import Host
from .events import append
from .schema import host
from .types import UtcDateTime


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
) -> Host:
    """Make ``host_id`` the host. ``force``: its file lock is held, so that any other holder is dead.

    Raises :class:`Conflict` naming the pid of a holder whose lease still runs.
    """
    holder = current_host(connection)
    if holder is not None and not force and holder.lease_until > now:
        raise Conflict(
            f"a host is running already (pid {holder.pid} on {holder.hostname}): stop it with `jupyter flow stop`"
        )
    connection.execute(update(host).where(host.c.ended_at.is_(None)).values(ended_at=now))
    values = {
        "host_id": host_id,
        "hostname": hostname,
        "pid": pid,
        "boot_id": boot_id,
        "version": version,
        "started_at": now,
        "heartbeat_at": now,
        "lease_until": now + ttl,
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


def current_host(connection: Connection) -> Host | None:
    """Return the host that holds the lease; whether it lives say its heartbeat and its pid."""
    row = connection.execute(
        select(host).where(host.c.ended_at.is_(None)).order_by(host.c.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _to_host(row)


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
    )
