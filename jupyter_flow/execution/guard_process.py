"""The guard as its outpost sees it: a process that is told what there is to guard. See :mod:`.guard`."""

from __future__ import annotations

import os
import subprocess
import sys

from ..model.faultpoint import faultpoint
from .children import TAG_VARIABLE


class GuardProcess:
    """Starts the guard, and another one if it is gone."""

    def __init__(self) -> None:
        self._attempts: set[str] = set()
        self._lease = 0.0
        self._process = self._start()

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        faultpoint("guard.before_start")
        return subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != TAG_VARIABLE},
            start_new_session=True,
        )

    def hold(self, attempt_id: str) -> None:
        """Guard an attempt, before it is started."""
        self._attempts.add(attempt_id)
        self._tell(f"+{attempt_id}")

    def release(self, attempt_id: str) -> None:
        """The attempt has ended."""
        self._attempts.discard(attempt_id)
        self._tell(f"-{attempt_id}")

    def renew(self, deadline: float | None) -> None:
        """The lease runs until ``deadline`` (of the lease clock); None: for ever."""
        self._lease = deadline or 0.0
        self._tell(f"lease {self._lease}")

    def end(self) -> None:
        """Nothing is left to guard."""
        self._attempts.clear()
        self._tell("end")
        self._process.stdin.close()  # type: ignore[union-attr]  # it was asked for

    def _tell(self, line: str) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 - it was asked for
        try:
            pipe.write(line.encode() + b"\n")
            pipe.flush()
        except OSError:
            self._process.wait()
            self._process = self._start()
            for attempt_id in self._attempts:
                self._tell(f"+{attempt_id}")
            self._tell(f"lease {self._lease}")
