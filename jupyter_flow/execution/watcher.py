"""Watching processes end: by pidfd, or by looking (where there is no pidfd)."""

from __future__ import annotations

import os
import selectors
import socket
from dataclasses import dataclass

from . import identity


@dataclass
class _Watched:
    pid: int
    start_ticks: int
    descriptor: int | None


class ExitWatcher:
    """Tells which of the watched processes have ended. They need not be children of this process.

    :meth:`fileno` becomes readable when one has. Without pidfds (``pidfds=False``, or a platform that has none)
    it does not, and :attr:`must_poll` is True while something is watched: ask :meth:`ended` from time to time.
    """

    def __init__(self, pidfds: bool | None = None) -> None:
        self._selector = selectors.DefaultSelector()
        self._pidfds = hasattr(os, "pidfd_open") if pidfds is None else pidfds
        self._watched: dict[str, _Watched] = {}
        self._bell, self._ringer = socket.socketpair()
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ, None)

    @property
    def must_poll(self) -> bool:
        """Whether an end would not make :meth:`fileno` readable."""
        return not self._pidfds and bool(self._watched)

    def fileno(self) -> int:
        """Return the descriptor to watch for reading, the same one for ever."""
        return self._selector.fileno()  # epoll and kqueue have one

    def wake(self) -> None:
        """Make :meth:`fileno` readable until the next :meth:`ended`, for news that have no descriptor."""
        try:
            self._ringer.send(b"!")
        except BlockingIOError:
            pass  # it rings already

    def watch(self, key: str, pid: int, start_ticks: int) -> bool:
        """Watch the process that has ``pid`` and ``start_ticks``; False if it does not run any more."""
        descriptor = None
        if self._pidfds:
            try:
                descriptor = os.pidfd_open(pid)
            except OSError:
                return False
        if not identity.is_running(pid, start_ticks):
            if descriptor is not None:
                os.close(descriptor)
            return False
        self._watched[key] = _Watched(pid, start_ticks, descriptor)
        if descriptor is not None:
            self._selector.register(descriptor, selectors.EVENT_READ, key)
        return True

    def ended(self) -> list[str]:
        """Return the keys whose process has ended since the last call, and forget them."""
        try:
            self._bell.recv(4096)
        except BlockingIOError:
            pass
        if self._pidfds:
            gone = [ready.data for ready, _ in self._selector.select(0) if ready.data is not None]
        else:
            gone = [key for key, item in self._watched.items() if not identity.is_running(item.pid, item.start_ticks)]
        for key in gone:
            self.forget(key)
        return gone

    def forget(self, key: str) -> None:
        """Stop watching ``key`` (an unknown key is ignored)."""
        watched = self._watched.pop(key, None)
        if watched is not None and watched.descriptor is not None:
            self._selector.unregister(watched.descriptor)
            os.close(watched.descriptor)

    def close(self) -> None:
        """Stop watching everything."""
        for key in list(self._watched):
            self.forget(key)
        self._bell.close()
        self._ringer.close()
        self._selector.close()
