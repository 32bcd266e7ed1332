"""Sensors of time: they know their instant, so they are started again exactly then. No code of the author in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context, dag_zone
from ..authoring.exceptions import DagError, FlowFailException
from ..authoring.schedule import instant
from ..authoring.weekday import WeekDay
from .base import FIELDS, BaseSensorOperator, first_start


class InstantSensor(BaseSensorOperator):
    """Waits until an instant that is known from the beginning."""

    needs_dag_file: ClassVar[bool] = False

    def moment(self, context: Context) -> datetime:
        """Return the instant (aware)."""
        raise NotImplementedError

    def poke(self, context: Context) -> bool:
        """Tell whether the instant has come."""
        self._moment = self.moment(context)
        return context["runtime"].now() >= self._moment

    def next_poke(self, now: datetime, pokes: int) -> datetime:
        """Return the instant itself."""
        return self._moment


class DateTimeSensor(InstantSensor):
    """Waits until ``target_time``: a datetime, or templated text in ISO 8601 (naive: in the DAG's zone)."""

    template_fields: ClassVar[Sequence[str]] = ("target_time", "env", "cwd")
    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "target_time")

    def __init__(self, task_id: str, *, target_time: str | datetime, **sensor_args: Any) -> None:
        super().__init__(task_id, **sensor_args)
        if not isinstance(target_time, (str, datetime)) and not hasattr(target_time, "resolve"):
            raise DagError(f"task {task_id!r}: target_time must be a datetime or ISO 8601 text, not {target_time!r}")
        if isinstance(target_time, str) and "{" not in target_time:
            instant(f"task {task_id!r}", "target_time", target_time)
        self.target_time = target_time.isoformat() if isinstance(target_time, datetime) else target_time

    def moment(self, context: Context) -> datetime:
        """Return ``target_time``."""
        try:
            found = datetime.fromisoformat(str(self.target_time))
        except ValueError:
            raise FlowFailException(f"target_time {self.target_time!r} is not an ISO 8601 date") from None
        return found if found.tzinfo is not None else found.replace(tzinfo=dag_zone(context))


class TimeSensor(InstantSensor):
    """Waits until ``target_time`` (a ``datetime.time``) on the day of its first poke, in the DAG's zone."""

    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "target_time")

    def __init__(self, task_id: str, *, target_time: time | str, **sensor_args: Any) -> None:
        super().__init__(task_id, **sensor_args)
        found: Any = target_time
        try:
            found = time.fromisoformat(target_time) if isinstance(target_time, str) else target_time
        except ValueError:
            pass
        if not isinstance(found, time):
            raise DagError(f"task {task_id!r}: target_time must be a time such as time(6, 30), not {target_time!r}")
        self.target_time = found.isoformat()

    def moment(self, context: Context) -> datetime:
        """Return the time of day on the day of the first poke."""
        at = time.fromisoformat(self.target_time)
        zone = at.tzinfo or dag_zone(context)
        return datetime.combine(first_start(context).astimezone(zone).date(), at.replace(tzinfo=zone))


class TimeDeltaSensor(InstantSensor):
    """Waits until ``delta`` after the end of the run's data interval (without one: after the run could start)."""

    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "delta")

    def __init__(self, task_id: str, *, delta: timedelta | float, **sensor_args: Any) -> None:
        super().__init__(task_id, **sensor_args)
        self.delta = checks.seconds(f"task {task_id!r}", "delta", delta)

    def moment(self, context: Context) -> datetime:
        """Return the end of the data interval plus ``delta``."""
        end: datetime | None = context.get("data_interval_end")
        start = end if end is not None else context["dag_run"].queued_at
        return start.astimezone(UTC) + timedelta(seconds=self.delta)


class WaitSensor(InstantSensor):
    """Waits ``time_to_wait`` from its first poke on."""

    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "time_to_wait")

    def __init__(self, task_id: str, *, time_to_wait: timedelta | float, **sensor_args: Any) -> None:
        super().__init__(task_id, **sensor_args)
        self.time_to_wait = checks.seconds(f"task {task_id!r}", "time_to_wait", time_to_wait)

    def moment(self, context: Context) -> datetime:
        """Return the first poke plus ``time_to_wait``."""
        return first_start(context) + timedelta(seconds=self.time_to_wait)


class DayOfWeekSensor(BaseSensorOperator):
    """Waits until it is one of the days ``week_day`` in the DAG's zone.

    ``week_day``: ``"Monday"``, :class:`WeekDay`, or a set of days. With ``use_task_logical_date`` the day of the
    logical date counts.
    """

    needs_dag_file: ClassVar[bool] = False
    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "week_day", "use_task_logical_date")

    def __init__(
        self,
        task_id: str,
        *,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool | None = None,
        **sensor_args: Any,
    ) -> None:
        super().__init__(task_id, **sensor_args)
        try:
            days = WeekDay.validate_week_day(week_day)
        except DagError as error:
            raise DagError(f"task {task_id!r}: {error}") from None
        self.week_day = sorted(WeekDay(day).name for day in days)
        logical = use_task_logical_date if use_task_execution_day is None else use_task_execution_day
        self.use_task_logical_date = bool(logical)

    def poke(self, context: Context) -> bool:
        """Tell whether it is the day."""
        at = context["runtime"].now()
        if self.use_task_logical_date:
            at = context.get("logical_date")
            if at is None:
                raise FlowFailException("use_task_logical_date: this DAG run has no logical date")
        return at.astimezone(dag_zone(context)).isoweekday() in WeekDay.validate_week_day(self.week_day)
