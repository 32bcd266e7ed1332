"""Grids: ascending sequences of instants (UTC) at which something recurs. Pure arithmetic."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Protocol

MOMENT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
FEW = 1000
"""Instants that are counted one by one, at most."""
CALENDAR_PARTS = ("years", "months", "weeks", "days", "leapdays", "month", "day", "hour", "minute", "second", "weekday")
TIME_PARTS = ("hours", "minutes", "seconds", "microseconds")


class Grid(Protocol):
    """An ascending sequence of instants (UTC)."""

    def after(self, instant: datetime) -> datetime | None:
        """Return the first one later than ``instant``; None if there is none."""

    def at_or_before(self, instant: datetime) -> datetime | None:
        """Return the last one not later than ``instant``; None if there is none."""

    def count(self, start: datetime, end: datetime) -> int | None:
        """Return how many there are in ``[start, end)``; None if that takes too long to say."""


class DeltaGrid:
    """``anchor`` and every ``step`` before and after it, in absolute time."""

    def __init__(self, anchor: datetime, step: timedelta) -> None:
        self._anchor = anchor
        self._step = step

    def after(self, instant: datetime) -> datetime:
        """Return the first one later than ``instant``."""
        return self.at_or_before(instant) + self._step

    def at_or_before(self, instant: datetime) -> datetime:
        """Return the last one not later than ``instant``."""
        return self._anchor + (instant - self._anchor) // self._step * self._step

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many there are in ``[start, end)``."""
        return max(0, (end - MOMENT - self._anchor) // self._step - (start - MOMENT - self._anchor) // self._step)


class CalendarGrid:
    """``anchor`` and every relativedelta ``step`` before and after it.

    Its calendar parts (years, months, weeks, days, weekday …) count on the wall clock of ``zone``: from the 31st, a
    month later is the last day of the shorter month, and the 31st again after that. Its hours, minutes and seconds
    are absolute time. A wall time that does not come is its first instant after the gap.
    """

    def __init__(self, anchor: datetime, step: Mapping[str, Any], zone: tzinfo) -> None:
        from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

        weekdays = {"weekday": _weekday(step["weekday"])} if step.get("weekday") is not None else {}
        self._calendar = relativedelta(**{**{name: step[name] for name in CALENDAR_PARTS if name in step}, **weekdays})
        self._time = timedelta(**{name: step[name] for name in TIME_PARTS if name in step})
        self._zone = zone
        self._anchor = anchor.astimezone(zone).replace(tzinfo=None)
        rough = self._calendar.years * 365.2425 + self._calendar.months * 30.436875 + self._calendar.days
        self._rough = timedelta(days=rough) + self._time

    @property
    def rough_step(self) -> timedelta:
        """The mean length of a step."""
        return self._rough

    def point(self, number: int) -> datetime:
        """Return the instant ``number`` steps after the anchor. Raises ValueError or OverflowError far away."""
        wall = self._anchor + number * self._calendar
        return place(wall, self._zone) + number * self._time

    def after(self, instant: datetime) -> datetime | None:
        """Return the first one later than ``instant``."""
        return self._at(self._index(instant) + 1)

    def at_or_before(self, instant: datetime) -> datetime | None:
        """Return the last one not later than ``instant``."""
        return self._at(self._index(instant))

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many there are in ``[start, end)``."""
        return max(0, self._index(end - MOMENT) - self._index(start - MOMENT))

    def _at(self, number: int) -> datetime | None:
        try:
            return self.point(number)
        except (ValueError, OverflowError):
            return None

    def _index(self, instant: datetime) -> int:
        number = (instant - self._anchor.replace(tzinfo=UTC)) // self._rough
        while (point := self._at(number)) is not None and point <= instant:
            number += 1
        while (point := self._at(number)) is not None and point > instant:
            number -= 1
        return number


class EventsGrid:
    """A finite list of instants."""

    def __init__(self, events: Sequence[datetime]) -> None:
        self._events = sorted({event.astimezone(UTC) for event in events})

    def after(self, instant: datetime) -> datetime | None:
        """Return the first one later than ``instant``."""
        place = bisect_right(self._events, instant)
        return self._events[place] if place < len(self._events) else None

    def at_or_before(self, instant: datetime) -> datetime | None:
        """Return the last one not later than ``instant``."""
        place = bisect_right(self._events, instant)
        return self._events[place - 1] if place else None

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many there are in ``[start, end)``."""
        return max(0, bisect_left(self._events, end) - bisect_left(self._events, start))


class UnionGrid:
    """All instants of several grids, each once."""

    def __init__(self, grids: Sequence[Grid]) -> None:
        self._grids = grids

    def after(self, instant: datetime) -> datetime | None:
        """Return the first one later than ``instant``."""
        return min((at for grid in self._grids if (at := grid.after(instant)) is not None), default=None)

    def at_or_before(self, instant: datetime) -> datetime | None:
        """Return the last one not later than ``instant``."""
        return max((at for grid in self._grids if (at := grid.at_or_before(instant)) is not None), default=None)

    def count(self, start: datetime, end: datetime) -> int | None:
        """Return how many there are in ``[start, end)``; None for more than :data:`FEW`."""
        found, at = 0, self.after(start - MOMENT)
        while at is not None and at < end:
            found += 1
            if found > FEW:
                return None
            at = self.after(at)
        return found


def place(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant (UTC) of a naive ``wall`` time: the first one if it comes twice, after the gap if never."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return first if first <= second else change_between(zone, second, first)


def change_between(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the first instant in ``(before, after]``, to the second, at which the offset is not that of ``before``."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _weekday(value: Any) -> Any:
    from dateutil.relativedelta import FR, MO, SA, SU, TH, TU, WE

    number, nth = value if isinstance(value, (list, tuple)) else (value, None)
    day: Callable[[int | None], Any] = (MO, TU, WE, TH, FR, SA, SU)[number]
    return day if nth is None else day(nth)
