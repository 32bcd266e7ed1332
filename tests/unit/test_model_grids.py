"""Grids: what holds for every sequence of instants, calendar steps, and what timetables make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_flow.model.changes import RunInfo
from jupyter_flow.model.cron_grid import CronGrid
from jupyter_flow.model.grids import MOMENT, CalendarGrid, DeltaGrid, EventsGrid, Grid, UnionGrid, place
from jupyter_flow.model.spec import ScheduleSpec
from jupyter_flow.model.timetable import Timetable
from jupyter_flow.model.wall import daylight_note, wall_text

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
START = datetime(2026, 1, 31, tzinfo=UTC)


def grids() -> st.SearchStrategy[Grid]:
    anchors = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
    steps = st.sampled_from(
        [
            {"months": 1},
            {"months": 1, "day": 31},
            {"weeks": 2, "days": 1},
            {"days": 1},
            {"years": 1, "month": 2, "day": 29},
            {"months": 2, "weekday": [4, -1], "day": 31},
            {"days": 1, "hours": 5},
            {"months": 1, "minutes": 90},
        ]
    )
    zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Nuuk"])
    crons = st.sampled_from(["30 2 * * *", "*/45 1-3 * * sun", "0 0 L * *", "7 7 * * mon#2"])
    deltas = st.timedeltas(timedelta(seconds=1), timedelta(days=40))
    events = st.lists(anchors, min_size=1, max_size=20).map(EventsGrid)
    calendars = st.builds(lambda at, step, zone: CalendarGrid(at, step, ZoneInfo(zone)), anchors, steps, zones)
    clocks = st.builds(lambda cron, zone: CronGrid(cron, ZoneInfo(zone)), crons, zones)
    simple = st.one_of(st.builds(DeltaGrid, anchors, deltas), calendars, events, clocks)
    return st.one_of(simple, simple, st.lists(st.one_of(events, clocks), min_size=2, max_size=3).map(UnionGrid))


@settings(max_examples=150, deadline=None)
@given(grids(), st.datetimes(datetime(2024, 6, 1), datetime(2027, 6, 1)).map(lambda at: at.replace(tzinfo=UTC)))
def test_a_grid_ascends_and_answers_the_same_from_both_sides(grid: Grid, instant: datetime) -> None:
    points, at = [], instant
    for _ in range(6):
        if (following := grid.after(at)) is None:
            break
        points.append(following)
        at = following
    assert all(earlier < later for earlier, later in pairwise([instant, *points]))
    before = grid.at_or_before(instant)
    assert before is None or before <= instant
    if before is not None and points:
        assert grid.after(before) == points[0]
    for earlier, later in pairwise(points):
        assert grid.at_or_before(later) == later
        assert grid.at_or_before(later - MOMENT) == earlier
    if points:
        assert grid.count(instant + MOMENT, points[-1]) == len(points) - 1
        assert grid.count(points[0], points[-1] + MOMENT) == len(points)


def dates(step: dict[str, Any], anchor: datetime, count: int, zone: ZoneInfo | Any = UTC) -> list[str]:
    grid = CalendarGrid(anchor, step, zone)
    return [f"{grid.point(number).astimezone(zone):%Y-%m-%d %H:%M}" for number in range(count)]


def test_months_from_the_31st_come_back_to_it() -> None:
    found = dates({"months": 1}, START, 4)
    assert found == ["2026-01-31 00:00", "2026-02-28 00:00", "2026-03-31 00:00", "2026-04-30 00:00"]
    fridays = dates({"months": 1, "day": 31, "weekday": [4, -1]}, START, 3)
    assert fridays == ["2026-01-30 00:00", "2026-02-27 00:00", "2026-03-27 00:00"]


def test_days_count_on_the_wall_clock_and_hours_do_not() -> None:
    anchor = datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN).astimezone(UTC)
    assert dates({"days": 1}, anchor, 3, BERLIN) == ["2026-03-28 02:30", "2026-03-29 03:00", "2026-03-30 02:30"]
    assert dates({"days": 1, "hours": 1}, anchor, 2, BERLIN) == ["2026-03-28 02:30", "2026-03-29 04:00"]


def test_a_wall_time_has_one_place_on_the_time_line() -> None:
    assert place(datetime(2026, 3, 29, 2, 30), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert place(datetime(2026, 10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert place(datetime(2011, 12, 30, 12), ZoneInfo("Pacific/Apia")) == datetime(2011, 12, 30, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "text", "note"),
    [
        ("2026-03-29T00:59:59", "2026-03-29 01:59:59+01:00", ""),
        ("2026-03-29T01:00:00", "2026-03-29 03:00:00+02:00", "02:00 to 03:00 is skipped"),
        ("2026-03-29T01:00:01", "2026-03-29 03:00:01+02:00", ""),
        ("2026-10-25T00:30:00", "2026-10-25 02:30:00+02:00", "comes twice: the first time"),
        ("2026-10-25T01:30:00", "2026-10-25 02:30:00+01:00", "comes twice: the second time"),
        ("2026-10-25T02:00:00", "2026-10-25 03:00:00+01:00", ""),
    ],
)
def test_wall_texts_and_notes(instant: str, text: str, note: str) -> None:
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert wall_text(at, "Europe/Berlin") == text
    assert daylight_note(at, "Europe/Berlin") == note
    assert daylight_note(at, "UTC") == ""


SCHEDULES = [
    ScheduleSpec("cron", "30 2 * * *", timezone="Europe/Berlin"),
    ScheduleSpec("cron", "30 2 * * *", interval=False, trigger_interval=7200.0),
    ScheduleSpec("cron", "0 6 * * *", more_expressions=("0 6,18 * * sat",), interval=False),
    ScheduleSpec("delta", seconds=5400.0),
    ScheduleSpec("delta", seconds=86400.0, interval=False, trigger_interval=3600.0),
    ScheduleSpec("delta", relative={"months": 1}),
    ScheduleSpec("events", events=tuple((START + n * n * DAY).isoformat() for n in range(40)), interval=False),
]


def walk(timetable: Timetable, now: datetime, **rules: Any) -> list[RunInfo]:
    found: list[RunInfo] = []
    last: RunInfo | None = None
    while True:
        logical, end = (last.logical_date, last.data_interval_end) if last else (None, None)
        info = timetable.next_run(logical, now, START, last_end=end, **rules)
        if info is None or info.run_after > now:
            return found
        found.append(info)
        last = info


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.expression or schedule.kind)
def test_catching_up_brings_exactly_what_the_schedule_brings(schedule: ScheduleSpec) -> None:
    timetable, now = Timetable(schedule, "UTC"), START + 100 * DAY
    expected = [info for info in timetable.upcoming(START - DAY, 2000, START) if info.run_after <= now]
    assert walk(timetable, now, catchup=True) == expected
    assert len({info.logical_date for info in expected}) == len(expected)
    for info in expected:
        assert info.data_interval_start == info.logical_date <= info.data_interval_end == info.run_after
    missed = timetable.missed(expected[0].logical_date, None, now, START)
    assert missed is not None
    assert (missed.first_logical_date, missed.last_logical_date) == (
        expected[0].logical_date,
        expected[-1].logical_date,
    )
    assert missed.count == len(expected)


@pytest.mark.parametrize("schedule", SCHEDULES[:-1], ids=lambda schedule: schedule.expression or schedule.kind)
def test_without_catchup_the_latest_runs_and_the_rest_is_missed(schedule: ScheduleSpec) -> None:
    timetable, now = Timetable(schedule, "UTC"), START + 100 * DAY
    expected = walk(timetable, now, catchup=True)
    assert walk(timetable, now, catchup=False) == expected[-1:]
    missed = timetable.missed(expected[0].logical_date, expected[-1].logical_date, now, START)
    assert missed is not None
    assert missed.count == len(expected) - 1
    window = timedelta(days=35)
    young = [info for info in expected if info.run_after >= now - window]
    assert walk(timetable, now, catchup=True, window=window) == young


def test_a_custom_timetable_is_what_it_has_answered() -> None:
    known = [
        RunInfo(START + n * DAY, START + n * DAY - DAY, START + n * DAY - DAY, START + n * DAY) for n in range(1, 9)
    ]
    timetable = Timetable(ScheduleSpec("custom", timetable="Mine"), "UTC", known)
    now = START + 4.5 * DAY
    assert walk(timetable, now, catchup=True) == known[:4]
    assert walk(timetable, now, catchup=False) == known[3:4]
    assert walk(timetable, now, catchup=True, window=2 * DAY) == known[2:4]
    assert timetable.upcoming(now, 2) == known[4:6]
    missed = timetable.missed(known[0].logical_date, known[3].logical_date, now)
    assert missed is not None
    assert (missed.first_logical_date, missed.count) == (known[0].logical_date, 3)
    assert timetable.next_run(known[-1].logical_date, now) is None


def test_manual_runs_of_the_new_kinds() -> None:
    at = datetime(2026, 6, 15, 12, tzinfo=UTC)
    trigger = Timetable(SCHEDULES[1], "UTC")
    assert trigger.manual_interval(at) == (at - timedelta(hours=2), at)
    monthly = Timetable(SCHEDULES[5], "UTC")
    assert monthly.manual_interval(at) == (datetime(2026, 5, 15, 12, tzinfo=UTC), at)
    events = ScheduleSpec("events", events=("2026-06-01T00:00:00+00:00", "2026-07-01T00:00:00+00:00"), interval=False)
    assert Timetable(events, "UTC").manual_interval(at) == (at, at)
    restricted = Timetable(ScheduleSpec(**{**vars(events), "restrict_to_events": True}), "UTC")
    first = datetime(2026, 6, 1, tzinfo=UTC)
    assert restricted.manual_interval(at) == (first, first)
    assert restricted.manual_interval(first - DAY) == (first, first)
