"""The base of timetables, and what they are asked with and answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ..authoring.exceptions import DagError
from ..authoring.location import warn
from ..model.spec import ScheduleSpec


class DataInterval(NamedTuple):
    """The time that a run covers: ``[start, end)``. Both are aware."""

    start: datetime
    end: datetime

    @classmethod
    def exact(cls, at: datetime) -> DataInterval:
        """Return the interval that is nothing but the instant ``at``."""
        return cls(at, at)


class TimeRestriction(NamedTuple):
    """What the DAG allows: dates from ``earliest`` to ``latest`` (both included, None: no bound), and ``catchup``."""

    earliest: datetime | None
    latest: datetime | None
    catchup: bool


class DagRunInfo(NamedTuple):
    """A run to come: when it may start (aware), and what it covers."""

    run_after: datetime
    data_interval: DataInterval

    @classmethod
    def exact(cls, at: datetime) -> DagRunInfo:
        """Return a run that starts at ``at`` and covers nothing but that instant."""
        return cls(at, DataInterval.exact(at))

    @classmethod
    def interval(cls, start: datetime, end: datetime) -> DagRunInfo:
        """Return a run that covers ``[start, end)`` and starts at its end."""
        return cls(end, DataInterval(start, end))

    @property
    def logical_date(self) -> datetime:
        """The start of what the run covers."""
        return self.data_interval.start


class Timetable:
    """Base of timetables. An author's own one overrides :meth:`next_dagrun_info`.

    The house asks it in a process of its own, many runs ahead, and keeps the answers: they must be the same whenever
    it is asked with the same arguments. ``periodic``, ``can_be_scheduled`` and ``run_ordering`` are accepted for files
    that set them. ``active_runs_limit``: the most ``max_active_runs`` that the DAG may have.
    """

    description: str = ""
    periodic: bool = True
    can_be_scheduled: bool = True
    run_ordering: Sequence[str] = ("data_interval_end", "logical_date")
    active_runs_limit: int | None = None

    @property
    def summary(self) -> str:
        """What lists show as the schedule."""
        return type(self).__name__

    @property
    def type_name(self) -> str:
        """Module and name of the class."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Return the timetable that :meth:`serialize` described."""
        return cls(**data)

    def serialize(self) -> dict[str, Any]:
        """Return the arguments that make this timetable again. (The house does not ask: it loads the DAG file.)"""
        return {}

    def validate(self) -> None:
        """Raise an error if the timetable cannot be used; called when the DAG file is loaded."""

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run after the one that covered ``last_automated_data_interval`` (None: there was none yet).

        None: nothing more is scheduled for now.
        """
        raise NotImplementedError

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return what a manual run at ``run_after`` covers; unless overridden, that instant."""
        return DataInterval.exact(run_after)

    def generate_run_id(self, **facts: Any) -> str:
        """Not used: the house names runs itself."""
        raise NotImplementedError

    def schedule_spec(self, where: str) -> ScheduleSpec:
        """Return the timetable as data. Raises :class:`DagError` if it cannot be used."""
        cls = type(self)
        if cls.next_dagrun_info is Timetable.next_dagrun_info:
            raise DagError(f"{where}: timetable {cls.__name__} has no method next_dagrun_info")
        if cls.generate_run_id is not Timetable.generate_run_id:
            warn(f"{where}: timetable {cls.__name__}: generate_run_id has no effect, runs are named by the house")
        try:
            self.validate()
            summary = str(self.summary)
        except Exception as error:
            text = " ".join(str(error).split())
            raise DagError(f"{where}: timetable {cls.__name__} is not valid: {text or type(error).__name__}") from None
        return ScheduleSpec("custom", timetable=cls.__qualname__, summary=summary[:200])
