"""Scoreboard line R12: cron on the wall clocks of the world, against an oracle made of the Vixie rule alone.

By default a share of the transitions of each zone. ``JUPYTER_FLOW_R12=all`` checks every one.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import oracle

from jupyter_flow.model.cron import check_cron
from jupyter_flow.model.cron_grid import CronGrid

WHOLE = os.environ.get("JUPYTER_FLOW_R12") == "all"
SHARE = 1 if WHOLE else 24
EXAMPLES = 5000 if WHOLE else 120
MOMENT = timedelta(microseconds=1)
AROUND = timedelta(hours=26)
FIRST_YEAR, LAST_YEAR = 2020, 2035
ZONES = [
    "UTC", "Africa/Abidjan", "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Johannesburg",
    "Africa/Juba", "Africa/Lagos", "Africa/Nairobi", "America/Adak", "America/Anchorage",
    "America/Argentina/Buenos_Aires", "America/Asuncion", "America/Bogota", "America/Chicago", "America/Chihuahua",
    "America/Danmarkshavn", "America/Dawson", "America/Denver", "America/Halifax", "America/Havana",
    "America/Los_Angeles", "America/Mexico_City", "America/Miquelon", "America/New_York", "America/Nuuk",
    "America/Ojinaga", "America/Phoenix", "America/Port-au-Prince", "America/Santiago", "America/Sao_Paulo",
    "America/Scoresbysund", "America/St_Johns", "America/Tijuana", "America/Toronto", "Antarctica/Casey",
    "Antarctica/Troll", "Antarctica/Vostok", "Asia/Almaty", "Asia/Amman", "Asia/Baghdad", "Asia/Beirut",
    "Asia/Damascus", "Asia/Gaza", "Asia/Jerusalem", "Asia/Kabul", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Shanghai",
    "Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide", "Australia/Lord_Howe", "Australia/Sydney",
    "Europe/Berlin", "Europe/Chisinau", "Europe/Dublin", "Europe/Istanbul", "Europe/London", "Europe/Moscow",
    "Europe/Volgograd", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Easter", "Pacific/Fiji",
    "Pacific/Norfolk",
]  # fmt: skip
FORMS = (
    "30 2 * * *",
    "0 0 * * *",
    "30 1 * * *",
    "15,45 0-3 * * *",
    "0 * * * *",
    "*/20 * * * *",
    "*/15 2 * * *",
    "30 */2 * * *",
    "59 23 * * sun",
    "0 3 L * *",
    "30 0 * * sun#1,sun#5",
    "0 2 1-7 3,10,11 sat-sun",
    "30 2 * * * 15,45",
)


def test_the_board_is_as_large_as_it_says() -> None:
    assert len(set(ZONES)) >= 60
    assert len(set(FORMS)) >= 12
    assert sum(len(oracle.transitions(zone, 2024, 2025)) for zone in ZONES) > 100


@pytest.mark.parametrize("zone", ZONES)
def test_r12_every_fire_around_every_transition_is_the_oracles(zone: str) -> None:
    changes = oracle.transitions(zone, FIRST_YEAR, LAST_YEAR) or [datetime(2027, 2, 27, 12, tzinfo=UTC)]
    jobs = {form: oracle.job(form) for form in FORMS}
    grids = {form: CronGrid(form, ZoneInfo(zone)) for form in FORMS}
    for number, change in enumerate(changes):
        if (number + len(zone)) % SHARE and number != len(changes) - 1:
            continue
        start, end = change - AROUND, change + AROUND
        for form, expected in oracle.jobs_fires(jobs, zone, start, end).items():
            grid = grids[form]
            assert list(walk(grid, start, end)) == expected, (form, change)
            assert grid.count(start, end) == len(expected), (form, change)
            for earlier, later in pairwise(expected):
                assert grid.at_or_before(later - MOMENT) == earlier, (form, change)
                assert grid.at_or_before(later) == later, (form, change)


@pytest.mark.parametrize("zone", [zone for zone in ZONES if WHOLE or zone in ("Europe/Berlin", "America/Nuuk")])
@pytest.mark.parametrize("form", ["30 2 * * *", "0 0 * * *", "30 23 * * *", "59 23 * * * 59"])
def test_a_daily_job_runs_exactly_once_for_every_local_day(zone: str, form: str) -> None:
    """A run belongs to the day whose time it is; a gap at midnight may start it after midnight."""
    place, years = ZoneInfo(zone), 15 if WHOLE else 4
    first = datetime(FIRST_YEAR, 1, 1, 12, tzinfo=place)
    start, end = first.astimezone(UTC), first.replace(year=FIRST_YEAR + years).astimezone(UTC)
    late = form.split()[1] == "23"
    walls = [oracle.wall_time(zone, at) for at in walk(CronGrid(form, place), start, end)]
    days = [(wall - timedelta(hours=late and wall.hour < 12)).date() for wall in walls]
    begin = first.date() + timedelta(days=0 if late else 1)
    count = (first.replace(year=FIRST_YEAR + years).date() - first.date()).days
    assert days == [begin + timedelta(days=number) for number in range(count)]


def walk(grid: CronGrid, start: datetime, end: datetime):
    at = grid.after(start - MOMENT)
    while at is not None and at < end:
        yield at
        at = grid.after(at)


def field(low: int, high: int, *more: str) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.builds("{}/{}".format, st.one_of(st.just("*"), span), st.integers(1, high))
    item = st.one_of(number.map(str), span, step, *map(st.just, more))
    return st.one_of(st.just("*"), item, st.lists(item, min_size=1, max_size=3, unique=True).map(",".join))


WEEKDAY = st.one_of(
    field(0, 7, "mon", "fri-sat"),
    st.just("?"),
    st.builds("{}#{}".format, st.sampled_from(["mon", "5", "sun"]), st.integers(1, 5)),
    st.sampled_from(["L5", "L0", "tue#2,thu#4"]),
)
DAY = st.one_of(field(1, 31, "L"), st.just("?"))
CRON = st.tuples(field(0, 59), field(0, 23), DAY, field(1, 12, "feb", "mar-oct"), WEEKDAY, st.just(""))
CRON_OF_SECONDS = st.tuples(field(0, 59), field(0, 23), DAY, field(1, 12), WEEKDAY, field(0, 59))


@st.composite
def instants(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and an instant that is often near one of its transitions."""
    zone = draw(st.sampled_from(ZONES))
    changes = TRANSITIONS.setdefault(zone, oracle.transitions(zone, 2024, 2027))
    if changes and draw(st.booleans()):
        near = draw(st.timedeltas(timedelta(hours=-4), timedelta(hours=4)))
        return zone, draw(st.sampled_from(changes)) + near
    return zone, draw(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))).replace(tzinfo=UTC)


TRANSITIONS: dict[str, list[datetime]] = {}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=st.one_of(CRON, CRON, CRON_OF_SECONDS), place=instants())
@example(("0", "0", "L", "*", "5", ""), ("Europe/Berlin", datetime(2026, 1, 29, tzinfo=UTC)))
@example(("0", "0", "29", "2", "1#5", ""), ("UTC", datetime(2028, 2, 28, tzinfo=UTC)))
@example(("0", "0", "1", "*", "L5", ""), ("UTC", datetime(2026, 1, 30, tzinfo=UTC)))
def test_any_cron_in_any_zone_at_any_instant_fires_as_the_oracle_says(
    fields: tuple[str, ...], place: tuple[str, datetime]
) -> None:
    expression, (zone, instant) = " ".join(fields).strip(), place
    if check_cron(expression) is not None:
        return
    end = instant + timedelta(days=2)
    expected = oracle.fires(expression, zone, instant - timedelta(hours=4), end)
    grid = CronGrid(expression, ZoneInfo(zone))
    assert grid.count(instant - timedelta(hours=4), end) == len(expected)
    later = [at for at in expected if at > instant]
    following = grid.after(instant)
    assert later == [] if following is None or following >= end else later[0] == following
    earlier = [at for at in expected if at <= instant]
    last = grid.at_or_before(instant)
    if earlier:
        assert last == earlier[-1]
    elif last is not None:
        assert last < instant - timedelta(hours=4)
    for one, two in pairwise(later[:50]):
        assert grid.after(one) == two
        assert grid.at_or_before(two - MOMENT) == one
