"""Where a host waits for a database that does not answer yet: it holds the lease, and says what it waits for."""

from __future__ import annotations

import logging
import selectors
from contextlib import ExitStack
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import DatabaseAway
from ..storage import database
from ..wire.paths import house_socket
from .clock import Clock, SystemClock
from .house_socket import HouseSocket, Peer
from .lease import Lease
from .trouble import Trouble
from .without_database import health_from_memory

log = logging.getLogger(__name__)

ASK_EVERY = 1.0


class WaitingRoom:
    """Serves ``house.sock`` with one sentence (``why``) until the database answers."""

    def __init__(self, config: FlowConfig, why: str, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._began = self._clock.wall()
        self._why = f"the host waits: {why}"
        self._trouble = Trouble("database_away", self._began, self._why)
        self._is_told_to_end = False

    def wait(self) -> bool:
        """Wait; False if somebody ended the host meanwhile. Raises :class:`..model.errors.Conflict`."""
        log.warning("%s", self._why)
        with ExitStack() as stack:
            stack.enter_context(Lease.take(self._config.home, self._began))
            selector = stack.enter_context(selectors.DefaultSelector())
            door = HouseSocket(house_socket(self._config.home), selector, self._on_message)
            stack.callback(door.close)
            next_try = self._clock.monotonic() + ASK_EVERY
            while not self._is_told_to_end:
                for key, mask in selector.select(max(0.0, next_try - self._clock.monotonic())):
                    key.data(mask)
                if self._clock.monotonic() >= next_try:
                    if self._answers():
                        log.info("the database answers again")
                        return True
                    next_try = self._clock.monotonic() + ASK_EVERY
        return False

    def _answers(self) -> bool:
        try:
            database.probe(self._config.database)
        except Exception as error:
            if database.failure_of(error) in ("away", "locked"):
                return False
        return True  # it answers; whether it is of use will be seen

    def _on_message(self, peer: Peer, message: dict[str, Any]) -> None:
        op, answer = message.get("op"), {"id": message.get("id")}
        if op in ("host.status", "host.resume"):
            answer["ok"] = health_from_memory(self._config, [self._trouble], self._began)
        elif op == "host.stop":
            self._is_told_to_end = True
            answer["ok"] = {}
        elif op == "events.subscribe":
            answer["ok"] = {"cursor": 0}
        else:
            answer["error"] = {"code": DatabaseAway.code, "message": self._why}
        peer.send(answer)
