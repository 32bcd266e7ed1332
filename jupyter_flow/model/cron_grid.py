"""A cron expression on the wall clock of a zone, with daylight saving by the Vixie-cron rule.

A job with a fixed hour and minute fires exactly once per local day: if its time is skipped it fires at the first
instant after the gap, if its time comes twice it fires the first time only. A job whose minute or hour field
starts with ``*`` follows the clock: it has no fire in a gap and fires in both passes of a repeated hour.
Vixie cron takes a jump of three hours and more for a clock that was set anew; here the zone is known, so that only
a jump of a whole day or more is none of daylight saving: the place never had that date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from .cron import DAY, cron_fields
from .grids import SECOND, change_between, place

STEP = timedelta(hours=6)
"""Within this span no zone has two transitions, so equal offsets at both ends mean that there is none between."""
NEAR = 2 * DAY
FAR_SIDE = timedelta(hours=36)
"""More than the largest change of an offset: so near to a fire nothing is jumped over."""
LONG = 20 * 366 * DAY
"""Fires are counted in no longer a time."""
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC) + NEAR, datetime.max.replace(tzinfo=UTC) - NEAR
"""Between these every instant has a wall time in every zone."""


class CronGrid:
    """The instants at which ``expression`` fires on the wall clock of ``zone``. All answers are UTC.

    Raises :class:`InvalidInput` for an expression that :func:`.cron.check_cron` refuses.
    """

    def __init__(self, expression: str, zone: tzinfo) -> None:
        self._fields = cron_fields(expression)
        self._zone = zone

    def after(self, instant: datetime) -> datetime | None:
        """Return the first fire later than ``instant``; None if there is none within fifty years."""
        instant = instant.astimezone(UTC).replace(microsecond=0)
        return self._after_fixed(instant) if self._fields.is_fixed else self._after_wildcard(instant)

    def at_or_before(self, instant: datetime) -> datetime | None:
        """Return the last fire that is not later than ``instant``; None if there is none within fifty years."""
        instant = instant.astimezone(UTC).replace(microsecond=0)
        return self._before_fixed(instant) if self._fields.is_fixed else self._before_wildcard(instant)

    def count(self, start: datetime, end: datetime) -> int | None:
        """Return how many fires are in ``[start, end)``; None for more than twenty years."""
        first, last = (_whole(at) for at in (start, end))
        if last - first > LONG:
            return None
        pieces = list(self._pieces(first, last)) if last > first else []
        return self._count_fixed(first, pieces) if self._fields.is_fixed else self._count_wildcard(pieces)

    # --- fixed jobs: what counts is how far local time has come

    def _after_fixed(self, instant: datetime) -> datetime | None:
        candidate = self._fields.after(self._come_to(instant))
        while candidate is not None and self._is_lost(candidate):
            candidate = self._fields.after(candidate)
        return None if candidate is None else place(candidate, self._zone)

    def _before_fixed(self, instant: datetime) -> datetime | None:
        candidate = self._fields.at_or_before(self._come_to(instant))
        while candidate is not None and self._is_lost(candidate):
            candidate = self._fields.at_or_before(candidate - SECOND)
        return None if candidate is None else place(candidate, self._zone)

    def _come_to(self, instant: datetime) -> datetime:
        """Return the latest wall time that there has been: in a repeated hour the end of its first pass."""
        wall = self._wall(instant)
        change = self._last_change(instant - DAY, instant)
        return wall if change is None else max(wall, self._wall(change - SECOND))

    def _is_lost(self, wall: datetime) -> bool:
        """Tell whether the wall time lies in a day that the zone never had."""
        early = wall.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        return wall.replace(tzinfo=self._zone, fold=0).astimezone(UTC) - early >= DAY

    # --- wildcard jobs: what counts is what the clock shows, piece by piece of equal offset

    def _after_wildcard(self, at: datetime) -> datetime | None:
        is_open = True  # whether ``at`` itself is out
        while True:
            wall = self._wall(at)
            candidate = self._fields.after(wall if is_open else wall - SECOND)
            if candidate is None:
                return None
            found = candidate.replace(tzinfo=UTC) - self._offset(at)
            change = self._first_change(at, min(found, at + NEAR))
            if change is not None:
                at, is_open = change, False
            elif found <= at + NEAR:
                return found
            else:
                at, is_open = found - FAR_SIDE, True

    def _before_wildcard(self, at: datetime) -> datetime | None:
        while True:
            candidate = self._fields.at_or_before(self._wall(at))
            if candidate is None:
                return None
            found = candidate.replace(tzinfo=UTC) - self._offset(at)
            change = self._last_change(max(found, at - NEAR), at)
            if change is not None:
                at = change - SECOND
            elif found >= at - NEAR:
                return found
            else:
                at = found + FAR_SIDE

    # --- counting

    def _count_wildcard(self, pieces: list[tuple[datetime, datetime]]) -> int:
        return sum(self._fields.count(self._wall(start), self._wall(end - SECOND) + SECOND) for start, end in pieces)

    def _count_fixed(self, first: datetime, pieces: list[tuple[datetime, datetime]]) -> int:
        count = 0
        come_to = self._come_to(first - SECOND)
        for start, end in pieces:
            here, last = self._wall(start), self._wall(end - SECOND)
            if here > come_to + SECOND:  # all that the gap passes over is one fire, at its end
                begin = come_to + SECOND if here - come_to <= DAY else here
                count += min(1, self._fields.count(begin, here + SECOND))
                come_to = here
            if last > come_to:
                count += self._fields.count(come_to + SECOND, last + SECOND)
                come_to = last
        return count

    def _pieces(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Cut ``[start, end)`` where the offset changes."""
        for year in range(start.year, end.year + 1):
            for change in changes_in(self._zone, year):
                if start < change < end:
                    yield start, change
                    start = change
        yield start, end

    # --- the zone

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self._zone).utcoffset() or timedelta()

    def _wall(self, instant: datetime) -> datetime:
        return instant.astimezone(self._zone).replace(tzinfo=None, fold=0)

    def _first_change(self, start: datetime, end: datetime) -> datetime | None:
        """Return the first instant in ``(start, end]`` at which the offset changes."""
        return first_change(self._zone, start, end)

    def _last_change(self, start: datetime, end: datetime) -> datetime | None:
        """Return the last instant in ``(start, end]`` at which the offset changes."""
        new = self._offset(end)
        while start < end:
            since = max(end - STEP, start)
            if self._offset(since) != new:
                return change_between(self._zone, since, end)
            end = since
        return None


def first_change(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """Return the first instant in ``(start, end]`` at which the offset of ``zone`` changes."""
    old = start.astimezone(zone).utcoffset()
    while start < end:
        until = min(start + STEP, end)
        if until.astimezone(zone).utcoffset() != old:
            return change_between(zone, start, until)
        start = until
    return None


@lru_cache(maxsize=8192)
def changes_in(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    """Return when the offset of ``zone`` changes in a year of UTC, its first instant left out, the next year's not.

    Kept, as a scheduler asks for many years of the same few zones, and a year is looked through in 1,500 steps.
    """
    at = max(datetime(year, 1, 1, tzinfo=UTC), EARLIEST)
    end = datetime(year + 1, 1, 1, tzinfo=UTC) if year < LATEST.year else LATEST
    found = []
    while (change := first_change(zone, at, end)) is not None:
        found.append(change)
        at = change
    return tuple(found)


def _whole(instant: datetime) -> datetime:
    """Return ``instant`` rounded up to a whole second."""
    floor = instant.astimezone(UTC).replace(microsecond=0)
    return floor if floor == instant else floor + SECOND
