"""Instants as text: ISO 8601 with offset, always UTC, and back."""

from __future__ import annotations

from datetime import UTC, datetime

from .errors import InvalidInput


def to_iso(instant: datetime) -> str:
    """Return an aware ``instant`` as ISO 8601 in UTC with offset (microseconds only if not zero)."""
    if instant.tzinfo is None:
        raise ValueError(f"naive datetime {instant!r}: attach a zone first")
    return (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).isoformat()


def iso_or_none(instant: datetime | None) -> str | None:
    """:func:`to_iso`, None stays None."""
    return None if instant is None else to_iso(instant)


def from_iso(text: str) -> datetime:
    """Read an ISO 8601 instant with offset (``Z`` too); naive text is taken as UTC.

    Raises :class:`InvalidInput` when it is not a date.
    """
    try:
        instant = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise InvalidInput(f"{text!r} is not an ISO 8601 date, e.g. 2026-01-31T02:00:00+00:00") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def from_iso_or_none(text: str | None) -> datetime | None:
    """:func:`from_iso`, None stays None."""
    return None if text is None else from_iso(text)
