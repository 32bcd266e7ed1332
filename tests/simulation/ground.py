"""Puts a world where the product looks for the machine, for chance, for its disk, and for other hosts."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from jupyter_flow.execution import identity
from jupyter_flow.model import faultpoint
from jupyter_flow.model.errors import Conflict
from jupyter_flow.service import among_hosts, callbacks, dispatch, guard, holding, host_row, recovery
from jupyter_flow.service.wake_up import WakeUp
from jupyter_flow.storage import database
from jupyter_flow.storage import host as stored_hosts

from .faults import Injected

SHARED_HEARTBEAT, SHARED_TTL = 6.0, 24.0
"""Three times as slow as the product's: worlds are cheaper then, and nothing else changes."""


class Ears(logging.Handler):
    """Hears what the product logs: an error that nobody injected is a violation."""

    def __init__(self, world: Any) -> None:
        super().__init__(logging.ERROR)
        self.world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (Injected, Conflict)):
            self.world.note(f"the product says: {type(error).__name__}")
        elif record.name.endswith(".guard") and error is None:  # one clear line about disk or database
            self.world.note("the host says what is wrong with its database")
        else:
            self.world.complain(f"the product logged an error: {record.getMessage()}: {error!r}")


class SimulatedHearing:
    """Stands in for the connection on which a host hears the others: late, sometimes lost, then opened again."""

    def __init__(self, world: Any, host_id: Callable[[], str], on_news: Callable[[WakeUp], None]) -> None:
        self.world = world
        self.host = world.host
        self.is_open = False
        self._host_id, self._on_news = host_id, on_news

    def keep_open(self) -> None:
        if not self.is_open:
            self.is_open = True
            self.world.hearings.append(self)
            self._on_news(WakeUp(slots=True, hosts=True, sweep=True))

    def close(self) -> None:
        self.is_open = False
        if self in self.world.hearings:
            self.world.hearings.remove(self)

    def tell(self, text: str) -> None:
        """Let ``text`` arrive some time, or find the connection lost."""
        chance = self.world.chance
        if chance.random() < 0.05 and not self.world.is_calm:
            self.world.note(f"{self.host.name} hears no more")
            self.close()
            return

        def arrive() -> None:
            if self.host.is_stopped:
                self.world.after(self.host.stopped_until - self.world.now + 0.001, f"{self.host.name} hears", arrive)
            elif self.is_open and not self.host.is_dead:
                news = WakeUp.from_text(text, self._host_id())
                if news is not None:
                    with self.world.inside(self.host):
                        self._on_news(news)
                    self.world.wake(self.host)

        delay = chance.uniform(0, 0.2) if chance.random() < 0.8 else chance.uniform(0, 5)
        self.world.after(delay, f"{self.host.name} hears", arrive)


@contextmanager
def in_place(world: Any) -> Iterator[None]:
    """Let the product find ``world`` wherever it looks out of its process."""
    numbers = random.Random(f"ids of {world.seed}")
    chosen = SimpleNamespace(uuid4=lambda: uuid.UUID(int=numbers.getrandbits(128), version=4))
    here = lambda: world.here  # noqa: E731
    census = SimpleNamespace(runner_of=lambda attempt_id: here().runner_of(attempt_id))
    known = SimpleNamespace(boot_id=lambda: here().boot_id, age=lambda ticks: here().age(ticks))
    patches: list[tuple[Any, str, Any]] = []
    for module in (dispatch, callbacks):
        patches.append((module, "uuid", chosen))
        if module.new_token.__module__ == "jupyter_flow.service.tokens":  # not a mutant's
            patches.append((module, "new_token", lambda: f"{numbers.getrandbits(128):x}"))
    for module in (recovery, callbacks):
        patches += [(module, "census", census), (module, "identity", known)]
    patches += [
        (identity, "facts", lambda pid: here().facts(pid)),
        (identity, "boot_id", lambda: here().boot_id),
        (guard, "_Probe", world.probe),
        (guard, "space_of", lambda folder: None),
        (guard, "_identity", lambda config: None),
        (recovery, "_void", lambda spool: here().void(spool.name)),
        (holding, "machine", lambda: here().boot_id),
        (holding, "facts", lambda pid: here().facts(pid)),
        (holding, "socket", SimpleNamespace(gethostname=lambda: here().name)),
        (holding, "place", lambda home: {"home": str(home), "hostname": here().name}),
        (holding, "has_bundle", lambda *given: True),
        (holding, "SHARED_TTL", SHARED_TTL),
        (host_row, "machine", lambda: here().boot_id),
        (host_row, "os", SimpleNamespace(getpid=lambda: world.host.pid)),
        (host_row, "uuid", chosen),
        (host_row, "SHARED_HEARTBEAT", SHARED_HEARTBEAT),
        (host_row, "SHARED_TTL", SHARED_TTL),
        (among_hosts, "Hearing", lambda url, selector, host_id, on_news: SimulatedHearing(world, host_id, on_news)),
        (database, "notify", lambda connection, text: world.told.append(text)),
    ]
    for module in (holding, host_row, stored_hosts):
        patches.append((module, "is_shared", lambda bind: world.is_shared))
    ears = Ears(world)
    logger = logging.getLogger("jupyter_flow")
    was = (logger.level, logger.propagate)
    with ExitStack() as stack:
        for module, name, value in patches:
            stack.enter_context(patch.object(module, name, value))
        logger.addHandler(ears)
        logger.setLevel(logging.ERROR)
        logger.propagate = False
        faultpoint.arm(world.at_faultpoint)
        try:
            yield
        finally:
            faultpoint.arm(None)
            logger.removeHandler(ears)
            logger.level, logger.propagate = was
