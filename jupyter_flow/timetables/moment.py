"""The instant at which a timetable is asked: while the house asks, one for all its questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_ASKED_AT: ContextVar[datetime | None] = ContextVar("jupyter_flow_asked_at", default=None)


def now() -> datetime:
    """Return the instant at which the house asks, else this instant (aware, UTC)."""
    return _ASKED_AT.get() or datetime.now(UTC)


@contextmanager
def asked_at(instant: datetime) -> Iterator[None]:
    """Answer all questions meanwhile as of ``instant``."""
    token = _ASKED_AT.set(instant)
    try:
        yield
    finally:
        _ASKED_AT.reset(token)
