"""Timetables of instants: a run starts at its date, and covers the ``interval`` before it (nothing unless given)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..authoring.exceptions import DagError
from ..authoring.schedule import cron_text, delta_fields, delta_words
from ..model.spec import ScheduleSpec
from .described import DescribedTimetable, seconds_of, timezone_of

NOTHING = timedelta()


class MultipleCronTriggerTimetable(DescribedTimetable):
    """Runs whenever one of ``crons`` fires on the wall clock of ``timezone`` (default: the zone of the DAG).

    Several that fire together make one run. ``run_immediately`` counts for the first run of a DAG without start
    date: whether it is the last fire (True), the next one (False), the last one if it is no longer ago than a
    timedelta, or (None) than a tenth of the time between two fires.
    """

    def __init__(
        self,
        *crons: str,
        timezone: Any = None,
        interval: timedelta | Any = NOTHING,
        run_immediately: bool | timedelta | None = False,
    ) -> None:
        where = type(self).__name__
        if not crons:
            raise DagError(f"{where}: name at least one cron expression")
        expressions = tuple(dict.fromkeys(cron_text(where, cron) for cron in crons))
        wish = run_immediately
        super().__init__(
            ScheduleSpec(
                "cron",
                expression=expressions[0],
                more_expressions=expressions[1:],
                interval=False,
                trigger_interval=seconds_of(where, "interval", interval),
                run_immediately=wish.total_seconds() if isinstance(wish, timedelta) else wish,
                timezone=timezone_of(where, timezone),
                summary=", ".join(cron.strip() for cron in crons)[:200],
            )
        )


class CronTriggerTimetable(MultipleCronTriggerTimetable):
    """Runs when ``cron`` fires on the wall clock of ``timezone`` (default: the zone of the DAG).

    ``run_immediately``: see :class:`MultipleCronTriggerTimetable`.
    """

    def __init__(
        self,
        cron: str,
        *,
        timezone: Any = None,
        interval: timedelta | Any = NOTHING,
        run_immediately: bool | timedelta | None = False,
    ) -> None:
        super().__init__(cron, timezone=timezone, interval=interval, run_immediately=run_immediately)


class DeltaTriggerTimetable(DescribedTimetable):
    """Runs every ``delta``, a timedelta or a dateutil relativedelta, from the start date on."""

    def __init__(self, delta: timedelta | Any, *, interval: timedelta | Any = NOTHING) -> None:
        where = type(self).__name__
        fields = delta_fields(where, delta)
        lead = seconds_of(where, "interval", interval)
        super().__init__(
            ScheduleSpec("delta", interval=False, trigger_interval=lead, summary=delta_words(delta), **fields)
        )
