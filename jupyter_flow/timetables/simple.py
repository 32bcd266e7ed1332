"""Timetables without dates: never, once, again and again."""

from __future__ import annotations

from ..model.spec import ScheduleSpec
from .described import DescribedTimetable


class NullTimetable(DescribedTimetable):
    """Manual runs only: ``schedule=None``."""

    description = "Never, external triggers only"
    periodic = False
    can_be_scheduled = False

    def __init__(self) -> None:
        super().__init__(ScheduleSpec())


class OnceTimetable(DescribedTimetable):
    """One run, at the start date or as soon as possible: ``@once``."""

    description = "Once, as soon as possible"
    periodic = False

    def __init__(self) -> None:
        super().__init__(ScheduleSpec("once", summary="@once"))


class ContinuousTimetable(DescribedTimetable):
    """The next run starts when the last one has ended: ``@continuous``. Needs ``max_active_runs=1``."""

    description = "As frequently as possible, but only one run at a time"
    periodic = False
    active_runs_limit = 1

    def __init__(self) -> None:
        super().__init__(ScheduleSpec("continuous", summary="@continuous"))
