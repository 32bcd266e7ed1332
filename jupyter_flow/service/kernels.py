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
    """Fills and empties the kernel pools: one for each kernelspec with modules to preload, and one for all others.

    ``now`` is a monotonic instant. ``pool``: the one for all others; kernels wait in it if there is no other.
    """

    def __init__(self, config: FlowConfig, launcher: Launcher) -> None:
        self._count, self._idle_after = config.waiting_kernels, config.idle_after
        self._launcher = launcher
        self.pool = KernelPool(config)
        self.preloaded = {name: KernelPool(config, preload=modules) for name, modules in config.preload.items()}
        self._idle_at: float | None = None

    @property
    def pools(self) -> list[KernelPool]:
        """All pools."""
        return [self.pool, *self.preloaded.values()]

    def sockets(self) -> dict[str, str]:
        """Return the sockets of the kernel forkservers by kernelspec; under "" that for all others.

        Left out is what there is not: such kernels start cold, or without modules.
        """
        found = {"": self.pool.socket(), **{name: pool.socket() for name, pool in self.preloaded.items()}}
        return {name: path for name, path in found.items() if path is not None}

    def fileobjs(self) -> list[int]:
        """Descriptors to watch for reading; the same ones for ever."""
        return [descriptor for pool in self.pools for descriptor in pool.fileobjs()]

    def service(self) -> None:
        """Take in what the forkservers said, without waiting."""
        for pool in self.pools:
            pool.service()

    def expect(self, now: float, *, ahead: bool = False) -> None:
        """A run with a notebook task starts now (then its first one needs the processors itself), or will soon."""
        if self._idle_at is None:
            for pool in self.preloaded.values() or [self.pool]:
                pool.warm(self._count)
        if ahead:
            self._launcher.warm("notebook")
        self._idle_at = now + self._idle_after

    def tick(self, now: float, busy: bool) -> None:
        """Let everything go when nothing has used it for a while; ``busy``: notebook tasks run."""
        for pool in self.pools:
            pool.tick(now)
        if self._idle_at is not None and busy:
            self._idle_at = now + self._idle_after
        if self._idle_at is not None and self._idle_at <= now:
            self._idle_at = None
            for pool in self.pools:
                pool.retire()
            self._launcher.retire("notebook")

    def next_tick(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`."""
        return self._idle_at

    def close(self) -> None:
        """Let go of the pools."""
        for pool in self.pools:
            pool.close()
