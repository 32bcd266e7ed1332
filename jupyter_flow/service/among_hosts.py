"""A host among the others of its database: signs of life, what it hears, what it takes over, and its new beginnings."""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable
from contextlib import ExitStack

from ..model.errors import Conflict
from ..storage import attempts
from .desk import Desk
from .dispatch import CHECK_WITHIN
from .hearing import Hearing
from .holding import HostEnded
from .host_row import HostRow
from .house import House
from .recovery import recover
from .wake_up import WakeUp

log = logging.getLogger(__name__)

BEAT_AT_MOST = 0.5
"""Seconds that are at least between two beats."""
RENEW_AFTER = 20.0
"""Seconds between two looks at the rows of what is looked after: well within :data:`.dispatch.CHECK_WITHIN`."""
MOST_CONFLICTS = 5
"""Turns in a row that others' changes may spoil before that counts as a failure."""


class AmongHosts:
    """``next_beat``: monotonic instant of the next sign of life. ``must_begin_anew``: another host has ended this one.

    ``on_news`` is called with what other hosts tell. Without a ``selector`` nothing is heard.
    """

    def __init__(
        self,
        house: House,
        row: HostRow,
        selector: selectors.BaseSelector | None = None,
        on_news: Callable[[WakeUp], None] = lambda news: None,
        stack: ExitStack | None = None,
    ) -> None:
        self.house = house
        self.row = row
        self.next_beat = 0.0
        self.must_begin_anew = False
        self._renew_at = 0.0
        self._conflicts = 0
        self._hearing: Hearing | None = None
        if selector is not None and stack is not None and row.is_shared:
            self._hearing = Hearing(house.config.database, selector, lambda: row.host_id, on_news)
            stack.callback(self._hearing.close)

    def begin(self, desk: Desk) -> None:
        """Listen, look who else lives, take over what is free."""
        if self._hearing is not None:
            self._hearing.keep_open()
        desk.holding.look()
        recover(desk)

    def turn(self, desk: Desk) -> bool:
        """Let ``desk`` take a turn. What another host has changed meanwhile is read again, in the next one."""
        try:
            done = desk.turn()
        except HostEnded:
            self.must_begin_anew = True
            return False
        except Conflict as spoiled:
            self._conflicts += 1
            if not self.row.is_shared or self._conflicts > MOST_CONFLICTS:
                raise
            log.info("%s", spoiled)
            return False
        self._conflicts = 0
        return done

    def begin_anew(self, desk: Desk) -> bool:
        """Go on as a new host: another one has declared this one ended, and holds what it held."""
        desk.begin_anew(self.row.take_anew())
        try:
            recover(desk)
        except HostEnded:  # it stood still once more meanwhile: again, at once
            return False
        self.must_begin_anew = False
        log.warning("this host was declared ended while it stood still: it goes on as a new one")
        return False

    def beat(self, desk: Desk) -> bool:
        """Give a sign of life and look at the others; False: this process has to end."""
        now = self.house.clock.monotonic()
        self.next_beat = now + self.row.pause
        if not self.row.beat():
            self.must_begin_anew = self.row.is_shared
            if not self.row.is_shared:
                log.error("another host took over: this one ends")
            return self.row.is_shared
        if self.row.is_shared:
            self._look(desk, now)
        if now >= self._renew_at or not self.row.is_shared:
            self._renew_at = now + RENEW_AFTER
            self._renew(desk)
        return True

    def _look(self, desk: Desk, now: float) -> None:
        if self._hearing is not None:
            self._hearing.keep_open()
        desk.sweep.is_due = True
        try:
            if desk.holding.look() or desk.holding.has_missed:
                recover(desk)
        except HostEnded:
            self.must_begin_anew = True
        if (at := desk.holding.next_look()) is not None:
            self.next_beat = min(self.next_beat, max(at, now + BEAT_AT_MOST))

    def _renew(self, desk: Desk) -> None:
        """Write when somebody must look again at what is looked after here."""
        with self.house.writing("renewal") as connection:
            if len(desk.active):
                check_at = self.house.clock.wall() + CHECK_WITHIN
                attempts.set_check_at(connection, desk.active.ids(), check_at)
            desk.callbacks.seen_alive(connection)
            desk.sampler.save(connection)
