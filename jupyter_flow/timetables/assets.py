"""A timetable beside assets: runs when the time comes, and when the assets are updated."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ..authoring.exceptions import DagError
from ..authoring.schedule import asset_condition
from ..model.spec import ScheduleSpec
from .base import DagRunInfo, DataInterval, TimeRestriction, Timetable


class AssetOrTimeSchedule(Timetable):
    """Runs as ``timetable`` says, and when ``assets`` (one, a list: all of them, or an expression) are updated."""

    def __init__(self, *, timetable: Timetable, assets: Any) -> None:
        where = type(self).__name__
        if not isinstance(timetable, Timetable):
            raise DagError(
                f"{where}: timetable must be a timetable such as CronTriggerTimetable('0 2 * * *'), not {timetable!r}"
            )
        if isinstance(timetable, AssetOrTimeSchedule):
            raise DagError(f"{where}: timetable is an AssetOrTimeSchedule itself: join the assets with |")
        self.timetable = timetable
        self.assets = asset_condition(where, assets)
        self.description = f"Triggered by assets or {timetable.description or timetable.summary}"
        self.active_runs_limit = timetable.active_runs_limit

    @property
    def summary(self) -> str:
        """What lists show as the schedule."""
        return f"assets or {self.timetable.summary}"

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return what the timetable says."""
        return self.timetable.next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return what the timetable says."""
        return self.timetable.infer_manual_data_interval(run_after=run_after)

    def schedule_spec(self, where: str) -> ScheduleSpec:
        """Return both as data: that of the timetable, with assets."""
        inner = self.timetable.schedule_spec(where)
        if inner.kind == "none":
            return replace(inner, kind="assets", assets=self.assets, summary="assets")
        return replace(inner, assets=self.assets, summary=self.summary[:200])
