"""Checks of a ScheduleSpec: whoever makes one (an author's file, a child that was not asked nicely) is told why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .cron import check_cron
from .errors import InvalidInput
from .grids import CALENDAR_PARTS, TIME_PARTS, CalendarGrid
from .instants import from_iso
from .spec import ScheduleSpec

KINDS = ("none", "once", "continuous", "cron", "delta", "events", "assets", "custom")
LONGEST = 3_153_600_000.0
"""A hundred years, in seconds."""
MOST_EVENTS = 10_000
MOST_EXPRESSIONS = 100
_DAYS = (datetime(2024, 1, 31, tzinfo=UTC), datetime(2026, 3, 1, 5, tzinfo=UTC))


def check_zone(name: Any) -> str | None:
    """Return why ``name`` is not an IANA zone, None if it is."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        return f"timezone {name!r} is not known: use an IANA name, e.g. 'Europe/Berlin'"
    return None


def check_schedule(schedule: ScheduleSpec, timezone: str) -> str | None:
    """Return why the schedule or the zone is refused (one sentence), None if both are usable."""
    if schedule.kind not in KINDS:
        return f"schedule of kind {schedule.kind!r} is not known: use one of {', '.join(KINDS)}"
    for zone in {timezone, schedule.timezone or timezone}:
        if (why := check_zone(zone)) is not None:
            return why
    if not _is_seconds(schedule.trigger_interval, 0.0):
        return f"interval of {schedule.trigger_interval!r} s is not usable: give a timedelta from zero to 100 years"
    wish = schedule.run_immediately
    if wish is not None and not isinstance(wish, bool) and not _is_seconds(wish, 0.0):
        return f"run_immediately {wish!r} must be True, False or a timedelta"
    if schedule.kind == "cron":
        return _check_expressions(schedule)
    if schedule.kind == "delta":
        return _check_delta(schedule, timezone)
    if schedule.kind == "events":
        return _check_events(schedule.events)
    if schedule.kind == "custom" and not isinstance(schedule.timetable, str):
        return "a custom timetable needs the name of its class"
    if schedule.kind == "assets" and not schedule.assets:
        return "a schedule by assets needs at least one asset"
    return None


def _check_expressions(schedule: ScheduleSpec) -> str | None:
    expressions = (schedule.expression or "", *schedule.more_expressions)
    if len(expressions) > MOST_EXPRESSIONS:
        return f"{len(expressions)} cron expressions are more than {MOST_EXPRESSIONS}"
    return next((why for expression in expressions if (why := check_cron(expression)) is not None), None)


def _check_delta(schedule: ScheduleSpec, timezone: str) -> str | None:
    if schedule.relative is None:
        if _is_seconds(schedule.seconds, 1.0):
            return None
        return f"schedule interval of {schedule.seconds} s is not usable: give a timedelta between 1 s and 100 years"
    if why := _check_relative(schedule.relative):
        return why
    try:
        for day in _DAYS:
            grid = CalendarGrid(day, schedule.relative, ZoneInfo(schedule.timezone or timezone))
            points = [grid.point(number) for number in range(4)]
            moves = all(earlier < later for earlier, later in pairwise(points))
            if not moves or not 1 <= grid.rough_step.total_seconds() <= LONGEST:
                return "schedule relativedelta must lead from each date to a later one, at least a second away"
    except (ValueError, OverflowError, TypeError, ArithmeticError):
        return "schedule relativedelta cannot be used: it leads to dates that do not exist"
    return None


def _check_relative(parts: Mapping[str, Any]) -> str | None:
    for name, value in parts.items():
        if name not in CALENDAR_PARTS + TIME_PARTS:
            return f"schedule relativedelta cannot have {name!r}: use {', '.join(CALENDAR_PARTS + TIME_PARTS)}"
        numbers = value if name == "weekday" and isinstance(value, Sequence) else [value]
        if not all(type(number) is int or number is None for number in numbers):
            return f"schedule relativedelta: {name} must be a whole number, not {value!r}"
    return None


def _check_events(events: Sequence[str]) -> str | None:
    if len(events) > MOST_EVENTS:
        return f"{len(events)} events are more than {MOST_EVENTS}: a schedule by events is meant for a list of dates"
    try:
        found = [from_iso(event) for event in events]
    except InvalidInput as error:
        return f"events: {error}"
    if found != sorted(found):
        return "the events must be ascending"
    return None


def _is_seconds(value: Any, least: float) -> bool:
    return type(value) in (int, float) and least <= value <= LONGEST
