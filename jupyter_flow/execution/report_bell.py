"""The bell that runners ring when their ``result.json`` is there, so that the house need not wait for their exit.

A named pipe beside ``house.sock``; each ring is one line, the attempt id. It is a hint and no proof: whoever hears
it reads the result, and the end of the process is seen in any case.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..wire.paths import report_bell


class ReportBell:
    """The listening end. A runner that finds nobody listening goes on without ringing."""

    def __init__(self, home: Path) -> None:
        path = report_bell(home)
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        # open for both, so that there is never an end of file when the last runner lets go
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)

    def fileno(self) -> int:
        """Return the descriptor to watch for reading."""
        return self._descriptor

    def rings(self) -> list[str]:
        """Return the attempt ids heard since the last call, without waiting."""
        try:
            data = os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return []
        return data.decode("ascii", "replace").split()

    def close(self) -> None:
        """Stop listening; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
