"""Scoreboard line R12: cron on the wall clocks of the world, against an oracle made of the Vixie rule alone.

By default a share of the transitions of each zone. ``JUPYTER_FLOW_R12=all`` checks every one.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import cron_board, oracle
from support.cron_board import DAILY, FORMS, MOMENT, ZONES, changes_of, days_not_once, differences

from jupyter_flow.model.cron import check_cron
from jupyter_flow.model.cron_grid import CronGrid

WHOLE = os.environ.get("JUPYTER_FLOW_R12") == "all"
SHARE = 1 if WHOLE else 24
EXAMPLES = 5000 if WHOLE else 120


def test_the_board_is_as_large_as_it_says() -> None:
    assert len(set(ZONES)) >= 60
    assert len(set(FORMS)) >= 12
    assert sum(len(oracle.transitions(zone, 2024, 2025)) for zone in ZONES) > 100


@pytest.mark.parametrize("zone", ZONES)
def test_r12_every_fire_around_every_transition_is_the_oracles(zone: str) -> None:
    changes = changes_of(zone)
    share = [change for number, change in enumerate(changes, len(zone)) if not number % SHARE]
    assert differences(zone, share if changes[-1] in share else [*share, changes[-1]]) == []


@pytest.mark.parametrize("zone", [zone for zone in ZONES if WHOLE or zone in ("Europe/Berlin", "America/Nuuk")])
@pytest.mark.parametrize("form", DAILY)
def test_a_daily_job_runs_exactly_once_for_every_local_day(zone: str, form: str) -> None:
    assert days_not_once(zone, form, 15 if WHOLE else 4) == []


class Forgetful(CronGrid):
    """Leaves out the day on which Berlin changes its clocks."""

    def after(self, instant: datetime) -> datetime | None:
        found = super().after(instant)
        while found is not None and found.date() == date(2020, 3, 29):
            found = super().after(found)
        return found


def test_a_wrong_grid_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    change, form = changes_of("Europe/Berlin")[0], "30 2 * * *"
    monkeypatch.setattr(cron_board, "CronGrid", Forgetful)
    assert differences("Europe/Berlin", [change], [form]) == [
        "Europe/Berlin, '30 2 * * *', around 2020-03-29T01:00Z: fires differ: ['29 01:00Z']"
    ]
    assert days_not_once("Europe/Berlin", form, 1) == ["Europe/Berlin, '30 2 * * *': not once on 2020-03-29"]


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
