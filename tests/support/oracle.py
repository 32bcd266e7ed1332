"""When a cron daemon would fire: an oracle for the clock, written from the Vixie rule and nothing else.

The rule. A daemon looks once a minute. It remembers how far local time has come (its *virtual time*, which never goes
back). A **wildcard** job (minute or hour field begins with ``*``) fires at each minute whose wall time matches. A
**fixed** job (all others) fires when virtual time reaches or passes a matching wall minute: so what a spring jump
passes over runs right after the jump, and what an autumn hour repeats does not run again. Jobs that one jump
brings to the same instant are one run. A jump of a whole day or more is a date that the place never had.

It is slow on purpose: it walks through every minute in UTC and uses no cron library. A date matches if the month
does, and the day of month and the day of week do; if both days are restricted, one is enough (``*``, ``?`` and what
names all days restrict nothing).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WARM_UP = timedelta(hours=6)
"""Longer than any repeated hour: how the walk begins does not matter after it."""
PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


@dataclass(frozen=True)
class Job:
    """A cron expression as sets of numbers. ``last_day``: ``L`` of days; ``nth``: (weekday, which one, -1 last)."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    seconds: tuple[int, ...]
    wildcard: bool
    any_day: bool
    any_weekday: bool
    last_day: bool
    nth: frozenset[tuple[int, int]]

    def on(self, day: date) -> bool:
        """Whether the job has this date."""
        if day.month not in self.months:
            return False
        of_month = day.day in self.days or (self.last_day and (day + DAY).month != day.month)
        weekday = day.isoweekday() % 7
        count = (day.day - 1) // 7 + 1
        last = (day + 7 * DAY).month != day.month
        of_week = weekday in self.weekdays or (weekday, count) in self.nth or (last and (weekday, -1) in self.nth)
        if self.any_day or self.any_weekday:
            return (self.any_day or of_month) and (self.any_weekday or of_week)
        return of_month or of_week

    def at(self, wall: datetime) -> bool:
        """Whether the job has this wall minute."""
        return wall.minute in self.minutes and wall.hour in self.hours and self.on(wall.date())


def job(expression: str) -> Job:
    """Read a cron expression: five fields, or six with the seconds last."""
    minute, hour, day, month, weekday, *second = PRESETS.get(expression, expression).lower().split()
    plain_days = ",".join(item for item in day.split(",") if item != "l")
    nth, plain_weekdays = set(), []
    for item in weekday.split(","):
        if "#" in item:
            name, which = item.split("#")
            nth.add((_number(name, WEEKDAYS) % 7, int(which)))
        elif item.startswith("l"):
            nth.add((_number(item[1:], WEEKDAYS) % 7, -1))
        else:
            plain_weekdays.append(item)
    days = _numbers(plain_days, 1, 31)
    weekdays = frozenset(number % 7 for number in _numbers(",".join(plain_weekdays), 0, 7, WEEKDAYS))
    return Job(
        minutes=_numbers(minute, 0, 59),
        hours=_numbers(hour, 0, 23),
        days=days,
        months=_numbers(month, 1, 12, MONTHS),
        weekdays=weekdays,
        seconds=tuple(sorted(_numbers(second[0], 0, 59))) if second else (0,),
        wildcard=minute.startswith("*") or hour.startswith("*"),
        any_day=len(days) == 31,
        any_weekday=len(weekdays) == 7,
        last_day="l" in day.split(","),
        nth=frozenset(nth),
    )


def fires(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the instants (UTC, ascending, each once) at which the job fires in ``[start, end)``."""
    return jobs_fires({"": job(expression)}, zone, start, end)[""]


def jobs_fires(jobs: dict[str, Job], zone: str, start: datetime, end: datetime) -> dict[str, list[datetime]]:
    """Return :func:`fires` of several jobs."""
    walked = list(_minutes(ZoneInfo(zone), start, end))
    return {name: [at for at in _walk(one, walked) if start <= at < end] for name, one in jobs.items()}


def transitions(zone: str, first_year: int, last_year: int) -> list[datetime]:
    """Return the instants (UTC, to the minute) at which the zone's offset changes, by halving each quarter day."""
    place = ZoneInfo(zone)
    found = []
    low, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while low < end:
        high = low + timedelta(hours=6)
        if _offset(place, low) != _offset(place, high):
            left, right = low, high
            while right - left > MINUTE:
                middle = left + (right - left) // MINUTE // 2 * MINUTE
                left, right = (middle, right) if _offset(place, middle) == _offset(place, left) else (left, middle)
            found.append(right)
        low = high
    return found


def wall_time(zone: str, at: datetime) -> datetime:
    """Return what a clock on the wall shows (naive)."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def _minutes(place: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every minute until ``end`` with what the wall shows, from a while before ``start`` on."""
    at = (start - WARM_UP).replace(second=0, microsecond=0)
    while at < end:
        yield at, at.astimezone(place).replace(tzinfo=None, fold=0)
        at += MINUTE


def _walk(one: Job, minutes: list[tuple[datetime, datetime]]) -> Iterator[datetime]:
    virtual = minutes[0][1] - MINUTE
    for at, wall in minutes:
        passed_over = False
        if not one.wildcard and MINUTE < wall - virtual < DAY:
            minute = virtual + MINUTE
            while minute < wall and not passed_over:
                passed_over = one.at(minute)
                minute += MINUTE
        this_minute = one.at(wall) and (one.wildcard or wall > virtual)
        seconds = one.seconds if this_minute else ()
        if passed_over and 0 not in seconds:
            yield at
        yield from (at + timedelta(seconds=second) for second in seconds)
        virtual = max(virtual, wall)


def _offset(place: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(place).utcoffset()


def _number(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text)


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for item in field.split(",") if field else ():
        span, _, step = item.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        elif "-" in span:
            first, last = (_number(part, names or {}) for part in span.split("-"))
        else:
            first = _number(span, names or {})
            last = high if step else first
        through = [*range(first, high + 1), *range(low, last + 1)] if last < first else range(first, last + 1)
        found.update(through[:: int(step or 1)])
    return frozenset(found)
