"""What line R12 of the board is made of: places, forms of schedules, and the comparison with the oracle.

The oracle (``oracle.py``) looks at every minute; here stand the questions to both, so that the unit tests ask a share
of them and the board asks all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from jupyter_flow.model.cron_grid import CronGrid

from . import oracle

MOMENT = timedelta(microseconds=1)
AROUND = timedelta(hours=26)
FIRST_YEAR, LAST_YEAR = 2020, 2035
ZONES = [
    "UTC", "Africa/Abidjan", "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Johannesburg",
    "Africa/Juba", "Africa/Lagos", "Africa/Nairobi", "America/Adak", "America/Anchorage",
    "America/Argentina/Buenos_Aires", "America/Asuncion", "America/Bogota", "America/Chicago", "America/Chihuahua",
    "America/Danmarkshavn", "America/Dawson", "America/Denver", "America/Halifax", "America/Havana",
    "America/Los_Angeles", "America/Mexico_City", "America/Miquelon", "America/New_York", "America/Nuuk",
    "America/Ojinaga", "America/Phoenix", "America/Port-au-Prince", "America/Santiago", "America/Sao_Paulo",
    "America/Scoresbysund", "America/St_Johns", "America/Tijuana", "America/Toronto", "Antarctica/Casey",
    "Antarctica/Troll", "Antarctica/Vostok", "Asia/Almaty", "Asia/Amman", "Asia/Baghdad", "Asia/Beirut",
    "Asia/Damascus", "Asia/Gaza", "Asia/Jerusalem", "Asia/Kabul", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Shanghai",
    "Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide", "Australia/Lord_Howe", "Australia/Sydney",
    "Europe/Berlin", "Europe/Chisinau", "Europe/Dublin", "Europe/Istanbul", "Europe/London", "Europe/Moscow",
    "Europe/Volgograd", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Easter", "Pacific/Fiji",
    "Pacific/Norfolk",
]  # fmt: skip
FORMS = (
    "30 2 * * *",
    "0 0 * * *",
    "30 1 * * *",
    "15,45 0-3 * * *",
    "0 * * * *",
    "*/20 * * * *",
    "*/15 2 * * *",
    "30 */2 * * *",
    "59 23 * * sun",
    "0 3 L * *",
    "30 0 * * sun#1,sun#5",
    "0 2 1-7 3,10,11 sat-sun",
    "30 2 * * * 15,45",
)
DAILY = ("30 2 * * *", "0 0 * * *", "30 23 * * *", "59 23 * * * 59")
QUIET = datetime(2027, 2, 27, 12, tzinfo=UTC)
"""An instant to look at where clocks never change."""


def changes_of(zone: str) -> list[datetime]:
    """Return every change of the zone's clocks, or one quiet instant."""
    return oracle.transitions(zone, FIRST_YEAR, LAST_YEAR) or [QUIET]


def differences(zone: str, changes: Sequence[datetime], forms: Sequence[str] = FORMS) -> list[str]:
    """Return where our grid and the oracle differ within a day around ``changes``."""
    jobs = {form: oracle.job(form) for form in forms}
    grids = {form: CronGrid(form, ZoneInfo(zone)) for form in forms}
    found = []
    for change in changes:
        start, end = change - AROUND, change + AROUND
        for form, expected in oracle.jobs_fires(jobs, zone, start, end).items():
            grid, where = grids[form], f"{zone}, {form!r}, around {change:%Y-%m-%dT%H:%MZ}"
            if (fired := list(walk(grid, start, end))) != expected:
                only = sorted(set(fired) ^ set(expected))[:3]
                found.append(f"{where}: fires differ: {[f'{at:%d %H:%MZ}' for at in only]}")
            if (count := grid.count(start, end)) != len(expected):
                found.append(f"{where}: counts {count}, there are {len(expected)}")
            for earlier, later in pairwise(expected):
                if grid.at_or_before(later - MOMENT) != earlier or grid.at_or_before(later) != later:
                    found.append(f"{where}: the last one before {later:%d %H:%MZ} is wrong")
    return found


def days_not_once(zone: str, form: str, years: int) -> list[str]:
    """Return the local days of ``years`` that a daily job (one of :data:`DAILY`) has not exactly once.

    A run belongs to the day whose time it is; a gap at midnight may start it after midnight.
    """
    place = ZoneInfo(zone)
    first = datetime(FIRST_YEAR, 1, 1, 12, tzinfo=place)
    last = first.replace(year=FIRST_YEAR + years)
    late = form.split()[1] == "23"
    walls = [
        oracle.wall_time(zone, at) for at in walk(CronGrid(form, place), first.astimezone(UTC), last.astimezone(UTC))
    ]
    days = [(wall - timedelta(hours=late and wall.hour < 12)).date() for wall in walls]
    begin = first.date() + timedelta(days=0 if late else 1)
    expected = [begin + timedelta(days=number) for number in range((last.date() - first.date()).days)]
    if days == expected:
        return []
    counts = Counter(days)
    counts.subtract(expected)
    wrong = sorted(day for day, count in counts.items() if count)
    return [f"{zone}, {form!r}: not once on {day}" for day in wrong[:5]] or [f"{zone}, {form!r}: not in order"]


def walk(grid: CronGrid, start: datetime, end: datetime) -> Iterator[datetime]:
    """Step through a grid from one fire to the next."""
    at = grid.after(start - MOMENT)
    while at is not None and at < end:
        yield at
        at = grid.after(at)
