from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.flows import daily

from jupyter_flow.model.changes import RunInfo
from jupyter_flow.model.schedule_checks import check_schedule
from jupyter_flow.model.spec import ScheduleSpec
from jupyter_flow.model.timetable import Timetable


def day(number: int, hour: int = 0, month: int = 1) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


HOURLY = ScheduleSpec("delta", seconds=3600)
DAILY = Timetable(daily(), "UTC")


def test_a_daily_run_covers_its_day_and_starts_at_its_end() -> None:
    info = DAILY.next_run(None, day(3, 1), start_date=day(1), catchup=True)
    assert info == RunInfo(day(2), day(1), day(1), day(2))


def test_trigger_meaning_has_no_length() -> None:
    timetable = Timetable(daily(interval=False), "UTC")
    assert timetable.next_run(None, day(3, 1), day(1), catchup=True) == RunInfo(day(1), day(1), day(1), day(1))
    assert timetable.next_run(None, day(3, 1), day(1)) == RunInfo(day(3), day(3), day(3), day(3))
    assert timetable.next_run(day(3), day(3, 1), day(1)) == RunInfo(day(4), day(4), day(4), day(4))


def test_catchup_goes_through_all_intervals() -> None:
    last, seen = None, []
    while (info := DAILY.next_run(last, day(5, 3), day(1), catchup=True)).run_after <= day(5, 3):
        seen.append(info.logical_date)
        last = info.logical_date
    assert seen == [day(1), day(2), day(3), day(4)]


def test_without_catchup_only_the_last_complete_interval_is_late() -> None:
    first = DAILY.next_run(None, day(20, 3), day(1))
    assert first.logical_date == day(19)
    assert first.run_after == day(20)
    following = DAILY.next_run(first.logical_date, day(20, 3), day(1))
    assert following.run_after == day(21)
    after_a_pause = DAILY.next_run(first.logical_date, day(28, 3), day(1))
    assert after_a_pause.logical_date == day(27)


def test_an_interval_is_complete_at_its_very_end() -> None:
    assert DAILY.next_run(None, day(20), day(1)).run_after == day(20)
    assert DAILY.next_run(None, day(20) - timedelta(microseconds=1), day(1)).run_after == day(19)


def test_start_date_between_fires_begins_with_the_next_interval() -> None:
    assert DAILY.next_run(None, day(1, 13), day(1, 12), catchup=True).logical_date == day(2)
    assert DAILY.next_run(None, day(1, 13), day(10)).run_after == day(11)


def test_end_date_is_the_last_logical_date() -> None:
    assert DAILY.next_run(day(1), day(9), day(1), end_date=day(2), catchup=True).logical_date == day(2)
    assert DAILY.next_run(day(2), day(9), day(1), end_date=day(2), catchup=True) is None
    assert DAILY.next_run(None, day(9), day(1), end_date=day(2)) is None


def test_a_day_of_25_hours_is_one_interval() -> None:
    timetable = Timetable(daily(), "Europe/Berlin")
    info = timetable.next_run(day(23, 22, month=10), day(24, month=11), day(1), catchup=True)
    assert info.data_interval_start == day(24, 22, month=10)
    assert info.data_interval_end - info.data_interval_start == timedelta(hours=25)


def test_delta_counts_from_the_start_date() -> None:
    timetable = Timetable(HOURLY, "UTC")
    start = day(1) + timedelta(minutes=7)
    info = timetable.next_run(None, day(1, 5), start)
    assert info.logical_date == start + timedelta(hours=3)
    assert info.run_after == start + timedelta(hours=4)
    assert timetable.next_run(info.logical_date, day(1, 5), start).logical_date == start + timedelta(hours=4)


def test_once_runs_once() -> None:
    timetable = Timetable(ScheduleSpec("once"), "UTC")
    assert timetable.next_run(None, day(5), day(1)) == RunInfo(day(1), day(1), day(1), day(1))
    assert timetable.next_run(day(1), day(5), day(1)) is None
    assert timetable.upcoming(day(5), 3, day(9)) == [RunInfo(day(9), day(9), day(9), day(9))]
    assert timetable.upcoming(day(9), 3, day(9)) == []


def test_none_never_runs_by_itself() -> None:
    timetable = Timetable(ScheduleSpec(), "UTC")
    assert timetable.next_run(None, day(5), day(1), catchup=True) is None
    assert timetable.upcoming(day(5), 3) == []
    assert timetable.manual_interval(day(5)) == (day(5), day(5))


def test_manual_runs_take_the_last_complete_interval() -> None:
    assert DAILY.manual_interval(day(5, 13)) == (day(4), day(5))
    assert Timetable(HOURLY, "UTC").manual_interval(day(5, 13)) == (day(5, 12), day(5, 13))
    assert Timetable(daily(interval=False), "UTC").manual_interval(day(5, 13)) == (day(5, 13), day(5, 13))


def test_upcoming_lists_runs_that_start_later() -> None:
    infos = DAILY.upcoming(day(5, 13), 3)
    assert [info.run_after for info in infos] == [day(6), day(7), day(8)]
    assert [info.logical_date for info in infos] == [day(5), day(6), day(7)]
    assert [i.run_after for i in Timetable(daily(interval=False), "UTC").upcoming(day(5), 2)] == [day(6), day(7)]
    assert [info.logical_date for info in DAILY.upcoming(day(5), 5, day(8), day(9))] == [day(8), day(9)]
    assert DAILY.upcoming(day(5), 0) == []


@pytest.mark.parametrize(
    ("schedule", "timezone", "part"),
    [
        (daily("0 2 *"), "UTC", "has 3 fields"),
        (daily(), "Mars/Olympus", "not known"),
        (daily(), "../etc/passwd", "not known"),
        (ScheduleSpec("delta", seconds=0.0), "UTC", "not usable"),
        (ScheduleSpec("delta", seconds=float("nan")), "UTC", "not usable"),
        (ScheduleSpec("delta"), "UTC", "not usable"),
    ],
)
def test_bad_schedules_are_refused(schedule: ScheduleSpec, timezone: str, part: str) -> None:
    assert part in (check_schedule(schedule, timezone) or "")


def test_good_schedules_are_accepted() -> None:
    for schedule in (daily(), HOURLY, ScheduleSpec(), ScheduleSpec("once")):
        assert check_schedule(schedule, "Europe/Berlin") is None
