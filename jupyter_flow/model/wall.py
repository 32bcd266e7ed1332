"""Instants as a clock on the wall of a zone shows them, and what daylight saving does to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .grids import SECOND

TWICE_FIRST = "comes twice: the first time"
TWICE_SECOND = "comes twice: the second time"
SKIPPED = "{begin:%H:%M} to {end:%H:%M} is skipped"


def wall_text(instant: datetime, zone: str) -> str:
    """Return ``instant`` as ISO 8601 text to the second, with the offset that ``zone`` (an IANA name) has then."""
    return instant.astimezone(ZoneInfo(zone)).isoformat(sep=" ", timespec="seconds")


def daylight_note(instant: datetime, zone: str) -> str:
    """Return what is odd about the wall time of ``instant``: it comes twice, or follows a gap; empty for nothing."""
    place = ZoneInfo(zone)
    local = instant.astimezone(place)
    naive = local.replace(tzinfo=None, fold=0)
    first, second = (naive.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first < second:
        return TWICE_SECOND if local.fold else TWICE_FIRST
    before = (instant.astimezone(UTC) - SECOND).astimezone(place).replace(tzinfo=None, fold=0) + SECOND
    gap = naive.replace(microsecond=0) - before.replace(microsecond=0)
    return SKIPPED.format(begin=before, end=naive) if gap > timedelta() else ""
