"""Timetables that are data: the scheduler reads their ScheduleSpec. Authors may ask them all the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..authoring.exceptions import DagError
from ..authoring.schedule import delta_fields, zone_name
from ..model.schedule_checks import check_schedule
from ..model.spec import ScheduleSpec
from ..model.timetable import Timetable as Rules
from . import moment
from .base import DagRunInfo, DataInterval, TimeRestriction, Timetable


class DescribedTimetable(Timetable):
    """A timetable made of a ScheduleSpec. A class derived from it that overrides a method is an author's own."""

    def __init__(self, spec: ScheduleSpec) -> None:
        if (why := check_schedule(spec, "UTC")) is not None:
            raise DagError(f"{type(self).__name__}: {why}")
        self._spec = spec
        self._rules = Rules(spec, "UTC")

    @property
    def summary(self) -> str:
        """What lists show as the schedule."""
        return self._spec.summary or super().summary

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run after the one that covered ``last_automated_data_interval``."""
        last = last_automated_data_interval
        info = self._rules.next_run(
            None if last is None else last.start,
            moment.now(),
            restriction.earliest,
            restriction.latest,
            restriction.catchup,
            last_end=None if last is None else last.end,
        )
        if info is None:
            return None
        return DagRunInfo(info.run_after, DataInterval(info.data_interval_start, info.data_interval_end))

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return what a manual run at ``run_after`` covers."""
        return DataInterval(*self._rules.manual_interval(run_after))

    def schedule_spec(self, where: str) -> ScheduleSpec:
        """Return the timetable as data."""
        cls, own = type(self), DescribedTimetable
        if cls.next_dagrun_info is not own.next_dagrun_info:
            return super().schedule_spec(where)
        if cls.infer_manual_data_interval is not own.infer_manual_data_interval:
            return super().schedule_spec(where)
        return self._spec

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary}>"


def timezone_of(where: str, timezone: Any) -> str | None:
    """Return the name of a timetable's own zone; None: that of its DAG."""
    return None if timezone is None else zone_name(where, timezone)


def seconds_of(where: str, name: str, value: Any) -> float:
    """Return a timedelta (or a relativedelta of nothing but time) as seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    fields = delta_fields(where, value) if type(value).__name__ == "relativedelta" else {}
    if "seconds" not in fields:
        raise DagError(f"{where}: {name} must be a timedelta, not {value!r}")
    return float(fields["seconds"])
