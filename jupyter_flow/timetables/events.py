"""A timetable of listed dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ..authoring.exceptions import DagError
from ..model.instants import to_iso
from ..model.spec import ScheduleSpec
from .described import DescribedTimetable


class EventsTimetable(DescribedTimetable):
    """Runs at ``event_dates`` (each once; naive ones are UTC).

    ``restrict_to_events``: a manual run stands for the last event before it, or the first one of all.
    ``presorted``: accepted, the dates are sorted anyway. ``description``: what lists show.
    """

    def __init__(
        self,
        event_dates: Iterable[datetime],
        restrict_to_events: bool = False,
        presorted: bool = False,
        description: str | None = None,
    ) -> None:
        where = type(self).__name__
        dates = list(event_dates)
        if bad := [date for date in dates if not isinstance(date, datetime)]:
            raise DagError(f"{where}: event_dates are datetimes, not {bad[0]!r}")
        aware = {date if date.tzinfo is not None else date.replace(tzinfo=UTC) for date in dates}
        self.event_dates = sorted(aware)
        self.restrict_to_events = bool(restrict_to_events)
        super().__init__(
            ScheduleSpec(
                "events",
                interval=False,
                events=tuple(dict.fromkeys(to_iso(date) for date in self.event_dates)),
                restrict_to_events=self.restrict_to_events,
                summary=description or f"{len(self.event_dates)} events",
            )
        )
        self.description = description or self._words()

    def _words(self) -> str:
        if not self.event_dates:
            return "No events"
        first, last = self.event_dates[0], self.event_dates[-1]
        return f"{len(self.event_dates)} events between {first.isoformat()} and {last.isoformat()}"
