"""Days of the week, as branches and sensors name them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Self

from . import checks
from .exceptions import DagError


class WeekDay(IntEnum):
    """A day of the week; the number is that of ISO 8601 (Monday 1 to Sunday 7)."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7

    @classmethod
    def convert(cls, day: Any) -> Self:
        """Return the day of a name such as ``"Monday"`` (or of a member). Raises :class:`DagError` for others."""
        if isinstance(day, cls):
            return day
        if isinstance(day, str) and day.strip().upper() in cls.__members__:
            return cls[day.strip().upper()]
        names = [member.name.capitalize() for member in cls]
        hint = checks.suggestion(str(day).capitalize(), names) or f": use one of {', '.join(names)}"
        raise DagError(f"week_day {day!r} is no day of the week{hint}")

    @classmethod
    def get_weekday_number(cls, week_day_str: str) -> Self:
        """Return the day of a name."""
        return cls.convert(week_day_str)

    @classmethod
    def validate_week_day(cls, week_day: Any) -> set[int]:
        """Return the ISO numbers of one day or of several (a set, list or tuple of names or members)."""
        if isinstance(week_day, (str, cls)):
            return {int(cls.convert(week_day))}
        if isinstance(week_day, Iterable):
            found = {int(cls.convert(day)) for day in week_day}
            if found:
                return found
        raise DagError(f"week_day must be a day of the week or a set of days, not {week_day!r}")
