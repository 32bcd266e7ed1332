"""Cron expressions as a grid of instants, with daylight saving by the Vixie-cron rule.

A job with a fixed hour and minute fires exactly once per local day: if its time is skipped it fires at the first
instant after the gap, if its time comes twice it fires the first time only. A job whose minute or hour field
starts with ``*`` follows the clock: it has no fire in a gap and fires in both passes of a repeated hour.
The expression is evaluated on naive local time; placing the result on the time line is done here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter  # type: ignore[import-untyped]
from croniter.croniter import CroniterBadDateError, CroniterError  # type: ignore[import-untyped]

MAX_LENGTH = 250
MINUTE = timedelta(minutes=1)
SLACK = timedelta(hours=3)
"""Vixie's bound: larger jumps of the wall clock count as a new clock, nothing is made up for."""
NEAR = timedelta(hours=12)
"""Within this span no zone has two transitions, so equal offsets at both ends mean that there is none between."""
_SOME_INSTANT = datetime(2024, 1, 1)
_ALLOWED = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*/,-#? ")


def check_cron(text: str) -> str | None:
    """Return None if ``text`` is a cron expression of five fields that fires at all, else why it is refused."""
    help_text = "write five fields: minute hour day month weekday, e.g. '0 2 * * *'"
    if len(text) > MAX_LENGTH:
        return f"cron expression has {len(text)} characters, more than {MAX_LENGTH}: {help_text}"
    fields = text.split()
    if len(fields) != 5:
        return f"cron expression {text!r} has {len(fields)} fields: {help_text}"
    if not set(" ".join(fields)) <= _ALLOWED:
        return f"cron expression {text!r} has characters that cron does not know: {help_text}"
    if any(field[0] in "hHrR" for field in fields):
        return f"cron expression {text!r} asks for a random time (H or R), which is not supported: {help_text}"
    try:
        croniter(" ".join(fields), _SOME_INSTANT).get_next(datetime)
    except CroniterBadDateError:
        return f"cron expression {text!r} never fires: there is no such date"
    except (CroniterError, ValueError, KeyError, IndexError) as error:
        return f"cron expression {text!r} is not valid ({error}): {help_text}"
    return None


class CronGrid:
    """The instants at which a checked ``expression`` fires on the wall clock of ``zone``. All answers are UTC."""

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        self._expression = " ".join(expression.split())
        self._zone = zone
        minute, hour = self._expression.split(" ")[:2]
        self._is_fixed = not minute.startswith("*") and not hour.startswith("*")

    def after(self, instant: datetime) -> datetime | None:
        """Return the first fire later than ``instant``; None if there is none within fifty years."""
        instant = instant.astimezone(UTC).replace(second=0, microsecond=0)
        naive = self._wall(instant)
        if (near := self._without_transition(instant, self._next(naive))) is not None:
            return near
        best: datetime | None = None
        candidate = self._next(naive - SLACK)
        while candidate is not None and (best is None or candidate <= self._wall(best) + SLACK):
            for placed in self._place(candidate):
                if placed > instant and (best is None or placed < best):
                    best = placed
            candidate = self._next(candidate)
        return best

    def at_or_before(self, instant: datetime) -> datetime | None:
        """Return the last fire that is not later than ``instant``; None if there is none within fifty years."""
        instant = instant.astimezone(UTC).replace(second=0, microsecond=0)
        naive = self._wall(instant)
        if (near := self._without_transition(instant, self._previous(naive + MINUTE))) is not None:
            return near
        best: datetime | None = None
        candidate = self._previous(naive + SLACK)
        while candidate is not None and (best is None or candidate >= self._wall(best) - SLACK):
            for placed in self._place(candidate):
                if placed <= instant and (best is None or placed > best):
                    best = placed
            candidate = self._previous(candidate)
        return best

    def _without_transition(self, instant: datetime, candidate: datetime | None) -> datetime | None:
        """Place ``candidate`` if it is near and no change of the offset lies between it and ``instant``."""
        if candidate is None:
            return None
        local = instant.astimezone(self._zone)
        placed = candidate.replace(tzinfo=self._zone)
        ends = [end.replace(fold=fold).utcoffset() for end in (local, placed) for fold in (0, 1)]
        found = placed.astimezone(UTC)
        return found if len(set(ends)) == 1 and abs(found - instant) <= NEAR else None

    def _place(self, naive: datetime) -> list[datetime]:
        """Return the instants at which a fire at local time ``naive`` happens: none, one or two."""
        first = naive.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        second = naive.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        if first == second:
            return [first]
        if first < second:  # this wall time comes twice
            return [first] if self._is_fixed else [first, second]
        if not self._is_fixed or first - second > SLACK:  # it does not come
            return []
        return [self._end_of_gap(second, first)]

    def _end_of_gap(self, before: datetime, after: datetime) -> datetime:
        old = before.astimezone(self._zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = (before + (after - before) / 2).replace(microsecond=0)
            if middle == before or middle.astimezone(self._zone).utcoffset() != old:
                after = max(middle, before + timedelta(seconds=1))
            else:
                before = middle
        return after

    def _wall(self, instant: datetime) -> datetime:
        return instant.astimezone(self._zone).replace(tzinfo=None, second=0, fold=0)

    def _next(self, naive: datetime) -> datetime | None:
        try:
            found: datetime = croniter(self._expression, naive).get_next(datetime)
        except CroniterBadDateError:
            return None
        return found

    def _previous(self, naive: datetime) -> datetime | None:
        try:
            found: datetime = croniter(self._expression, naive).get_prev(datetime)
        except CroniterBadDateError:
            return None
        return found
