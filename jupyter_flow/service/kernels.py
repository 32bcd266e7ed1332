"""When kernels wait: shortly before a notebook task is due, and from the first one on until the house is idle."""

from __future__ import annotations

from ..execution.kernel_pool import KernelPool
from ..model.config import FlowConfig

WARM_BEFORE = 5.0
"""Seconds before the next due run at which the pool is filled."""
IDLE_AFTER = 120.0
"""Seconds without a notebook task after which the pool is emptied."""


class WaitingKernels:
    """Fills and empties the kernel pool. ``now`` is a monotonic instant."""

    def __init__(self, config: FlowConfig) -> None:
        self._count = config.waiting_kernels
        self.pool = KernelPool(config)
        self._idle_at: float | None = None

    def socket(self) -> str | None:
        """Return the path of the kernel forkserver's socket for a workload, None if kernels start cold."""
        return self.pool.socket()

    def expect(self, now: float) -> None:
        """A notebook task is about to run, or a run with one was triggered: keep kernels ready."""
        if self._idle_at is None:
            self.pool.warm(self._count)
        self._idle_at = now + IDLE_AFTER

    def tick(self, now: float, busy: bool) -> None:
        """Empty the pool when nothing has used it for a while; ``busy``: notebook tasks run."""
        self.pool.tick(now)
        if self._idle_at is not None and busy:
            self._idle_at = now + IDLE_AFTER
        if self._idle_at is not None and self._idle_at <= now:
            self._idle_at = None
            self.pool.idle()

    def next_tick(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`."""
        return self._idle_at

    def close(self) -> None:
        """Let go of the pool."""
        self.pool.close()
