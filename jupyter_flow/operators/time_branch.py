"""Branches by the clock: newest run or not, day of the week, a window of time. No code of the author runs in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from ..authoring.context import Context, dag_zone
from ..authoring.exceptions import DagError, FlowException, FlowFailException
from ..authoring.weekday import WeekDay
from ..model.instants import from_iso
from .branch import BaseBranchOperator, branch_ids

Moment = datetime | time
CLOCKED = ("scheduled", "backfill")
"""Types of runs that come from the schedule; the others are always the newest of their kind."""


class LatestOnlyOperator(BaseBranchOperator):
    """Skips the tasks directly after it unless its DAG run is the newest one of the schedule.

    A scheduled run or a backfill is not the newest when the next run of the schedule is due already. Runs that were
    triggered go on.
    """

    needs_dag_file: ClassVar[bool] = False

    def execute(self, context: Context) -> Any:
        """Go on, or skip what comes directly after."""
        runtime = context["runtime"]
        if context["dag_run"].run_type not in CLOCKED:
            self.log.info("a run of type %s goes on", context["dag_run"].run_type)
            return
        due = runtime.ask("ask.next_run")["run_after"]
        if due is None or from_iso(due) > runtime.now():
            self.log.info("the newest run goes on (the next one is due %s)", due or "never")
            return
        self.log.info("not the newest run: the next one is due since %s", due)
        runtime.follow({"branch": []})


class _TimeBranch(BaseBranchOperator):
    """A branch between two lists of ids that the DAG file names."""

    needs_dag_file: ClassVar[bool] = False
    spec_fields: ClassVar[Sequence[str]] = (
        "follow_task_ids_if_true",
        "follow_task_ids_if_false",
        "use_task_logical_date",
    )

    def __init__(
        self,
        task_id: str,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        use_task_logical_date: bool = False,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        self.follow_task_ids_if_true = _listed(follow_task_ids_if_true)
        self.follow_task_ids_if_false = _listed(follow_task_ids_if_false)
        self.use_task_logical_date = bool(use_task_logical_date)

    def check_in_dag(self) -> None:
        """Refuse ids that the finished DAG does not have, when the file is loaded."""
        for name in ("follow_task_ids_if_true", "follow_task_ids_if_false"):
            try:
                setattr(self, name, branch_ids(self, getattr(self, name)))
            except FlowException as error:
                raise DagError(f"{name}: {error}") from None

    def is_true(self, now: datetime, zone: ZoneInfo) -> bool:
        """Tell which of the two lists goes on at ``now`` in the DAG's time zone."""
        raise NotImplementedError

    def choose_branch(self, context: Context) -> Any:
        """Look at the clock."""
        zone = dag_zone(context)
        now = context["runtime"].now()
        if self.use_task_logical_date:
            now = context.get("logical_date")
            if now is None:
                raise FlowFailException("use_task_logical_date: this DAG run has no logical date")
        chosen = self.follow_task_ids_if_true if self.is_true(now, zone) else self.follow_task_ids_if_false
        self.log.info("it is %s", now.astimezone(zone).isoformat())
        return chosen


class BranchDayOfWeekOperator(_TimeBranch):
    """Follows ``follow_task_ids_if_true`` on the days of ``week_day``, else ``follow_task_ids_if_false``.

    ``week_day``: ``"Monday"``, :class:`WeekDay.MONDAY`, or a set of days. The day is today in the DAG's time zone, or
    with ``use_task_logical_date`` that of the logical date.
    """

    spec_fields: ClassVar[Sequence[str]] = (*_TimeBranch.spec_fields, "week_day")

    def __init__(
        self,
        task_id: str,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool | None = None,
        **operator_args: Any,
    ) -> None:
        logical = use_task_logical_date if use_task_execution_day is None else use_task_execution_day
        super().__init__(
            task_id,
            follow_task_ids_if_true=follow_task_ids_if_true,
            follow_task_ids_if_false=follow_task_ids_if_false,
            use_task_logical_date=logical,
            **operator_args,
        )
        try:
            numbers = WeekDay.validate_week_day(week_day)
        except DagError as error:
            raise DagError(f"task {task_id!r}: {error}") from None
        self.week_day = [WeekDay(number).name for number in sorted(numbers)]

    def is_true(self, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether it is one of the days."""
        return WeekDay(now.astimezone(zone).isoweekday()).name in self.week_day


class BranchDateTimeOperator(_TimeBranch):
    """Follows ``follow_task_ids_if_true`` from ``target_lower`` to ``target_upper``, else ``follow_task_ids_if_false``.

    The targets are datetimes or times of the day (or ISO 8601 text), in the DAG's time zone where they have none; at
    least one is needed. Times of the day are those of today; an upper one before the lower one is that of tomorrow.
    With ``use_task_logical_date`` the logical date is compared, not the clock.
    """

    def __init__(
        self,
        task_id: str,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        target_lower: Moment | str | None = None,
        target_upper: Moment | str | None = None,
        use_task_logical_date: bool = False,
        **operator_args: Any,
    ) -> None:
        super().__init__(
            task_id,
            follow_task_ids_if_true=follow_task_ids_if_true,
            follow_task_ids_if_false=follow_task_ids_if_false,
            use_task_logical_date=use_task_logical_date,
            **operator_args,
        )
        where = f"task {task_id!r}"
        self.target_lower = _moment(where, "target_lower", target_lower)
        self.target_upper = _moment(where, "target_upper", target_upper)
        if self.target_lower is None and self.target_upper is None:
            raise DagError(f"{where}: give target_lower or target_upper, or both")

    def arguments(self) -> dict[str, Any]:
        """Return the arguments as JSON: targets as text."""
        targets = {"target_lower": self.target_lower, "target_upper": self.target_upper}
        return {**super().arguments(), **{name: None if at is None else at.isoformat() for name, at in targets.items()}}

    def is_true(self, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether it is time."""
        lower, upper = (_placed(target, now, zone) for target in (self.target_lower, self.target_upper))
        clock_times = not isinstance(self.target_lower, datetime) or not isinstance(self.target_upper, datetime)
        if lower is not None and upper is not None and upper < lower and clock_times:
            upper += timedelta(days=1)
        return (lower is None or lower <= now) and (upper is None or now <= upper)


def _listed(ids: Any) -> Any:
    if ids is None or isinstance(ids, str) or not isinstance(ids, Iterable):
        return ids
    return list(ids)


def _moment(where: str, name: str, value: Any) -> Moment | None:
    if isinstance(value, str):
        try:
            return time.fromisoformat(value) if "-" not in value[:8] else datetime.fromisoformat(value)
        except ValueError:
            raise DagError(f"{where}: {name} {value!r} is no ISO 8601 time or date and time") from None
    if value is None or isinstance(value, datetime | time):
        return value
    raise DagError(f"{where}: {name} must be a datetime or a time, not {value!r}")


def _placed(target: Moment | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    if target is None:
        return None
    if isinstance(target, time):
        there = target.tzinfo or zone
        return datetime.combine(now.astimezone(there).date(), target.replace(tzinfo=None), there)
    return target if target.tzinfo is not None else target.replace(tzinfo=zone)
