"""The WebSocket `events`: a cursor, replay from the event table, and following of logs and running notebooks."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..model.errors import FlowError
from ..model.ids import check_id
from .event_feed import EventFeed
from .flow_handler import actor_of
from .house_door import HouseDoor
from .log_follow import CellsFollow, LogFollow, LogTarget

MOST_FOLLOWED = 16
MAX_MESSAGE = 16_384
RESOURCE = "jupyter_flow:events"
FOLLOWS: dict[str, tuple[type[LogFollow], str]] = {
    "log": (LogFollow, "jupyter_flow:logs"),
    "cells": (CellsFollow, "jupyter_flow:notebooks"),
}
"""What can be followed: by whom it is read, and the resource that one must be allowed to read."""


class EventSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One client. What it may not read is left out of its stream."""

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade, if the user may read events."""
        if not await self._may("read", RESOURCE):
            raise HTTPError(403, "this user may not read events")
        await super().get(*args, **kwargs)

    async def _may(self, action: str, resource: str) -> bool:
        return bool(await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, resource)))

    @property
    def _door(self) -> HouseDoor:
        return self.settings["jupyter_flow_door"]

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Greet and begin to send."""
        super().open(*args, **kwargs)
        self._actor = actor_of(self)
        self._follows: dict[tuple[str, LogTarget], tuple[LogFollow, asyncio.Task[None]]] = {}
        asked = self.get_query_argument("cursor", "")
        cursor = int(asked) if asked.isdecimal() and len(asked) < 19 else None
        self._sender = asyncio.ensure_future(self._send_events(cursor))

    def on_close(self) -> None:
        """End what was begun for this client."""
        for task in [self._sender, *(task for _, task in self._follows.values())]:
            task.cancel()
        super().on_close()

    async def on_message(self, message: str | bytes) -> None:
        """Follow or unfollow a log or a notebook."""
        try:
            if len(message) > MAX_MESSAGE:
                raise ValueError(f"a message is over {MAX_MESSAGE} bytes")
            wish = json.loads(message)
            target = LogTarget.from_json(wish)
            for what in ("dag_id", "run_id", "task_id"):
                check_id(getattr(target, what), what)
            kind = wish.get("type")
        except (ValueError, RecursionError, TypeError, AttributeError, FlowError) as error:
            await self._send({"type": "error", "message": f"not understood: {error}"})
            return
        what, _, act = str(kind).partition(".")
        if what not in FOLLOWS or act not in ("follow", "unfollow"):
            known = ", ".join(f"{name}.follow, {name}.unfollow" for name in FOLLOWS)
            await self._send({"type": "error", "message": f"known are {known}"})
        elif act == "unfollow":
            self._unfollow(what, target)
        else:
            await self._follow(what, target, wish.get("after"))

    async def _follow(self, what: str, target: LogTarget, after: Any) -> None:
        reader, resource = FOLLOWS[what]
        if not await self._may("read", resource):
            await self._send({"type": "error", "message": f"this user may not read {resource.partition(':')[2]}"})
            return
        self._unfollow(what, target)
        self._follows = {key: pair for key, pair in self._follows.items() if not pair[1].done()}
        if len(self._follows) >= MOST_FOLLOWED:
            await self._send({"type": "error", "message": f"more than {MOST_FOLLOWED} logs followed at once"})
            return
        start = after if isinstance(after, int) and after > 0 else 0
        follow = reader(self._door, self._actor, target, start)
        self._follows[what, target] = (follow, asyncio.ensure_future(self._send_followed(follow)))

    def _unfollow(self, what: str, target: LogTarget) -> None:
        if pair := self._follows.pop((what, target), None):
            pair[1].cancel()

    async def _send_events(self, asked: int | None) -> None:
        feed: EventFeed = self.settings["jupyter_flow_feed"]
        try:
            cursor = await feed.start_cursor(asked)
            await self._send({"type": "hello", "cursor": cursor})
            async for page in feed.after(cursor):
                for event in page:
                    for follow, _ in self._follows.values():
                        follow.on_event(event)
                    if event["dag_id"] is None or self._door.may_read(self._actor, event["dag_id"]):
                        await self._send({**event, "type": "event"})
        except FlowError as error:
            self.close(1011, str(error)[:120])

    async def _send_followed(self, follow: LogFollow) -> None:
        try:
            async for message in follow.messages():
                await self._send({**message, "type": follow.kind})
        except FlowError as error:
            refusal = {"type": f"{follow.kind}.error", "message": str(error)}
            await self._send({**follow.target.instance(), **refusal})

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self.write_message(json.dumps(message, separators=(",", ":")))
        except WebSocketClosedError:
            self.close()
