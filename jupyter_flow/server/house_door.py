"""HouseDoor: how handlers reach the house: views from the database (read only), commands over house.sock."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import DatabaseAway, NoHost
from ..model.records import Actor
from ..service import views
from ..service.house import House, open_house, usable
from ..wire.client import HouseClient

HOST_DEADLINE = 20.0
"""Seconds a command waits for a host that is being started."""
HEALTH_DEADLINE = 3.0
"""Seconds that a host may take to say how it is, before the database is asked about it."""
_PAUSE = 0.1


class HouseDoor:
    """Answers questions and passes commands on, in the threads of ``threads``. Safe to use from many requests.

    ``wake_host`` is called (from any thread) when a command finds no host; None if nobody starts one.
    ``host_trouble`` tells why no host could be started, None if that is not known.
    """

    def __init__(self, config: FlowConfig, threads: Executor) -> None:
        self.config = config
        self.wake_host: Callable[[], None] | None = None
        self.host_trouble: Callable[[], str | None] = lambda: None
        self._threads = threads
        self._lock = threading.Lock()
        self._exit = contextlib.ExitStack()
        self._house: House | None = None

    async def view(self, actor: Actor, name: str, /, **args: Any) -> Any:
        """Return what ``service.views.<name>``, or the operation ``name`` of the kind view, says.

        Raises its refusals; :class:`NoHost` before the first host.
        """
        return await self.in_thread(self._view, actor, name, args)

    async def look(self, function: Callable[..., Any], actor: Actor, /, **args: Any) -> Any:
        """Return what a view says that takes its time, and that the host is therefore never asked for."""
        return await self.in_thread(lambda: function(self._open(), actor, **args))

    async def event_cursor(self) -> int:
        """Return the id of the latest event; 0 before the first host."""
        try:
            return await self.in_thread(lambda: views.event_cursor(self._open()))
        except NoHost:
            return 0

    async def command(self, actor: Actor, op: str, /, **args: Any) -> Any:
        """Return the host's answer to ``op``; wakes a host first if none answers."""
        try:
            return await self.in_thread(self._call, actor, op, args)
        except DatabaseAway:
            raise
        except NoHost:
            if self.wake_host is None:
                raise
            self.wake_host()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + HOST_DEADLINE
        while not await self.in_thread(self._host_answers):
            if loop.time() > deadline:
                hint = f"no host answers for {self.config.home}: see host.log there, or `jupyter flow doctor`"
                raise NoHost(self.host_trouble() or hint)
            await asyncio.sleep(_PAUSE)
        return await self.in_thread(self._call, actor, op, args)

    async def in_thread(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Run a blocking ``function`` in one of our threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **named))

    def may_read(self, actor: Actor, dag_id: str) -> bool:
        """Tell whether ``actor`` may see changes of ``dag_id``."""
        return self._open().policy(actor, "read", dag_id)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._house = None
            self._exit.close()

    def _view(self, actor: Actor, name: str, args: dict[str, Any]) -> Any:
        if name == "health" and (known := self._health(actor)) is not None:
            return known
        try:
            with usable(self.config):
                if "." in name:
                    from ..service.doors import perform  # late: few requests need more than the usual views

                    return perform(self._open(), actor, name, args)
                document = getattr(views, name)(self._open(), actor, **args)
        except DatabaseAway:
            raise
        except NoHost as error:
            raise NoHost(self.host_trouble() or str(error)) from None
        if name == "health" and document["state"] == "stopped":
            document["message"] = self.host_trouble() or document["message"]
        return document

    def _health(self, actor: Actor) -> Any:
        """Return how the host says it is: it knows of troubles that no row tells. None if it does not answer."""
        try:
            with HouseClient(self.config.home, {"actor": actor.to_json()}, timeout=HEALTH_DEADLINE) as client:
                return client.call("host.status")
        except NoHost:
            return None

    def _call(self, actor: Actor, op: str, args: dict[str, Any]) -> Any:
        with HouseClient(self.config.home, {"actor": actor.to_json()}) as client:
            return client.call(op, **args)

    def _host_answers(self) -> bool:
        try:
            HouseClient(self.config.home, timeout=5).close()
        except NoHost:
            return False
        return True

    def _open(self) -> House:
        with self._lock:
            if self._house is None:
                self._house = self._exit.enter_context(open_house(self.config, write=False))
            return self._house
