"""Timetables, as the scheduler names them: they stand on the ground, because authors' classes use them too."""

from __future__ import annotations

from ..model.schedule_checks import check_schedule
from ..model.timetable import Missed, Timetable

__all__ = ["Missed", "Timetable", "check_schedule"]
