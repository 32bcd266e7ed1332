"""Cron expressions: presets, checks, and which dates and times of day they name. Zones are :mod:`.cron_grid`'s."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from .errors import InvalidInput
from .grids import SECOND

PRESETS: dict[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MAX_LENGTH = 256
YEARS = 50
"""How far ahead and back a matching date is looked for (the fifth Friday of a February comes every 28 years)."""
DAY = timedelta(days=1)
_NAMES = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT"
_FIELD = re.compile(rf"(?:[0-9*,/#?-]|L|{_NAMES})+", re.IGNORECASE)
_ONE = re.compile(r"\b(\w+)-\1(?:/\d+)?(?!\w)")
_FORM = "minute hour day-of-month month day-of-week, and seconds as a sixth if wanted"


@dataclass(frozen=True)
class CronFields:
    """A cron expression as numbers: ``seconds``, ``minutes``, ``hours``, ``months`` are ascending.

    ``days`` and ``weekdays`` (0 is Sunday) are None if every one will do. ``last_day``: the last day of the month too.
    ``nth``: weekday -> which ones of the month (−1: the last one). If days and weekdays are both restricted, a date
    matches by either. ``is_fixed``: neither the minute nor the hour field begins with ``*``.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int] | None
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int] | None
    nth: tuple[tuple[int, frozenset[int]], ...]
    is_fixed: bool

    def after(self, wall: datetime) -> datetime | None:
        """Return the first naive time later than ``wall`` that is named; None if there is none within fifty years."""
        wall = wall.replace(microsecond=0) + SECOND
        day = wall.date()
        if self.names(day) and (found := self._first_time(wall.time())) is not None:
            return datetime.combine(day, found)
        following = self._next_day(day)
        return None if following is None else datetime.combine(following, self._time(0, 0, 0))

    def at_or_before(self, wall: datetime) -> datetime | None:
        """Return the last naive time not later than ``wall`` that is named; None if there is none in fifty years."""
        day = wall.date()
        if self.names(day) and (found := self._last_time(wall.time())) is not None:
            return datetime.combine(day, found)
        earlier = self._previous_day(day)
        return None if earlier is None else datetime.combine(earlier, self._time(-1, -1, -1))

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many naive times in ``[start, end)`` are named."""
        if end <= start:
            return 0
        first, last = start.date(), end.date()
        days = sum(self.names(first + number * DAY) for number in range((last - first).days))
        whole = len(self.hours) * len(self.minutes) * len(self.seconds)
        before = self._times_before(start.time()) if self.names(first) else 0
        return days * whole - before + (self._times_before(end.time()) if self.names(last) else 0)

    def names(self, day: date) -> bool:
        """Tell whether the date is named."""
        if day.month not in self.months:
            return False
        if self.days is None and self.weekdays is None:
            return True
        if self.days is None:
            return self._names_weekday(day)
        of_month = day.day in self.days or (self.last_day and (day + DAY).month != day.month)
        return of_month or (self.weekdays is not None and self._names_weekday(day))

    def _names_weekday(self, day: date) -> bool:
        weekday = day.isoweekday() % 7
        if weekday in (self.weekdays or ()):
            return True
        for number, which in self.nth:
            if number == weekday:
                is_last = -1 in which and (day + 7 * DAY).month != day.month
                return is_last or (day.day - 1) // 7 + 1 in which
        return False

    def _next_day(self, day: date) -> date | None:
        year, month, begin = day.year, day.month, day.day + 1
        for _ in range(12 * YEARS + 2):
            if month in self.months:
                for number in range(begin, monthrange(year, month)[1] + 1):
                    if self.names(found := date(year, month, number)):
                        return found
            year, month, begin = (year + 1, 1, 1) if month == 12 else (year, month + 1, 1)
            if year >= 9999:
                break
        return None

    def _previous_day(self, day: date) -> date | None:
        year, month, end = day.year, day.month, day.day - 1
        for _ in range(12 * YEARS + 2):
            if month in self.months:
                for number in range(end, 0, -1):
                    if self.names(found := date(year, month, number)):
                        return found
            year, month = (year - 1, 12) if month == 1 else (year, month - 1)
            if year <= 1:
                break
            end = monthrange(year, month)[1]
        return None

    def _time(self, hour: int, minute: int, second: int) -> time:
        return time(self.hours[hour], self.minutes[minute], self.seconds[second])

    def _first_time(self, least: time) -> time | None:
        hour = bisect_left(self.hours, least.hour)
        if hour == len(self.hours):
            return None
        if self.hours[hour] > least.hour:
            return self._time(hour, 0, 0)
        minute = bisect_left(self.minutes, least.minute)
        if minute < len(self.minutes):
            if self.minutes[minute] > least.minute:
                return self._time(hour, minute, 0)
            second = bisect_left(self.seconds, least.second)
            if second < len(self.seconds):
                return self._time(hour, minute, second)
            if minute + 1 < len(self.minutes):
                return self._time(hour, minute + 1, 0)
        return self._time(hour + 1, 0, 0) if hour + 1 < len(self.hours) else None

    def _last_time(self, most: time) -> time | None:
        hour = bisect_right(self.hours, most.hour) - 1
        if hour < 0:
            return None
        if self.hours[hour] < most.hour:
            return self._time(hour, -1, -1)
        minute = bisect_right(self.minutes, most.minute) - 1
        if minute >= 0:
            if self.minutes[minute] < most.minute:
                return self._time(hour, minute, -1)
            second = bisect_right(self.seconds, most.second) - 1
            if second >= 0:
                return self._time(hour, minute, second)
            if minute > 0:
                return self._time(hour, minute - 1, -1)
        return self._time(hour - 1, -1, -1) if hour > 0 else None

    def _times_before(self, end: time) -> int:
        hour, minute, second = (
            bisect_left(numbers, number)
            for numbers, number in ((self.hours, end.hour), (self.minutes, end.minute), (self.seconds, end.second))
        )
        result = hour * len(self.minutes) * len(self.seconds)
        if end.hour in self.hours:
            result += minute * len(self.seconds) + (second if end.minute in self.minutes else 0)
        return result


def normal_cron(expression: str) -> str:
    """Return the five or six fields of a cron expression or preset, separated by single spaces.

    Only the form is checked. Raises :class:`InvalidInput` with one sentence.
    """
    if len(expression) > MAX_LENGTH:
        raise InvalidInput(f"cron expression of {len(expression)} characters: more than {MAX_LENGTH}")
    text = expression.strip()
    if text.startswith("@"):
        if text not in PRESETS:
            known = ", ".join(["@once", "@continuous", *PRESETS])
            raise InvalidInput(f"unknown schedule preset {text!r}: use one of {known}, or a cron expression")
        return PRESETS[text]
    fields = text.split()
    if len(fields) not in (5, 6):
        raise InvalidInput(f"cron expression {text!r} has {len(fields)} fields, not 5 ({_FORM})")
    for item in fields:
        if _FIELD.fullmatch(item) is None:
            raise InvalidInput(f"cron expression {text!r}: {item!r} is not a cron field, e.g. 5, */10, 1-5 or MON")
    return " ".join(fields)


def cron_fields(expression: str) -> CronFields:
    """Return what ``expression`` (or a preset) names. Raises :class:`InvalidInput` with one sentence."""
    return _fields(normal_cron(expression))


def check_cron(expression: str) -> str | None:
    """Return None if ``expression`` is a cron expression that fires at all, else why it is refused."""
    try:
        cron_fields(expression)
    except InvalidInput as error:
        return str(error)
    return None


@lru_cache(maxsize=512)
def _fields(text: str) -> CronFields:
    # 90 ms at its first use: only for cron schedules
    from croniter import CroniterError, croniter  # type: ignore[import-untyped]

    try:
        expanded, nth = croniter.expand(_ONE.sub(r"\1", text))  # croniter takes 5-5 for all there are
    except (CroniterError, ValueError, KeyError, IndexError) as error:
        why = re.sub(r"^\[.*?\]\s*(is not acceptable)?[,. ]*", "", str(error))
        raise InvalidInput(f"cron expression {text!r} is not valid" + (f": {why}" if why else "")) from None
    minutes, hours, days, months, weekdays, *seconds = expanded
    fields = CronFields(
        seconds=_numbers(seconds[0], 0, 59) if seconds else (0,),
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        days=_unless_all(_numbers([day for day in days if day != "l"], 1, 31), 31),
        last_day="l" in days,
        months=frozenset(_numbers(months, 1, 12)),
        weekdays=_unless_all(_numbers([day for day in weekdays if day == "*" or day not in nth], 0, 6), 7),
        nth=tuple(
            (day, frozenset(-1 if item == "l" else item for item in which)) for day, which in sorted(nth.items())
        ),
        is_fixed=not any(item.startswith("*") for item in text.split()[:2]),
    )
    if fields.after(datetime(2024, 1, 1)) is None:
        raise InvalidInput(f"cron expression {text!r} never fires: there is no such date")
    return fields


def _numbers(values: Sequence[int | str], low: int, high: int) -> tuple[int, ...]:
    return tuple(range(low, high + 1)) if "*" in values else tuple(sorted({int(value) for value in values}))


def _unless_all(numbers: tuple[int, ...], count: int) -> frozenset[int] | None:
    return frozenset(numbers) if len(numbers) < count else None
