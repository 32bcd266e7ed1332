"""Timetables: when the runs of a DAG start and what they cover. Pure: what time it is comes as an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .changes import RunInfo
from .cron_grid import CronGrid
from .grids import MOMENT, CalendarGrid, DeltaGrid, EventsGrid, Grid, UnionGrid
from .instants import from_iso
from .spec import ScheduleSpec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GRACE = timedelta(minutes=5)
"""``run_immediately=None``: a fire counts that was a tenth of the time between two fires ago, or this."""
PAUSE = timedelta(seconds=1)
"""Runs of a continuous DAG that end at once begin so far apart."""
PERIODIC = frozenset({"cron", "delta", "events"})
"""Kinds whose dates are a grid."""


@dataclass(frozen=True)
class Missed:
    """Dates that get no run: the logical dates of the first and the last, and how many (None: too many to count)."""

    first_logical_date: datetime
    last_logical_date: datetime
    count: int | None


class Timetable:
    """A :class:`ScheduleSpec` that :mod:`.schedule_checks` finds usable, in an IANA zone. Instants are aware.

    ``timezone`` counts unless the schedule has a zone of its own. ``known``: what a custom timetable has answered,
    in the order of logical dates.
    """

    def __init__(self, schedule: ScheduleSpec, timezone: str, known: Sequence[RunInfo] = ()) -> None:
        self.schedule = schedule
        self.zone_name = schedule.timezone or timezone
        self._zone = ZoneInfo(self.zone_name)
        self._known = known
        self._lead = timedelta(seconds=schedule.trigger_interval)
        self._covers = schedule.interval and schedule.kind in ("cron", "delta")

    # --- scheduled runs

    def next_run(
        self,
        last_logical: datetime | None,
        now: datetime,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        catchup: bool = False,
        *,
        last_end: datetime | None = None,
        window: timedelta | None = None,
        expected: datetime | None = None,
    ) -> RunInfo | None:
        """Return the scheduled run that follows the one of ``last_logical`` (None: there was none yet).

        Without ``catchup`` runs before the last complete interval (trigger meaning: before the last fire) are passed
        over, so that at most one run is late; with it those that were due more than ``window`` ago. ``last_end``: the
        end of the last run's interval. ``expected``: the logical date that was said to be next. None: nothing more is
        scheduled.
        """
        kind = self.schedule.kind
        if kind == "once":
            at = (start_date or now).astimezone(UTC)
            over = last_logical is not None or (end_date is not None and at > end_date)
            return None if over else RunInfo(at, at, at, at)
        if kind == "continuous":
            return _continuous(last_end or last_logical, now.astimezone(UTC), start_date, end_date)
        if kind == "custom":
            return self._next_known(last_logical, now, end_date, catchup, window)
        if kind not in PERIODIC:
            return None
        grid = self._grid(start_date, last_logical)
        keys: list[datetime | None] = []
        if last_logical is not None:
            keys.append(self._key_after(grid, last_logical, last_end))
        if start_date is not None:
            keys.append(grid.after(start_date - MOMENT))
        if not catchup or not keys:
            is_first = last_logical is None and (kind == "events" or start_date is None)
            latest = self._first_look(grid, now, expected) if is_first else self._latest(grid, now)
            if latest is not None or not keys:
                keys.append(latest)
        elif window is not None:
            keys.append(self._oldest_within(grid, now - window))
        return self._info(grid, keys, end_date)

    def missed(
        self,
        since: datetime,
        until: datetime | None,
        now: datetime,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> Missed | None:
        """Return the dates from logical date ``since`` on, before ``until``, that are due at ``now``; None for none."""
        if self.schedule.kind == "custom":
            return self._missed_known(since, until, now, end_date)
        if self.schedule.kind not in PERIODIC:
            return None
        grid = self._grid(start_date, since)
        open_end = grid.at_or_before(now) if self._covers else grid.after(now)
        begin = since + self._lead
        ends = [] if until is None else [until + self._lead]
        ends += [at for at in (open_end, None if end_date is None else end_date + MOMENT) if at is not None]
        end = min(ends, default=now + MOMENT)
        first, last = grid.after(begin - MOMENT), grid.at_or_before(end - MOMENT)
        if first is None or last is None or last < first:
            return None
        return Missed(first - self._lead, last - self._lead, grid.count(first, end))

    def upcoming(
        self,
        after: datetime,
        count: int,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        anchor: datetime | None = None,
    ) -> list[RunInfo]:
        """Return up to ``count`` scheduled runs with ``run_after`` later than ``after``.

        ``anchor``: a logical date of the past, from which a timedelta without ``start_date`` counts.
        """
        if self.schedule.kind == "custom":
            found = [info for info in self._known if info.run_after > after]
            return [info for info in found if end_date is None or info.logical_date <= end_date][:count]
        if self.schedule.kind not in PERIODIC:
            info = self.next_run(None, after, start_date, end_date)
            late = info is None or (info.run_after <= after and self.schedule.kind != "continuous")
            return [] if late or info is None or count < 1 else [info]
        grid = self._grid(start_date, anchor)
        begin = grid.at_or_before(after) if self._covers else None
        begin = begin or grid.after(after)
        result: list[RunInfo] = []
        while len(result) < count:
            keys = [begin]
            if start_date is not None:
                keys.append(grid.after(start_date - MOMENT))
            info = self._info(grid, keys, end_date)
            if info is None:
                break
            result.append(info)
            begin = self._key_after(grid, info.logical_date, info.data_interval_end)
        return result

    def neighbours(self, logical_date: datetime) -> tuple[datetime | None, datetime | None]:
        """Return the logical dates that the schedule has before and after ``logical_date``, None where it has none."""
        if self.schedule.kind not in PERIODIC:
            return None, None
        grid = self._grid(None, logical_date)
        here = logical_date + self._lead
        before, after = grid.at_or_before(here - MOMENT), grid.after(here)
        return (None if before is None else before - self._lead), (None if after is None else after - self._lead)

    # --- manual runs

    def manual_interval(self, instant: datetime) -> tuple[datetime, datetime]:
        """Return the data interval of a manual run at ``instant``: the last complete one, or up to that instant.

        (A custom timetable says so itself, in a child.)
        """
        instant = instant.astimezone(UTC)
        if self.schedule.kind == "events" and self.schedule.restrict_to_events:
            grid = self._grid(None, None)
            event = grid.at_or_before(instant) or grid.after(instant) or instant
            return event, event
        if not self._covers:
            return instant - self._lead, instant
        if self.schedule.kind == "delta":
            grid = self._grid(instant, None)
            return grid.at_or_before(instant - MOMENT) or instant, instant
        grid = self._grid(None, None)
        end = grid.at_or_before(instant)
        start = None if end is None else grid.at_or_before(end - MOMENT)
        return (instant, instant) if start is None or end is None else (start, end)

    # --- the grid. A key is the point of the grid that stands for a run: its start if it covers, else its fire

    def _grid(self, start_date: datetime | None, last_logical: datetime | None) -> Grid:
        schedule = self.schedule
        if schedule.kind == "cron":
            expressions = (schedule.expression or "", *schedule.more_expressions)
            grids = [CronGrid(expression, self._zone) for expression in expressions]
            return grids[0] if len(grids) == 1 else UnionGrid(grids)
        if schedule.kind == "events":
            return EventsGrid([from_iso(event) for event in schedule.events])
        anchor = (start_date or last_logical or EPOCH).astimezone(UTC)
        if schedule.relative is not None:
            return CalendarGrid(anchor, schedule.relative, self._zone)
        return DeltaGrid(anchor, timedelta(seconds=schedule.seconds or 0))

    def _key_after(self, grid: Grid, last_logical: datetime, last_end: datetime | None) -> datetime | None:
        if not self._covers:
            return grid.after(last_end or last_logical + self._lead)
        # A run begins where the last one ended, also if the schedule was another one then.
        aligned = None if last_end is None else grid.at_or_before(last_end)
        return aligned if aligned is not None and aligned > last_logical else grid.after(last_logical)

    def _latest(self, grid: Grid, now: datetime) -> datetime | None:
        latest = grid.at_or_before(now)
        return grid.at_or_before(latest - MOMENT) if latest is not None and self._covers else latest

    def _first_look(self, grid: Grid, now: datetime, expected: datetime | None) -> datetime | None:
        """Return the key of the very first run: what was due before anybody looked is not late."""
        past, following = grid.at_or_before(now), grid.after(now)
        if self._covers:
            return self._latest(grid, now)
        if past is None or (expected is not None and expected + self._lead <= now):
            return past or following
        if self.schedule.kind == "delta":
            return past
        if self.schedule.kind == "events":
            return past if past == now else following
        wish = self.schedule.run_immediately
        if wish is None and following is not None:
            return past if now - past <= max((following - past) / 10, GRACE) else following
        is_late_enough = wish is True or (not isinstance(wish, bool) and now - past <= timedelta(seconds=wish or 0))
        return past if is_late_enough or past == now else following

    def _oldest_within(self, grid: Grid, limit: datetime) -> datetime | None:
        """Return the first key whose run is due at ``limit`` or later."""
        due = grid.after(limit - MOMENT)
        return (grid.at_or_before(due - MOMENT) or due) if due is not None and self._covers else due

    def _info(self, grid: Grid, keys: list[datetime | None], end_date: datetime | None) -> RunInfo | None:
        known = [key for key in keys if key is not None]
        if len(known) != len(keys):  # the grid ends
            return None
        key = max(known)
        if end_date is not None and key > end_date:
            return None
        if not self._covers:
            return RunInfo(key, key - self._lead, key - self._lead, key)
        end = grid.after(key)
        return None if end is None else RunInfo(end, key, key, end)

    # --- custom timetables

    def _next_known(
        self,
        last_logical: datetime | None,
        now: datetime,
        end_date: datetime | None,
        catchup: bool,
        window: timedelta | None,
    ) -> RunInfo | None:
        left = self._left(last_logical, end_date)
        due = [info for info in left if info.run_after <= now]
        if not catchup and len(due) > 1:
            return due[-1]
        if catchup and window is not None:
            left = [info for info in left if info.run_after >= now - window]
        return left[0] if left else None

    def _missed_known(
        self, since: datetime, until: datetime | None, now: datetime, end_date: datetime | None
    ) -> Missed | None:
        dates = [
            info.logical_date
            for info in self._left(since - MOMENT, end_date)
            if info.run_after <= now and (until is None or info.logical_date < until)
        ]
        return Missed(dates[0], dates[-1], len(dates)) if dates else None

    def _left(self, last_logical: datetime | None, end_date: datetime | None) -> list[RunInfo]:
        fits: Callable[[RunInfo], bool] = lambda info: (  # noqa: E731
            (last_logical is None or info.logical_date > last_logical)
            and (end_date is None or info.logical_date <= end_date)
        )
        return [info for info in self._known if fits(info)]


def _continuous(
    last_end: datetime | None, now: datetime, start_date: datetime | None, end_date: datetime | None
) -> RunInfo | None:
    """Return the run that starts at once. Intervals follow on each other, also when the clock was set back."""
    at = max(now, start_date or now).astimezone(UTC)
    if last_end is None:
        start = (start_date or now).astimezone(UTC)
        end = max(at, start)
    else:
        start = last_end
        if timedelta() <= at - last_end < PAUSE:
            at = last_end + PAUSE
        end = max(at, start + MOMENT)
    return None if end_date is not None and end > end_date else RunInfo(at, start, start, end)
