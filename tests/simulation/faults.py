"""What can go wrong in the world, and where: crashes, errors of the database, and the points at which they strike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.exc import OperationalError


class Crash(BaseException):
    """SIGKILL of a host, right here. No handler of the product may catch it."""


class Violation(BaseException):
    """The world saw what must not be. Not an Exception: the product's own guards must not swallow it."""


class Injected(OperationalError):
    """An error of the database that the schedule wanted."""


def database_error(text: str, name: str | None = None) -> Injected:
    """Return what SQLAlchemy raises when the driver fails; ``name``: SQLite's of the error."""
    original = sqlite3.OperationalError(text)
    if name is not None:
        original.sqlite_errorname = name
    return Injected("(simulated)", {}, original)


@dataclass
class Armed:
    """What one host is in for. ``crash_in``: points until it is killed; ``error_in``: statements until one fails.

    ``stop_in``: points outside of transactions until it is stopped (SIGSTOP) for a while by ``stop``.
    ``outage_until``: instant until which every transaction of the host fails (partition, a stopped server).
    """

    crash_in: int | None = None
    stop_in: int | None = None
    stop: Callable[[], None] = lambda: None
    error_in: int | None = None
    error_name: str | None = None
    lost_answer_in: int | None = None
    outage_until: float = -1.0
    transactions: int = 0
    passed: list[str] = field(default_factory=list)

    def pass_point(self, name: str, holds_lock: bool = False) -> None:
        """Get past a point, or be stopped or killed there."""
        if self.stop_in is not None and not holds_lock:
            self.stop_in -= 1
            if self.stop_in <= 0:
                self.stop_in = None
                self.stop()
        if self.crash_in is None:
            return
        self.crash_in -= 1
        if self.crash_in <= 0:
            self.crash_in = None
            raise Crash(name)

    def pass_statement(self) -> None:
        """Get a statement through, or see it fail."""
        if self.error_in is None:
            return
        self.error_in -= 1
        if self.error_in <= 0:
            self.error_in = None
            raise database_error("simulated", self.error_name)
