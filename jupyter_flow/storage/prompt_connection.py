"""Connections that give up on a server which accepts statements and never answers."""

from __future__ import annotations

from functools import cache
from time import monotonic
from typing import Any


@cache
def prompt_connection(driver: Any, patience: float) -> Any:
    """Return the driver's class of connections with waits that end after ``patience`` seconds, by OperationalError.

    A connection that is to do long work has another number in its attribute ``patience``.

    A timeout of the server's own cannot do this: it is the server that would have to count.
    """

    class PromptConnection(driver.Connection):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.patience = patience

        def wait(self, gen: Any, *more: Any, **named: Any) -> Any:
            """Wait for an answer of the server, not for ever. Who says how long (for notices) waits as long."""
            if more or named:
                return super().wait(gen, *more, **named)
            return super().wait(self._bounded(gen), interval=0.5)

        def _bounded(self, gen: Any) -> Any:
            """Hand on what ``gen`` waits for, and what it gets, until the patience is over."""
            deadline = monotonic() + self.patience
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and monotonic() > deadline:
                        gen.close()
                        self.pgconn.finish()
                        raise driver.OperationalError(f"the server has not answered for {self.patience:g} s")
                    wanted = gen.send(ready)
            except StopIteration as end:
                return end.value

    return PromptConnection
