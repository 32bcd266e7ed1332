"""LogFollow and CellsFollow: the lines of one attempt, or what happens to its cells, as they are written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from ..model.records import Actor
from .house_door import HouseDoor

LOOK_AGAIN = 0.2
"""Seconds between looks at the size of the file, only while somebody follows a running attempt."""


@dataclass(frozen=True)
class LogTarget:
    """Which log: an attempt number, or None for the newest attempt at the time of asking."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    attempt: int | None = None

    @classmethod
    def from_json(cls, wish: Any) -> LogTarget:
        """Read a client's message. Raises ValueError."""
        if not isinstance(wish, dict):
            raise ValueError("a message is a JSON object")
        map_index, attempt = wish.get("map_index", -1), wish.get("attempt")
        if type(map_index) is not int or not (attempt is None or type(attempt) is int):
            raise ValueError("map_index and attempt are whole numbers")
        return cls(str(wish.get("dag_id")), str(wish.get("run_id")), str(wish.get("task_id")), map_index, attempt)

    def instance(self) -> dict[str, Any]:
        """Return the ids of the task instance."""
        return {key: value for key, value in asdict(self).items() if key != "attempt"}


class LogFollow:
    """Reads one log from the line after ``after`` until its attempt has ended and nothing is left."""

    kind = "log"
    file = "log.jsonl"

    def __init__(self, door: HouseDoor, actor: Actor, target: LogTarget, after: int) -> None:
        self.target = target
        self._door = door
        self._actor = actor
        self._after = after
        self._nudged = asyncio.Event()

    def on_event(self, event: dict[str, Any]) -> None:
        """Look at once if ``event`` is about our task instance: its attempt may have begun or ended."""
        if event["task_id"] == self.target.task_id and event["run_id"] == self.target.run_id:
            self._nudged.set()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield ``{…ids, "attempt_number", "lines", "complete"}``; the last one is complete. Raises FlowError."""
        number = self.target.attempt
        size = -1
        while True:
            ids = self.target.instance()
            answer = await self._door.view(self._actor, "task_log", **ids, attempt=number, after=self._after)
            number = answer["attempt_number"] or None  # none yet
            if lines := answer["lines"]:
                self._after = lines[-1]["seq"]
            done = answer["complete"] and not lines
            if lines or done:
                message = {"attempt_number": number, "lines": lines, "complete": done}
                yield {**ids, "attempt": self.target.attempt, **message}
            if done:
                return
            if not lines:
                size = await self._change(ids, number, size)

    async def _change(self, ids: dict[str, Any], number: int | None, size: int) -> int:
        """Wait until the file has another size than ``size``, or an event says that something happened."""
        task = await self._door.view(self._actor, "show_task", **ids)
        names = [item["attempt_id"] for item in task["attempts"] if item["attempt_number"] == number]
        while True:
            now = await self._door.in_thread(self._size, names[0]) if names else size
            if now != size or self._nudged.is_set():
                self._nudged.clear()
                return now
            try:
                await asyncio.wait_for(self._nudged.wait(), LOOK_AGAIN)
            except TimeoutError:
                continue

    def _size(self, attempt_id: str) -> int:
        try:
            return os.lstat(self._door.config.home / "spool" / attempt_id / self.file).st_size
        except OSError:
            return -1


class CellsFollow(LogFollow):
    """Reads what happens to the cells of an executed notebook, in the same way."""

    kind = "cells"
    file = "cells.jsonl"

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield ``{…ids, "attempt_number", "events", "seq", "complete"}``; the last one is complete."""
        number = self.target.attempt
        size = -1
        while True:
            ids = self.target.instance()
            answer = await self._door.view(self._actor, "tasks.cells", **ids, attempt=number, after=self._after)
            number = answer["attempt_number"] or None
            is_new = answer["seq"] > self._after
            self._after = answer["seq"]
            done = answer["complete"] and not is_new
            if is_new or done:
                yield {**answer, **ids, "attempt": self.target.attempt, "attempt_number": number, "complete": done}
            if done:
                return
            if not is_new:
                size = await self._change(ids, number, size)
