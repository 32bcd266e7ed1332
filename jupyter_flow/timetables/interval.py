"""Timetables of data intervals: a run covers the time from its date to the next one, and starts at its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..authoring.schedule import cron_text, delta_fields, delta_words
from ..model.spec import ScheduleSpec
from .described import DescribedTimetable, timezone_of


class CronDataIntervalTimetable(DescribedTimetable):
    """Intervals between the fires of ``cron`` on the wall clock of ``timezone`` (default: the zone of the DAG)."""

    def __init__(self, cron: str, timezone: Any = None) -> None:
        where = type(self).__name__
        expression, zone = cron_text(where, cron), timezone_of(where, timezone)
        super().__init__(ScheduleSpec("cron", expression=expression, timezone=zone, summary=cron.strip()))


class DeltaDataIntervalTimetable(DescribedTimetable):
    """Intervals of length ``delta``, a timedelta or a dateutil relativedelta, from the start date on."""

    def __init__(self, delta: timedelta | Any) -> None:
        fields = delta_fields(type(self).__name__, delta)
        super().__init__(ScheduleSpec("delta", summary=delta_words(delta), **fields))
