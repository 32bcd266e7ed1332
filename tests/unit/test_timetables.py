"""What authors give as ``schedule=``: what it becomes, what it answers when asked, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import MO, relativedelta

import jupyter_flow.timetables as tt
from jupyter_flow import DAG
from jupyter_flow.authoring.exceptions import DagError, FlowWarning
from jupyter_flow.authoring.schedule import schedule_spec
from jupyter_flow.model.spec import ScheduleSpec, schedule_from_json, to_json
from jupyter_flow.timetables import moment
from jupyter_flow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

START = datetime(2026, 1, 1)
D1, D2, D3 = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))


class Asset:
    """Stands for the assets of authors: what counts here is ``to_condition``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def to_condition(self) -> dict[str, Any]:
        return {"asset": {"name": self.name, "uri": f"file:///{self.name}"}}


class Mine(Timetable):
    """Every second day."""

    def __init__(self, hour: int = 0) -> None:
        self.hour = hour

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        start = last_automated_data_interval.end if last_automated_data_interval else restriction.earliest
        return None if start is None else DagRunInfo.interval(start, start + timedelta(days=2))


CASES: list[tuple[Any, ScheduleSpec]] = [
    ("0 2 * * * 30", ScheduleSpec("cron", "0 2 * * * 30", summary="0 2 * * * 30")),
    ("@none", ScheduleSpec()),
    (relativedelta(hours=2, minutes=30), ScheduleSpec("delta", seconds=9000.0, summary="every 2 hours, 30 minutes")),
    (
        relativedelta(months=1, day=1, weekday=MO(1)),
        ScheduleSpec("delta", relative={"months": 1, "day": 1, "weekday": [0, 1]}, summary="every 1 months"),
    ),
    (
        tt.CronTriggerTimetable("0 2 * * *", timezone="Europe/Berlin", interval=timedelta(hours=1)),
        ScheduleSpec(
            "cron", "0 2 * * *", interval=False, trigger_interval=3600.0, timezone="Europe/Berlin", summary="0 2 * * *"
        ),
    ),
    (
        tt.CronTriggerTimetable("@daily", run_immediately=timedelta(minutes=10)),
        ScheduleSpec("cron", "0 0 * * *", interval=False, run_immediately=600.0, summary="@daily"),
    ),
    (
        tt.MultipleCronTriggerTimetable("0 6 * * *", "30 18 * * fri", timezone=ZoneInfo("Asia/Tokyo")),
        ScheduleSpec(
            "cron",
            "0 6 * * *",
            interval=False,
            more_expressions=("30 18 * * fri",),
            timezone="Asia/Tokyo",
            summary="0 6 * * *, 30 18 * * fri",
        ),
    ),
    (
        tt.CronDataIntervalTimetable("@weekly", "UTC"),
        ScheduleSpec("cron", "0 0 * * 0", timezone="UTC", summary="@weekly"),
    ),
    (
        tt.DeltaDataIntervalTimetable(timedelta(hours=6)),
        ScheduleSpec("delta", seconds=21600.0, summary="every 6:00:00"),
    ),
    (
        tt.DeltaTriggerTimetable(timedelta(days=1), interval=timedelta(hours=3)),
        ScheduleSpec(
            "delta", seconds=86400.0, interval=False, trigger_interval=10800.0, summary="every 1 day, 0:00:00"
        ),
    ),
    (
        tt.EventsTimetable([D3, D1, D1, datetime(2026, 1, 2)], restrict_to_events=True),
        ScheduleSpec(
            "events",
            interval=False,
            events=("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00"),
            restrict_to_events=True,
            summary="3 events",
        ),
    ),
    (tt.NullTimetable(), ScheduleSpec()),
    (tt.OnceTimetable(), ScheduleSpec("once", summary="@once")),
    (tt.ContinuousTimetable(), ScheduleSpec("continuous", summary="@continuous")),
    (Mine(), ScheduleSpec("custom", timetable="Mine", summary="Mine")),
    (
        tt.AssetOrTimeSchedule(timetable=tt.CronTriggerTimetable("0 2 * * *"), assets=[Asset("a"), Asset("b")]),
        ScheduleSpec(
            "cron",
            "0 2 * * *",
            interval=False,
            assets={"all": [Asset("a").to_condition(), Asset("b").to_condition()]},
            summary="assets or 0 2 * * *",
        ),
    ),
    (
        tt.AssetOrTimeSchedule(timetable=Mine(), assets=Asset("a")),
        ScheduleSpec("custom", timetable="Mine", assets=Asset("a").to_condition(), summary="assets or Mine"),
    ),
    (Asset("a"), ScheduleSpec("assets", assets=Asset("a").to_condition(), summary="assets")),
    (
        [Asset("b"), Asset("a")],
        ScheduleSpec(
            "assets", assets={"all": [Asset("b").to_condition(), Asset("a").to_condition()]}, summary="assets"
        ),
    ),
]


@pytest.mark.parametrize(("schedule", "expected"), CASES, ids=lambda item: type(item).__name__)
def test_what_a_schedule_becomes_and_that_it_survives_json(schedule: Any, expected: ScheduleSpec) -> None:
    found = DAG("d", schedule=schedule, start_date=START, max_active_runs=1).schedule
    assert found == expected
    assert schedule_from_json(to_json(found)) == found


def test_a_set_of_assets_is_the_same_every_time() -> None:
    assets = [Asset(name) for name in "dcba"]
    assert schedule_spec("x", set(assets)) == schedule_spec("x", frozenset(reversed(assets)))


def test_the_trigger_meaning_of_plain_schedules() -> None:
    assert schedule_spec("x", "@daily", meaning="trigger").interval is False
    assert schedule_spec("x", timedelta(days=1), meaning="trigger").interval is False
    assert schedule_spec("x", tt.CronDataIntervalTimetable("@daily"), meaning="trigger").interval is True
    assert schedule_spec("x", tt.CronTriggerTimetable("@daily")).interval is False

    class Later(DAG):
        schedule_meaning = "trigger"

    assert Later("d", schedule="@daily").schedule.interval is False


class NoMethod(Timetable):
    pass


class Invalid(Mine):
    def validate(self) -> None:
        raise ValueError("needs an\nhour")


class Limited(Mine):
    active_runs_limit = 2


class Lookalike:
    def next_dagrun_info(self) -> None:
        return None


REFUSED: list[tuple[Any, str]] = [
    ("@dayly", "unknown schedule preset '@dayly': use one of @once, .*: did you mean '@daily'"),
    ("* * * * * 99", "cron expression .* is not valid: out of range"),
    ("* * * * * * 2026", "cron expression .* has 7 fields, not 5"),
    (relativedelta(months=0), "schedule interval of 0.0 s is not usable"),
    (relativedelta(years=1, year=2027), "schedule relativedelta cannot have 'year': use years, months"),
    (relativedelta(months=-1), "schedule relativedelta must lead from each date to a later one"),
    (relativedelta(day=1), "schedule relativedelta must lead from each date to a later one"),
    (timedelta(days=40_000), "schedule interval of 3456000000.0 s is not usable"),
    (["0 2 * * *", "0 3 * * *"], "a list as schedule holds assets, not '0 2 .*MultipleCronTriggerTimetable"),
    ([], "schedule is an empty list: name at least one asset"),
    ({"cron": "0 2 * * *"}, "schedule must be a cron expression, .*, not a dict"),
    (tt.CronTriggerTimetable, r"schedule is the class CronTriggerTimetable: call it, schedule=CronTrigger.*\(…\)"),
    (Mine, r"schedule is the class Mine: call it"),
    (Lookalike(), "Lookalike has a next_dagrun_info but is no timetable: derive it from jupyter_flow.timetables.base"),
    (NoMethod(), "timetable NoMethod has no method next_dagrun_info"),
    (Invalid(), "timetable Invalid is not valid: needs an hour$"),
    (Limited(), "schedule 'Limited' has no more than 2 active runs at a time: say max_active_runs=2"),
    (tt.EventsTimetable([D1 + timedelta(minutes=n) for n in range(3)]), ""),
]


@pytest.mark.parametrize(("schedule", "sentence"), REFUSED[:-1])
def test_what_is_refused_as_schedule(schedule: Any, sentence: str) -> None:
    with pytest.raises(DagError, match=f"^DAG 'd': {sentence}") as refusal:
        DAG("d", schedule=schedule, start_date=START)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: tt.CronTriggerTimetable("0 2 *"), "CronTriggerTimetable: cron expression '0 2 \\*' has 3 fields"),
        (lambda: tt.CronTriggerTimetable(5), "CronTriggerTimetable: a cron expression must be text, not 5"),
        (lambda: tt.CronTriggerTimetable("@daily", timezone="Mars"), "unknown timezone 'Mars'"),
        (lambda: tt.CronTriggerTimetable("@daily", interval=5), "interval must be a timedelta, not 5"),
        (lambda: tt.CronTriggerTimetable("@daily", interval=timedelta(-1)), "interval of -86400.0 s is not usable"),
        (lambda: tt.CronTriggerTimetable("@daily", run_immediately="no"), "run_immediately 'no' must be True, False"),
        (lambda: tt.MultipleCronTriggerTimetable(), "MultipleCronTriggerTimetable: name at least one cron"),
        (lambda: tt.MultipleCronTriggerTimetable("@daily", "0 0 30 2 *"), "never fires"),
        (lambda: tt.DeltaTriggerTimetable("1 day"), "delta must be a timedelta or a relativedelta, not '1 day'"),
        (lambda: tt.DeltaDataIntervalTimetable(timedelta(0)), "schedule interval of 0.0 s is not usable"),
        (lambda: tt.EventsTimetable(["2026-01-01"]), "event_dates are datetimes, not '2026-01-01'"),
        (lambda: tt.EventsTimetable([D1 + timedelta(n) for n in range(10_001)]), "10001 events are more than 10000"),
        (
            lambda: tt.AssetOrTimeSchedule(timetable="@daily", assets=Asset("a")),
            "timetable must be a timetable such as",
        ),
        (lambda: tt.AssetOrTimeSchedule(timetable=Mine(), assets=[]), "AssetOrTimeSchedule: schedule is an empty list"),
        (
            lambda: tt.AssetOrTimeSchedule(
                timetable=tt.AssetOrTimeSchedule(timetable=Mine(), assets=Asset("a")), assets=Asset("b")
            ),
            "timetable is an AssetOrTimeSchedule itself",
        ),
    ],
)
def test_what_timetables_refuse(make: Any, sentence: str) -> None:
    with pytest.raises(DagError, match=sentence):
        make()


def test_timetables_of_partitions_are_said_to_be_missing() -> None:
    with pytest.raises(AttributeError, match="CronPartitionTimetable: timetables of partitions are not here: use Cron"):
        _ = tt.CronPartitionTimetable
    with pytest.raises(AttributeError, match="has no attribute 'Cron'"):
        _ = tt.Cron


def test_a_run_id_of_ones_own_has_no_effect_and_says_so() -> None:
    class Named(Mine):
        def generate_run_id(self, **facts: Any) -> str:
            return "x"

    with pytest.warns(FlowWarning, match="timetable Named: generate_run_id has no effect"):
        DAG("d", schedule=Named())


# zones


@pytest.mark.filterwarnings("ignore:DAG 'd' has no tasks")
def test_a_fixed_offset_is_a_zone_if_it_has_a_name() -> None:
    def zone(offset: timedelta) -> str:
        return DAG("d", start_date=START.replace(tzinfo=timezone(offset))).to_spec().timezone

    assert zone(timedelta(0)) == "UTC"
    assert zone(timedelta(hours=2)) == "Etc/GMT-2"
    assert zone(timedelta(hours=-5)) == "Etc/GMT+5"
    assert DAG("d", start_date="2026-01-01T00:00:00+02:00").to_spec().timezone == "Etc/GMT-2"
    with pytest.raises(DagError, match="the offset 5:30:00 of start_date is no timezone: say timezone='…'"):
        zone(timedelta(hours=5, minutes=30))
    spec = DAG("d", start_date=START.replace(tzinfo=timezone(timedelta(hours=5.5))), timezone="Asia/Kolkata").to_spec()
    assert (spec.timezone, spec.start_date) == ("Asia/Kolkata", "2025-12-31T18:30:00+00:00")


# asking them


def ask(timetable: Timetable, last: DataInterval | None = None, catchup: bool = True) -> Any:
    restriction = TimeRestriction(D1, None, catchup)
    return timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)


def test_the_houses_timetables_answer_authors_who_ask_them() -> None:
    daily = tt.CronDataIntervalTimetable("@daily", "UTC")
    assert ask(daily) == DagRunInfo.interval(D1, D2)
    assert ask(daily, DataInterval(D1, D2)) == DagRunInfo.interval(D2, D3)
    assert ask(daily).logical_date == D1
    with moment.asked_at(datetime(2026, 3, 9, 1, tzinfo=UTC)):
        assert ask(daily, catchup=False).run_after == datetime(2026, 3, 9, tzinfo=UTC)
    trigger = tt.CronTriggerTimetable("@daily", timezone="UTC", interval=timedelta(hours=1))
    assert ask(trigger, DataInterval(D1, D2)) == DagRunInfo.interval(D3 - timedelta(hours=1), D3)
    assert daily.infer_manual_data_interval(run_after=D2 + timedelta(hours=3)) == DataInterval(D1, D2)
    assert trigger.infer_manual_data_interval(run_after=D2).start == D2 - timedelta(hours=1)
    both = tt.AssetOrTimeSchedule(timetable=daily, assets=Asset("a"))
    assert ask(both) == ask(daily)
    assert both.infer_manual_data_interval(run_after=D2) == DataInterval(D1, D2)
    assert Mine().infer_manual_data_interval(run_after=D2) == DataInterval.exact(D2)


def test_a_class_derived_from_ours_that_changes_it_is_an_authors_own() -> None:
    class NotOnTuesdays(tt.CronTriggerTimetable):
        def next_dagrun_info(self, **question: Any) -> DagRunInfo | None:
            info = super().next_dagrun_info(**question)
            while info is not None and info.run_after.weekday() == 1:
                question["last_automated_data_interval"] = info.data_interval
                info = super().next_dagrun_info(**question)
            return info

    class Named(tt.CronTriggerTimetable):
        @property
        def summary(self) -> str:
            return "every day"

    own = NotOnTuesdays("@daily", timezone="UTC")
    assert schedule_spec("x", own).kind == "custom"
    assert ask(own, DataInterval.exact(datetime(2026, 1, 5, tzinfo=UTC))).run_after.day == 7
    assert schedule_spec("x", Named("@daily")).kind == "cron"
