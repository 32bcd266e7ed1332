"""A head start: what a host begins before it has read the rest of its own code.

It holds the lease first. After a host that was killed there is work that waits, and what starts tasks takes about as
long to come up as the host itself: so both come up side by side.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from ..execution.choose import make_executor
from ..execution.executor import Executor
from ..model.config import FlowConfig
from .lease import Lease


class HeadStart:
    """The lease, and an executor if one was made already; it is closed here unless a host took it."""

    def __init__(self, config: FlowConfig, lease: Lease) -> None:
        self._config, self._lease = config, lease
        self._executor: Executor | None = None

    @classmethod
    def take(cls, config: FlowConfig, now: datetime) -> Self:
        """Take the lease of the home. Raises what :meth:`.lease.Lease.take` raises."""
        return cls(config, Lease.take(config.home, now))

    def warm(self) -> None:
        """Begin to start what starts tasks, if an earlier host was killed."""
        if self._lease.is_inherited and self._config.executor == "local":
            self._executor = make_executor(self._config)
            self._executor.launcher.warm("light")

    def take_executor(self) -> Executor:
        """Return the executor; it is the caller's to close."""
        executor, self._executor = self._executor, None
        return executor or make_executor(self._config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._executor is not None:
            self._executor.close()
        self._lease.release()
