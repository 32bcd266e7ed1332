"""What is kept ready for notebooks: waiting kernels and the images that runners and kernels are forked from.

They are made shortly before a notebook task is due or when a run with one starts, and go when the house has been
without one for a while.
"""

from __future__ import annotations

from ..execution.children import Launcher
from ..execution.kernel_pool import KernelPool
from ..model.config import FlowConfig

WARM_BEFORE = 5.0
"""Seconds before the next due run at which all is made ready."""


class WaitingKernels:
    """Fills and empties the kernel pool. ``now`` is a monotonic instant."""

    def __init__(self, config: FlowConfig, launcher: Launcher) -> None:
        self._count, self._idle_after = config.waiting_kernels, config.idle_after
        self._launcher = launcher
        self.pool = KernelPool(config)
        self._idle_at: float | None = None

    def socket(self) -> str | None:
        """Return the path of the kernel forkserver's socket for a workload, None if kernels start cold."""
        return self.pool.socket()

    def expect(self, now: float, *, ahead: bool = False) -> None:
        """A run with a notebook task starts now (then its first one needs the processors itself), or will soon."""
        if self._idle_at is None:
            self.pool.warm(self._count)
        if ahead:
            self._launcher.warm("notebook")
        self._idle_at = now + self._idle_after

    def tick(self, now: float, busy: bool) -> None:
        """Let everything go when nothing has used it for a while; ``busy``: notebook tasks run."""
        self.pool.tick(now)
        if self._idle_at is not None and busy:
            self._idle_at = now + self._idle_after
        if self._idle_at is not None and self._idle_at <= now:
            self._idle_at = None
            self.pool.retire()
            self._launcher.retire("notebook")

    def next_tick(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`."""
        return self._idle_at

    def close(self) -> None:
        """Let go of the pool."""
        self.pool.close()
