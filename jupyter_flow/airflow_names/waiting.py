"""Airflow's ``…Async`` sensors: they wait without a slot, which is ``mode="reschedule"`` here."""

from __future__ import annotations

from typing import Any, ClassVar

from ..authoring.operator import BaseOperator
from ..sensors.clock import DateTimeSensor, TimeDeltaSensor, TimeSensor


class DateTimeSensorAsync(DateTimeSensor):
    """:class:`DateTimeSensor` without a slot."""

    alias_of: ClassVar[type[BaseOperator]] = DateTimeSensor

    def __init__(self, task_id: str, **sensor_args: Any) -> None:
        super().__init__(task_id, **{"mode": "reschedule", **sensor_args})


class TimeSensorAsync(TimeSensor):
    """:class:`TimeSensor` without a slot."""

    alias_of: ClassVar[type[BaseOperator]] = TimeSensor

    def __init__(self, task_id: str, **sensor_args: Any) -> None:
        super().__init__(task_id, **{"mode": "reschedule", **sensor_args})


class TimeDeltaSensorAsync(TimeDeltaSensor):
    """:class:`TimeDeltaSensor` without a slot."""

    alias_of: ClassVar[type[BaseOperator]] = TimeDeltaSensor

    def __init__(self, task_id: str, **sensor_args: Any) -> None:
        super().__init__(task_id, **{"mode": "reschedule", **sensor_args})
