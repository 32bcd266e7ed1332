"""The row by which a host is known to others: taken at the start, renewed by each sign of life, ended at the end."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from .. import __version__
from ..storage import host
from ..storage.database import failure_of, failure_text, is_shared
from .holding import SHARED_HEARTBEAT, SHARED_TTL, machine
from .house import House
from .wake_up import WakeUp, send

log = logging.getLogger(__name__)

HEARTBEAT = 10.0
"""Seconds between two signs of life of the only host of a database."""
LEASE_TTL = 60.0


class HostRow:
    """``host_id``: of this process, another one each time that it begins anew. ``pause``: seconds between two beats.

    ``where``: what :func:`.lease.place` says of the home.
    """

    def __init__(self, house: House, host_id: str, where: Mapping[str, str]) -> None:
        self.house = house
        self.host_id = host_id
        self.is_shared = house.engine is not None and is_shared(house.engine)
        self.pause = SHARED_HEARTBEAT if self.is_shared else HEARTBEAT
        self._where = where
        self._ttl = timedelta(seconds=SHARED_TTL if self.is_shared else LEASE_TTL)

    def take(self) -> datetime | None:
        """Become the host of this home; return when any host was last seen."""
        config = self.house.config
        with self.house.writing("lease") as connection:
            earlier = host.last_seen(connection)
            host.take_lease(
                connection,
                host_id=self.host_id,
                **self._where,
                queues=config.queues,
                dag_folders=[str(folder.resolve()) for folder in config.dag_folders],
                pid=os.getpid(),
                boot_id=machine(),
                version=__version__,
                now=self.house.clock.wall(),
                ttl=self._ttl,
                force=True,
            )
            send(connection, self.host_id, WakeUp(hosts=True))
        return earlier

    def take_anew(self) -> str:
        """Become the host again under another id, after another host has declared this one ended."""
        self.host_id = uuid.uuid4().hex
        self.take()
        return self.host_id

    def beat(self) -> bool:
        """Give a sign of life; False if this host was declared ended. It waits for no other host's transaction."""
        with self.house.writing("heartbeat", False) as connection:
            return host.heartbeat(connection, self.host_id, self.house.clock.wall(), self._ttl)

    def end(self) -> None:
        """Give the lease back. If the database does not take that, others will see that this host is gone."""
        try:
            with self.house.writing("release") as connection:
                host.end_host(connection, self.host_id, self.house.clock.wall())
                send(connection, self.host_id, WakeUp(hosts=True))
        except Exception as error:
            if failure_of(error) is None:
                raise
            log.warning("the end of this host is not written down: %s", failure_text(error))
