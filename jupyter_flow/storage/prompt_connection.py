"""Connections that give up on a server which accepts statements and never answers, and need not ask if it is there."""

from __future__ import annotations

import select
from functools import cache
from time import monotonic
from typing import Any

HEARD_WITHIN = 2.0
"""Seconds for which a server that has answered, and has not ended the connection since, counts as being there."""


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
            self._heard_at = monotonic()

        def is_there(self) -> bool:
            """Tell, without a question to the server, whether it need not be asked if it still is there.

            It has answered a moment ago, and nothing has come from it since, as does when it ends a connection.
            """
            if self.closed or monotonic() - self._heard_at > HEARD_WITHIN:
                return False
            look = select.poll()
            look.register(self.pgconn.socket, select.POLLIN)
            return not look.poll(0)

        def wait(self, gen: Any, *more: Any, **named: Any) -> Any:
            """Wait for an answer of the server, not for ever. Who says how long (for notices) waits as long."""
            if more or named:
                return super().wait(gen, *more, **named)
            answer = super().wait(self._bounded(gen), interval=0.5)
            self._heard_at = monotonic()
            return answer

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
