"""Room 2, child side: timetables, what ``schedule=`` takes besides text and durations, and the base of authors' own.

May import: ``authoring``, ``model``.
Must never: import the house side or read settings; run anywhere but where a DAG file is loaded.
A change violates this when the scheduler calls a class of this room: it reads the ScheduleSpec that the class gives.
"""

from __future__ import annotations

from .assets import AssetOrTimeSchedule
from .base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from .events import EventsTimetable
from .interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from .simple import ContinuousTimetable, NullTimetable, OnceTimetable
from .trigger import CronTriggerTimetable, DeltaTriggerTimetable, MultipleCronTriggerTimetable

__all__ = [
    "AssetOrTimeSchedule",
    "ContinuousTimetable",
    "CronDataIntervalTimetable",
    "CronTriggerTimetable",
    "DagRunInfo",
    "DataInterval",
    "DeltaDataIntervalTimetable",
    "DeltaTriggerTimetable",
    "EventsTimetable",
    "MultipleCronTriggerTimetable",
    "NullTimetable",
    "OnceTimetable",
    "TimeRestriction",
    "Timetable",
]

_NOT_HERE = {
    "CronPartitionTimetable": "CronTriggerTimetable",
    "PartitionAtRuntime": "schedule=None",
    "PartitionedAtRuntime": "schedule=None",
    "PartitionedAssetTimetable": "assets as schedule",
}


def __getattr__(name: str) -> object:
    if name in _NOT_HERE:
        raise AttributeError(f"{name}: timetables of partitions are not here: use {_NOT_HERE[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
