from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from jupyter_flow.model.cron import check_cron
from jupyter_flow.model.cron_grid import CronGrid, changes_in

MINUTE = timedelta(minutes=1)
ALL = frozenset(range(60))
FORMS = {
    "30 2 * * *": ({30}, {2}, True),
    "0 0 * * *": ({0}, {0}, True),
    "15 1 * * *": ({15}, {1}, True),
    "0,30 1,2,3 * * *": ({0, 30}, {1, 2, 3}, True),
    "0 * * * *": ({0}, ALL, False),
    "30 */2 * * *": ({30}, set(range(0, 24, 2)), False),
    "*/15 2 * * *": ({0, 15, 30, 45}, {2}, False),
    "*/20 * * * *": ({0, 20, 40}, ALL, False),
}
TRANSITIONS = [
    ("Europe/Berlin", 2026, 3, 29),
    ("Europe/Berlin", 2026, 10, 25),
    ("America/New_York", 2026, 3, 8),
    ("America/New_York", 2026, 11, 1),
    ("Australia/Lord_Howe", 2026, 4, 5),
    ("Australia/Lord_Howe", 2026, 10, 4),
    ("America/Sao_Paulo", 2018, 11, 4),
    ("America/Sao_Paulo", 2018, 2, 18),
    ("Asia/Kolkata", 2026, 3, 29),
    ("Pacific/Apia", 2011, 12, 31),
    ("Africa/Casablanca", 2026, 2, 15),
    ("America/St_Johns", 2007, 3, 11),
]


def clock(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every minute as (instant, local time)."""
    instant = begin
    while instant < end:
        yield instant, instant.astimezone(zone)
        instant += MINUTE


def vixie(form: str, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """What a cron daemon does that looks at the wall clock every minute (independent of the code under test)."""
    minutes, hours, is_fixed = FORMS[form]
    fires, previous = [], None
    for instant, local in clock(zone, begin, end):
        wall = local.replace(tzinfo=None)
        due = wall.minute in minutes and wall.hour in hours
        if is_fixed:
            due = due and local.fold == 0
            skipped = previous + MINUTE if previous is not None else wall
            if wall - skipped <= timedelta(hours=3):
                while skipped < wall:
                    due = due or (skipped.minute in minutes and skipped.hour in hours)
                    skipped += MINUTE
        if due:
            fires.append(instant)
        previous = wall
    return fires


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("zone_name", "year", "month", "day"), TRANSITIONS)
def test_fires_are_those_of_vixie_cron(form: str, zone_name: str, year: int, month: int, day: int) -> None:
    zone = ZoneInfo(zone_name)
    begin = datetime(year, month, day, tzinfo=UTC) - timedelta(days=1, hours=12)
    end = begin + timedelta(days=3)
    expected = vixie(form, zone, begin, end)
    grid = CronGrid(form, zone)
    found, instant = [], begin - MINUTE
    while (instant := grid.after(instant)) is not None and instant < end:
        found.append(instant)
    assert found == expected
    for earlier, later in pairwise(found):
        assert grid.at_or_before(later - timedelta(microseconds=1)) == earlier
        assert grid.at_or_before(later) == later


@pytest.mark.parametrize("zone_name", ["Europe/Berlin", "America/New_York", "Asia/Tehran", "Africa/Cairo"])
def test_a_daily_job_runs_exactly_once_per_local_day(zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    for expression in ("30 2 * * *", "0 0 * * *", "30 1 * * *"):
        grid, instant, days = CronGrid(expression, zone), datetime(2026, 1, 1, 12, tzinfo=UTC), []
        while (instant := grid.after(instant)) < datetime(2027, 1, 1, tzinfo=UTC):
            days.append(instant.astimezone(zone).date())
        assert len(set(days)) == len(days)
        assert (days[-1] - days[0]).days == len(days) - 1


def test_seconds_and_microseconds_do_not_move_fires() -> None:
    grid = CronGrid("*/5 * * * *", ZoneInfo("UTC"))
    start = datetime(2026, 1, 1, 0, 5, 0, 1, tzinfo=UTC)
    assert grid.after(start) == datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
    assert grid.at_or_before(start) == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
    assert grid.after(datetime(2026, 1, 1, 0, 4, 59, 999_999, tzinfo=UTC)) == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)


def test_a_sixth_field_is_seconds_and_stands_last() -> None:
    grid = CronGrid("*/30 8 * * * 10,50", ZoneInfo("UTC"))
    seen, at = [], datetime(2026, 1, 1, 8, 0, 10, tzinfo=UTC)
    for _ in range(4):
        at = grid.after(at)
        seen.append(f"{at:%d %H:%M:%S}")
    assert seen == ["01 08:00:50", "01 08:30:10", "01 08:30:50", "02 08:00:10"]


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31"]),
        ("0 0 L * fri", ["01-02", "01-09", "01-16", "01-23", "01-30", "01-31"]),
        ("0 0 * * L5", ["01-30", "02-27"]),
        ("0 0 * * mon#1,fri#2", ["01-05", "01-09", "02-02"]),
        ("0 0 13 * fri", ["01-02", "01-09", "01-13", "01-16"]),
        ("0 0 ? * tue", ["01-06", "01-13"]),
        ("0 0 5-5 * *", ["01-05", "02-05"]),
        ("0 0 * jun-AUG sat-sun", ["06-06", "06-07", "06-13"]),
        ("0 0 29 2 1#5", ["2028-02-29", "2032-02-29"]),
    ],
)
def test_days_and_weekdays(text: str, dates: list[str]) -> None:
    grid, at, seen = CronGrid(text, ZoneInfo("UTC")), datetime(2025, 12, 31, 12, tzinfo=UTC), []
    for date in dates:
        at = grid.after(at)
        seen.append(f"{at:%Y-%m-%d}"[-len(date) :])
    assert seen == dates


def test_counting_is_quick_and_says_when_it_is_not() -> None:
    minutely = CronGrid("* * * * *", ZoneInfo("Europe/Berlin"))
    start = datetime(2026, 10, 1, tzinfo=UTC)
    assert minutely.count(start, start + timedelta(days=365)) == 365 * 1440
    daily = CronGrid("30 2 * * *", ZoneInfo("Europe/Berlin"))
    assert daily.count(start, start + timedelta(days=365)) == 365
    assert daily.count(start, start) == 0
    assert daily.count(start, datetime(2126, 1, 1, tzinfo=UTC)) is None


def test_rare_dates_are_found() -> None:
    grid = CronGrid("0 0 29 2 *", ZoneInfo("Europe/Berlin"))
    leap = grid.after(datetime(2026, 1, 1, tzinfo=UTC))
    assert leap == datetime(2028, 2, 28, 23, tzinfo=UTC)
    assert grid.at_or_before(leap - MINUTE) == datetime(2024, 2, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["0 2 * * *", "*/5 1-3 * jan,feb mon-fri", "0 0 L * *", "0 0 * * 7", "0 0 * * mon#1", "@daily"]
)
def test_good_cron_is_accepted(text: str) -> None:
    assert check_cron(text) is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0 2 *", "has 3 fields"),
        ("* * * *", "has 4 fields"),
        ("0 2 * * * * *", "has 7 fields"),
        ("0 2 * * * 60", "out of range"),
        ("", "has 0 fields"),
        ("61 * * * *", "out of range"),
        ("0 0 30 2 *", "never fires"),
        ("H * * * *", "'H' is not a cron field"),
        ("R R * * *", "is not a cron field"),
        ("0 0 ; rm *", "';' is not a cron field"),
        ("x y z a b", "is not a cron field"),
        ("*/0 * * * *", "not valid"),
        ("? 0 * * *", "Question mark"),
        ("0 0 * * 1,fri#2", "not valid"),
        ("0 0 * * 5L", "not valid"),
        ("* " * 100_000, "more than 256"),
    ],
)
def test_bad_cron_is_refused_in_one_sentence(text: str, part: str) -> None:
    sentence = check_cron(text)
    assert sentence is not None
    assert part in sentence
    assert "\n" not in sentence
    assert len(sentence) < 500


def test_a_year_of_a_zone_is_looked_through_once() -> None:
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    changes_in.cache_clear()
    assert CronGrid("30 2 * * *", berlin).count(start, end) == (end - start).days
    years = changes_in.cache_info().misses
    assert years == 7
    assert CronGrid("* * * * *", berlin).count(start, end) == (end - start) // timedelta(minutes=1)
    assert changes_in.cache_info().misses == years
    assert changes_in(ZoneInfo("Etc/UTC"), 2020) == ()
    assert changes_in(berlin, 2026) == (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC))


def test_dates_at_the_end_of_time_are_counted() -> None:
    zone = ZoneInfo("America/New_York")
    early, late = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
    assert CronGrid("0 2 * * *", zone).count(early, early + timedelta(days=100)) == 100
    assert CronGrid("0 2 * * *", zone).count(late - timedelta(days=100), late) == 100
