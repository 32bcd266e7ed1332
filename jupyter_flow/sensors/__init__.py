"""Room 2, child side: sensors, tasks that wait until something is so.

May import: ``authoring``, ``operators``, ``model``.
Must never: import the runner or the house side; ask the house but through the runtime.
A change violates this when a sensor keeps its slot although it could be started again later.
"""

from __future__ import annotations

from .base import BaseSensorOperator, PokeReturnValue
from .calls import BashSensor, PythonSensor
from .clock import DateTimeSensor, DayOfWeekSensor, TimeDeltaSensor, TimeSensor, WaitSensor
from .external import AssetSensor, ExternalTaskMarker, ExternalTaskSensor
from .files import FileSensor
from .sql import SqlSensor
from .web import HttpSensor

__all__ = [
    "AssetSensor",
    "BaseSensorOperator",
    "BashSensor",
    "DateTimeSensor",
    "DayOfWeekSensor",
    "ExternalTaskMarker",
    "ExternalTaskSensor",
    "FileSensor",
    "HttpSensor",
    "PokeReturnValue",
    "PythonSensor",
    "SqlSensor",
    "TimeDeltaSensor",
    "TimeSensor",
    "WaitSensor",
]
