"""HouseClient: a blocking client of ``house.sock``, for CLI, magics, server threads and runners."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from ..model.errors import NoHost, from_code
from . import framing
from .paths import house_socket


class HouseClient:
    """One connection to the host of a home. Not thread-safe: one per thread.

    ``call`` sends ``{"id", "op", "args", **envelope}`` and returns what stands under ``"ok"``; an ``"error"``
    is raised as the refusal of its code. ``envelope`` holds either ``{"actor": {...}}`` (doors) or
    ``{"attempt_id", "token"}`` (runners).
    """

    def __init__(self, home: Path, envelope: dict[str, Any] | None = None, timeout: float | None = 30.0) -> None:
        self._path = house_socket(home)
        self._envelope = envelope or {}
        self._next_id = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # by the kernel's own clock: a socket with a timeout of Python's is refused at once by a crowd at the door
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout))
            self._socket.connect(str(self._path))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(None))
            self._socket.settimeout(timeout)
        except OSError:
            self._socket.close()
            raise NoHost(
                f"no host answers for {home}: start JupyterLab with the extension or `jupyter flow scheduler`"
            ) from None

    def call(self, op: str, **args: Any) -> Any:
        """Ask ``op`` and return its answer. Raises the refusal, or :class:`NoHost` if the host went away."""
        self._next_id += 1
        request = {"id": self._next_id, "op": op, "args": args, **self._envelope}
        try:
            framing.send(self._socket, request)
            while (answer := framing.receive(self._socket)) is not None:
                if answer.get("id") == self._next_id:
                    break
        except OSError as error:
            raise NoHost(f"the host went away during {op}: {error}") from None
        if answer is None:
            raise NoHost(f"the host went away during {op}: ask again")
        if "error" in answer:
            raise from_code(answer["error"]["code"], answer["error"]["message"])
        return answer["ok"]

    def pushes(self, quiet_after: float | None = None) -> Iterator[dict[str, Any]]:
        """Yield messages that the host sends by itself (after a ``*.subscribe`` call) until it goes away.

        ``quiet_after``: when nothing came for so many seconds, ``{"push": "quiet"}`` is yielded, each time.
        """
        self._socket.settimeout(None)
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        while True:
            if quiet_after is not None and not ready.poll(quiet_after * 1000):
                yield {"push": "quiet"}
                continue
            if (message := framing.receive(self._socket)) is None:
                return
            yield message

    def close(self) -> None:
        """Close the connection; a thread that waits in :meth:`pushes` sees its end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _timeval(seconds: float | None) -> bytes:
    """Return a ``struct timeval``; None: for ever."""
    microseconds = 0 if seconds is None else max(1, round(seconds * 1_000_000))
    return struct.pack("ll", *divmod(microseconds, 1_000_000))
