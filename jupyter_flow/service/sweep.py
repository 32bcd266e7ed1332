"""What a host looks for from time to time: what it would know already if every notification had come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ..execution.executor import Problem
from ..model.rows import Host
from ..storage import edits, holding, host, waits
from ..storage.types import AT_ONCE
from .active import Active, ActiveAttempts
from .book import RunBook
from .ends import Ended
from .holding import Holding
from .wake_up import WakeUp


class Sweep:
    """``is_due``: the next turn begins with it. ``lost_after``: seconds until attempts of a host on another machine,
    counted from when this one first found it gone, are lost.
    """

    def __init__(self, book: RunBook, active: ActiveAttempts, own: Holding, lost_after: float) -> None:
        self._book = book
        self._active = active
        self._holding = own
        self._lost_after = lost_after
        self._gone: dict[str, float] = {}
        self.is_due = False

    def transact(self, connection: Connection, now: datetime, monotonic: float) -> list[Ended]:
        """Have read again what may have changed; return attempts whose host has been gone for too long."""
        queued = holding.queued(connection)
        known = {run_id for runs in self._book.queued.values() for run_id in runs}
        for dag_run_id in queued.keys() ^ known:
            self._book.distrust(dag_run_id)
        overdue = holding.overdue(connection, self._holding.host_id, now)
        holding.hold(connection, overdue, self._holding.host_id, now)
        for dag_run_id in overdue:
            self._book.distrust(dag_run_id)
        for item in self._active:
            if item.row.dag_run_id not in self._book.running:
                self._book.distrust(item.row.dag_run_id)  # its holder may want its end
        return self._lost(connection, monotonic)

    def take_word(self, connection: Connection, now: datetime, clock_is_back: bool = False) -> None:
        """Have read again what others have changed and left word of, whether they have told of it or not.

        In the transaction of a turn, so that nothing is decided by what is not so any more. ``clock_is_back``: it was
        set back, and what waits would wait for too long.
        """
        if clock_is_back:
            own = self._holding.host_id if self._holding.is_shared else None
            for dag_run_id in waits.shorten(connection, now, own):
                self._book.distrust(dag_run_id)
        if self._holding.is_shared:
            changed = holding.overdue(connection, self._holding.host_id, AT_ONCE)
            holding.hold(connection, changed, self._holding.host_id, now)
            for dag_run_id in changed:
                self._book.distrust(dag_run_id)

    def leave_word(self, connection: Connection, changed: set[int], news: WakeUp) -> None:
        """Leave word for the holders of runs of which this host has ``changed`` something, or that follow others."""
        if self._holding.is_shared:
            edits.look_again(connection, changed)
            news.runs |= changed
            news.past |= self._book.past_changed
        self._book.past_changed.clear()

    def _lost(self, connection: Connection, monotonic: float) -> list[Ended]:
        found = holding.left_behind(connection, self._holding.host_id)
        left = [item for item in found if self._active.get(item[0]) is None]
        owners = host.by_ids(connection, {owner for _, _, owner in left})
        self._gone = {owner: self._gone.get(owner, monotonic) for _, _, owner in left}
        return [
            Ended(Active(attempt_id, row, False, None, None), Problem("missing", _words(known)))
            for attempt_id, row, owner in left
            for known in [owners.get(owner)]
            if monotonic - self._gone[owner] >= self._lost_after
        ]


def _words(known: Host | None) -> str:
    return "its host is gone" if known is None else f"its host, pid {known.pid} on {known.hostname}, is gone"
