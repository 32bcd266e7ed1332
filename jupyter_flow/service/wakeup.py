"""What wakes the host's loop from outside: signals, and threads of its own."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack


class Wakeup:
    """A pair of sockets in ``selector``. SIGTERM and SIGINT call ``on_signal``, which is to end the loop.

    Call it, from any thread, to let the loop take another turn. Undone by ``stack``.
    """

    def __init__(
        self, selector: selectors.BaseSelector, stack: ExitStack, on_signal: Callable[[int, object], None]
    ) -> None:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
            stack.callback(end.close)
        selector.register(self._reader, selectors.EVENT_READ, self._drain)
        number = self._writer.fileno()
        stack.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(number, warn_on_full_buffer=False))
        for what in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, what, signal.signal(what, on_signal))

    def __call__(self) -> None:
        """Let the loop take another turn."""
        with contextlib.suppress(OSError):  # full: it wakes up anyway; closed: it has ended
            self._writer.send(b"!")

    def _drain(self, mask: int) -> None:
        self._reader.recv(64)
