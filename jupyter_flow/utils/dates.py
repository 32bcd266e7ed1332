"""``days_ago``: a date that older DAG files begin with."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..authoring.location import warn
from ..timetables.moment import now


def days_ago(n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    """Return the date ``n`` days before today at a time of day (UTC). It moves with each load of the file."""
    warn(f"days_ago({n}) is another date each day: write a fixed start_date, such as datetime(2026, 1, 1)")
    today = now().replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return today - timedelta(days=n)
