"""Questions to the helper in a notebook's kernel: whether all that it has sent to the house has arrived."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from .messages import HouseMessages
from .run_ends import Ended

_PAUSE_WITHIN = 30.0
"""Seconds for the helper of a kernel that is to be kept to answer."""

Execute = Callable[[dict[str, str]], Awaitable[dict[str, Any]]]


class HelperTalk:
    """Asks the helper by ``execute``, which evaluates expressions in the kernel and returns its reply.

    ``messages``: what has arrived. ``is_there``: whether the kernel has a helper.
    """

    def __init__(self, execute: Execute, messages: HouseMessages, say: Callable[[str], None]) -> None:
        self._execute, self._messages, self._say = execute, messages, say
        self.is_there = False

    async def fetch_all(self) -> int:
        """Take all that the helper has sent, whether it has arrived or not; return how many messages were new."""
        return self._messages.replace(json.loads(await self._ask("_all_sent")))

    async def collect(self, cell: int) -> None:
        """Make sure that every message to the house has arrived; fetch what an output storm lost.

        Raises TaskFailure, in ``cell``, if that is not possible.
        """
        if not self.is_there:
            if count := self._messages.missing:
                raise _lost(count, cell, "this kernel cannot be asked for them again")
            return
        try:
            summary = json.loads(await self._ask("_summary"))
            if not self._messages.agrees(summary["count"], summary["digest"]):
                new = await self.fetch_all()
                self._say(f"{new} messages to the house were lost in an output storm and fetched again")
            if not self._messages.agrees(summary["count"], summary["digest"]):
                raise ValueError("what was fetched does not agree with what was sent")
        except (ValueError, KeyError, TypeError) as error:
            raise _lost(max(self._messages.missing, 1), cell, str(error)) from None

    async def pause(self) -> None:
        """Before the kernel of a failed cell is kept, have its helper note how much of what it sent was the task's."""
        if self.is_there:
            with contextlib.suppress(Ended, ValueError, TimeoutError):
                await asyncio.wait_for(self._ask("_pause"), _PAUSE_WITHIN)

    async def _ask(self, function: str) -> str:
        reply = await self._execute({"flow": f"__import__('jupyter_flow_helper').{function}()"})
        answer = reply.get("user_expressions", {}).get("flow", {})
        if answer.get("status") != "ok":
            raise ValueError(f"the helper does not answer: {answer.get('evalue', 'no answer')}")
        return str(ast.literal_eval(answer["data"]["text/plain"]))


def _lost(count: int, cell: int, message: str) -> TaskFailure:
    return TaskFailure(Reason("outputs_lost", {"count": count, "cell": cell, "message": message}))
