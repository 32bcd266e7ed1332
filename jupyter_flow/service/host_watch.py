"""Which other hosts stand still. No wall clock is compared with another's: a heartbeat has changed, or it has not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..model.rows import Host


class HostWatch:
    """Remembers when each host's heartbeat was first seen as it is. ``ttl``: seconds after which it stands still.

    Who has not looked for most of that time (it stood still itself, or had no database) begins to watch anew.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._seen: dict[str, tuple[datetime, float]] = {}
        self._looked_at: float | None = None

    def standing_still(self, hosts: Sequence[Host], now: float) -> list[Host]:
        """Return those of ``hosts``, read just now, whose heartbeat is too old at monotonic instant ``now``."""
        if self._looked_at is None or now - self._looked_at > 0.75 * self._ttl:
            self._seen.clear()
        self._looked_at = now
        known, self._seen = self._seen, {}
        found = []
        for host in hosts:
            beat, since = known.get(host.host_id, (host.heartbeat_at, now))
            since = since if beat == host.heartbeat_at else now
            self._seen[host.host_id] = (host.heartbeat_at, since)
            if now - since >= self._ttl:
                found.append(host)
        return found

    def next_instant(self) -> float | None:
        """Return the monotonic instant at which the first of the hosts stands still, if it gives no sign of life."""
        return min((since + self._ttl for _, since in self._seen.values()), default=None)
