"""``airflow.utils.timezone``: dates with a zone, UTC unless said otherwise."""

from __future__ import annotations

from datetime import UTC, tzinfo
from datetime import datetime as _datetime
from typing import Any, overload
from zoneinfo import ZoneInfo

from ..timetables.moment import now

utc = UTC


def datetime(*args: Any, **kwargs: Any) -> _datetime:
    """Return ``datetime.datetime(…)``, in UTC unless ``tzinfo`` is given."""
    if len(args) < 8:
        kwargs.setdefault("tzinfo", UTC)
    return _datetime(*args, **kwargs)


def utcnow() -> _datetime:
    """Return this instant (aware, UTC)."""
    return now()


def utc_epoch() -> _datetime:
    """Return 1970-01-01T00:00Z."""
    return _datetime(1970, 1, 1, tzinfo=UTC)


def is_localized(value: _datetime) -> bool:
    """Tell whether ``value`` has a zone."""
    return value.utcoffset() is not None


def is_naive(value: _datetime) -> bool:
    """Tell whether ``value`` has no zone."""
    return value.utcoffset() is None


def make_aware(value: _datetime | None, timezone: tzinfo | None = None) -> _datetime | None:
    """Return a naive ``value`` as a date in ``timezone`` (UTC). Raises ValueError for an aware one."""
    if value is None:
        return None
    if is_localized(value):
        raise ValueError(f"make_aware expects a naive datetime, got {value}")
    return value.replace(tzinfo=timezone or UTC)


def make_naive(value: _datetime, timezone: tzinfo | None = None) -> _datetime:
    """Return an aware ``value`` as the naive date of ``timezone`` (UTC). Raises ValueError for a naive one."""
    if is_naive(value):
        raise ValueError(f"make_naive cannot be applied to a naive datetime, got {value}")
    return value.astimezone(timezone or UTC).replace(tzinfo=None)


@overload
def convert_to_utc(value: None) -> None: ...
@overload
def convert_to_utc(value: _datetime) -> _datetime: ...
def convert_to_utc(value: _datetime | None) -> _datetime | None:
    """Return ``value`` in UTC; a naive one is UTC already."""
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if is_naive(value) else value.astimezone(UTC)


def coerce_datetime(value: _datetime | None, tz: tzinfo | None = None) -> _datetime | None:
    """Return ``value`` in ``tz`` if given; a naive one is UTC."""
    if value is None:
        return None
    aware = value.replace(tzinfo=UTC) if is_naive(value) else value
    return aware if tz is None else aware.astimezone(tz)


def parse(string: str, timezone: tzinfo | str | None = None, *, strict: bool = False) -> _datetime:
    """Return the date that an ISO 8601 text says, without an offset in ``timezone`` (UTC)."""
    found = _datetime.fromisoformat(string)
    zone = parse_timezone(timezone) if isinstance(timezone, str) else timezone
    return found if found.tzinfo is not None else found.replace(tzinfo=zone or UTC)


def parse_timezone(name: str) -> tzinfo:
    """Return the zone with this IANA name."""
    return UTC if name.upper() == "UTC" else ZoneInfo(name)
