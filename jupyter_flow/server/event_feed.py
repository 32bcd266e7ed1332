"""EventFeed: committed events, read once per push from the event table and handed to every socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..model.errors import FlowError
from ..model.instants import to_iso
from ..model.records import Actor
from ..service.clock import SystemClock
from .house_door import HouseDoor

log = logging.getLogger(__name__)

KEPT = 5_000
"""Events kept in memory, and the most that a client which was away gets replayed."""
PAGE = 500
_ACTOR = Actor(user="jupyter_server", auth="server")

Listener = Callable[[list[dict[str, Any]]], Awaitable[None]]


class EventFeed:
    """The newest events in id order. Lives in the server's event loop; knows no socket."""

    def __init__(self, door: HouseDoor) -> None:
        self._door = door
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._changed = asyncio.Condition()
        self._pushed = asyncio.Event()
        self._wanted = 0
        self._host_changes = 0
        self._reader: asyncio.Task[None] | None = None
        self.cursor: int | None = None
        self.host_state = "lost"

    def start(self, on_events: Listener) -> None:
        """Begin to read; ``on_events`` gets each page of new events too."""
        self._reader = asyncio.ensure_future(self._read(on_events))

    def stop(self) -> None:
        """Read no more."""
        if self._reader is not None:
            self._reader.cancel()

    def on_push(self, cursor: int) -> None:
        """The host committed: events up to ``cursor`` stand in the table."""
        self._wanted = cursor
        if self.cursor is None or cursor < self.cursor:  # the first push, or another database
            self.cursor = cursor
            self._kept.clear()
        self._pushed.set()

    def on_host(self, state: str) -> None:
        """The host itself came (``connected``) or went (``lost``, ``stopped``)."""
        self.host_state = state
        self._host_changes += 1
        self._pushed.set()

    async def start_cursor(self, asked: int | None) -> int:
        """Return the cursor from which a client is served: ``asked``, or now if that is too long ago or unknown."""
        newest = self.cursor if self.cursor is not None else await self._door.event_cursor()
        if asked is None or asked > newest or newest - asked > KEPT:
            return newest
        return asked

    async def after(self, cursor: int) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield pages of events with ids above ``cursor`` as they come, host changes among them; never ends."""
        seen_host = self._host_changes
        while True:
            page = await self._page(cursor)
            if page:
                cursor = page[-1]["id"]
                yield page
            elif seen_host != self._host_changes:
                seen_host = self._host_changes
                yield [self._host_event(cursor)]
            else:
                async with self._changed:
                    await self._changed.wait_for(
                        lambda: (self.cursor or 0) > cursor or seen_host != self._host_changes  # noqa: B023
                    )

    async def _page(self, cursor: int) -> list[dict[str, Any]]:
        if self.cursor is None or cursor >= self.cursor:
            return []
        if self._kept and self._kept[0]["id"] <= cursor + 1:
            return [event for event in self._kept if event["id"] > cursor][:PAGE]
        return list(await self._door.view(_ACTOR, "events_after", cursor=cursor, limit=PAGE))

    async def _read(self, on_events: Listener) -> None:
        while True:
            await self._pushed.wait()
            self._pushed.clear()
            while self.cursor is not None and self.cursor < self._wanted:
                try:
                    page = await self._door.view(_ACTOR, "events_after", cursor=self.cursor, limit=PAGE)
                except FlowError as error:
                    log.warning("Jupyter Flow: events were not read: %s", error)
                    break
                if not page:  # ids may be skipped by a rolled-back insert
                    self.cursor = self._wanted
                    break
                self._kept.extend(page)
                self.cursor = page[-1]["id"]
                await self._tell()
                with contextlib.suppress(FlowError):
                    await on_events(page)
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _host_event(self, cursor: int) -> dict[str, Any]:
        """No row of the table: the host cannot write down its own end."""
        names = ("seq", "dag_id", "run_id", "task_id", "map_index", "state_from")
        at = to_iso(SystemClock().wall())
        return {"id": cursor, "kind": "host_changed", **dict.fromkeys(names), "state_to": self.host_state, "at": at}
