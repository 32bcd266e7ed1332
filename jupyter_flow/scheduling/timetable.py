"""Timetables: when the runs of a DAG start and what they cover."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..model.changes import RunInfo
from ..model.spec import ScheduleSpec
from .cron import CronGrid, check_cron

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


class Grid(Protocol):
    """An endless ascending sequence of instants (UTC)."""

    def after(self, instant: datetime) -> datetime | None:
        """Return the first one later than ``instant``."""

    def at_or_before(self, instant: datetime) -> datetime | None:
        """Return the last one not later than ``instant``."""


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


def check_schedule(schedule: ScheduleSpec, timezone: str) -> str | None:
    """Return why the schedule or the zone is refused, None if both are usable."""
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"timezone {timezone!r} is not known: use an IANA name, e.g. 'Europe/Berlin'"
    if schedule.kind == "cron":
        return check_cron(schedule.expression or "")
    if schedule.kind == "delta" and not (schedule.seconds is not None and 1 <= schedule.seconds <= 3_153_600_000):
        return f"schedule interval of {schedule.seconds} s is not usable: give a timedelta between 1 s and 100 years"
    return None


class Timetable:
    """A checked :class:`ScheduleSpec` (see :func:`check_schedule`) in an IANA zone. Instants are aware."""

    def __init__(self, schedule: ScheduleSpec, timezone: str) -> None:
        self._schedule = schedule
        self._zone = ZoneInfo(timezone)

    def next_run(
        self,
        last_logical: datetime | None,
        now: datetime,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        catchup: bool = False,
    ) -> RunInfo | None:
        """Return the scheduled run that follows the one of ``last_logical`` (None: there was none yet).

        Without ``catchup`` runs before the last complete interval (trigger meaning: before the last fire) are
        passed over, so that at most one run is late. None: nothing more is scheduled.
        """
        kind = self._schedule.kind
        if kind == "none":
            return None
        if kind == "once":
            at = (start_date or now).astimezone(UTC)
            over = last_logical is not None or (end_date is not None and at > end_date)
            return None if over else RunInfo(at, at, at, at)
        grid = self._grid(start_date, last_logical)
        earliest: list[datetime | None] = []
        if last_logical is not None:
            earliest.append(grid.after(last_logical))
        if start_date is not None:
            earliest.append(grid.after(start_date - MOMENT))
        if not catchup or not earliest:
            latest = grid.at_or_before(now)
            if latest is not None and self._schedule.interval:
                latest = grid.at_or_before(latest - MOMENT)
            if latest is not None or not earliest:
                earliest.append(latest)
        return self._info(grid, earliest, end_date)

    def manual_interval(self, instant: datetime) -> tuple[datetime, datetime]:
        """Return the data interval of a manual run at ``instant``: the last complete one, or zero length."""
        instant = instant.astimezone(UTC)
        if not self._schedule.interval or self._schedule.kind not in ("cron", "delta"):
            return instant, instant
        if self._schedule.kind == "delta":
            return instant - timedelta(seconds=self._schedule.seconds or 0), instant
        grid = self._grid(None, None)
        end = grid.at_or_before(instant)
        start = None if end is None else grid.at_or_before(end - MOMENT)
        return (instant, instant) if start is None or end is None else (start, end)

    def upcoming(
        self,
        after: datetime,
        count: int,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> list[RunInfo]:
        """Return up to ``count`` scheduled runs with ``run_after`` later than ``after``."""
        if self._schedule.kind in ("none", "once"):
            info = self.next_run(None, after, start_date, end_date)
            return [info] if info is not None and info.run_after > after and count > 0 else []
        grid = self._grid(start_date, None)
        begin = grid.at_or_before(after) if self._schedule.interval else grid.after(after)
        result: list[RunInfo] = []
        while len(result) < count:
            earliest = [begin]
            if start_date is not None:
                earliest.append(grid.after(start_date - MOMENT))
            info = self._info(grid, earliest, end_date)
            if info is None:
                break
            result.append(info)
            begin = grid.after(info.logical_date)
        return result

    def _info(self, grid: Grid, earliest: list[datetime | None], end_date: datetime | None) -> RunInfo | None:
        starts = [start for start in earliest if start is not None]
        if len(starts) != len(earliest):  # the grid ends
            return None
        start = max(starts)
        if end_date is not None and start > end_date:
            return None
        if not self._schedule.interval:
            return RunInfo(start, start, start, start)
        end = grid.after(start)
        return None if end is None else RunInfo(end, start, start, end)

    def _grid(self, start_date: datetime | None, last_logical: datetime | None) -> Grid:
        if self._schedule.kind == "cron":
            return CronGrid(self._schedule.expression or "", self._zone)
        anchor = (start_date or last_logical or EPOCH).astimezone(UTC)
        return DeltaGrid(anchor, timedelta(seconds=self._schedule.seconds or 0))
