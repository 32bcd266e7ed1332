"""Macros and filters give what Airflow gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from jupyter_flow.runner.macros import FILTERS, MACROS
from jupyter_flow.runner.templating import Renderer

BASE = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ macros.ds_add('2026-01-31', 1) }}", "2026-02-01"),
        ("{{ macros.ds_add('2024-03-01', -1) }}", "2024-02-29"),
        ("{{ macros.ds_add('2026-01-31', 0) }}", "2026-01-31"),
        ("{{ macros.ds_format('2026-01-31', '%Y-%m-%d', '%m-%d-%y') }}", "01-31-26"),
        ("{{ macros.ds_format_locale('31/01/2026', '%d/%m/%Y', 'EEEE, d MMMM yyyy') }}", "Saturday, 31 January 2026"),
        ("{{ macros.ds_format_locale('31/01/2026', '%d/%m/%Y', 'EEEE, d MMMM', 'de_DE') }}", "Samstag, 31 Januar"),
        ("{{ macros.datetime(2026, 1, 31).year }} {{ macros.timedelta(days=2) }}", "2026 2 days, 0:00:00"),
        ("{{ macros.dateutil.parser.parse('31 Jan 2026').day }}", "31"),
        (
            "{{ macros.datetime(2026, 1, 31) + macros.dateutil.relativedelta.relativedelta(months=1) }}",
            "2026-02-28 00:00:00",
        ),
        ("{{ macros.json.loads('[1]')[0] }} {{ macros.json.dumps({'a': 1}) }}", '1 {"a": 1}'),
        ("{{ macros.yaml.safe_load('a: [1, 2]').a }} {{ macros.yaml.dump({'b': 1}) }}", "[1, 2] b: 1\n"),
        ("{{ macros.uuid.uuid5(macros.uuid.NAMESPACE_URL, 'x') }}", str(uuid5(NAMESPACE_URL, "x"))),
        ("{{ macros.time.strftime('%Y', macros.time.gmtime(0)) }}", "1970"),
        ("{{ 0 <= macros.random() < 1 }}", "True"),
    ],
)
def test_macros(template: str, expected: str) -> None:
    assert Renderer({"macros": MACROS}).render(template, "field") == expected


def test_a_part_of_a_module_that_templates_do_not_have_is_named() -> None:
    with pytest.raises(AttributeError, match=r"templates have no yaml\.unsafe_load; there are: safe_load, safe_dump"):
        MACROS.yaml.unsafe_load  # noqa: B018


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(0), "a few seconds"),
        (timedelta(seconds=10), "a few seconds"),
        (timedelta(seconds=42), "42 seconds"),
        (timedelta(minutes=1, seconds=59), "1 minute"),
        (timedelta(hours=23), "23 hours"),
        (timedelta(days=1, hours=21), "1 day"),
        (timedelta(days=1, hours=22), "2 days"),
        (timedelta(days=7), "1 week"),
        (timedelta(days=11), "2 weeks"),
        (timedelta(days=31), "1 month"),
        (timedelta(days=59), "2 months"),
        (timedelta(days=360), "1 year"),
        (timedelta(days=3 * 365 + 10), "3 years"),
    ],
)
def test_distances_in_words(ago: timedelta, words: str) -> None:
    assert MACROS.datetime_diff_for_humans(BASE - ago, BASE) == f"{words} before"
    if ago > timedelta(seconds=10):
        assert MACROS.datetime_diff_for_humans(BASE, BASE - ago) == f"{words} after"


def test_distances_from_now_and_of_naive_dates() -> None:
    assert MACROS.datetime_diff_for_humans(datetime(2000, 1, 1)).endswith(" years ago")
    assert MACROS.datetime_diff_for_humans(datetime(2900, 1, 1)).startswith("in ")


@pytest.mark.parametrize(
    ("name", "moment", "expected"),
    [
        ("ds", BASE, "2026-01-31"),
        ("ds_nodash", BASE, "20260131"),
        ("ts", BASE, "2026-01-31T12:00:00+00:00"),
        ("ts_nodash", BASE, "20260131T120000"),
        ("ts_nodash_with_tz", BASE, "20260131T120000+0000"),
        ("ts_nodash_with_tz", BASE.replace(microsecond=5), "20260131T120000.000005+0000"),
        ("ts_nodash_with_tz", BASE.astimezone(timezone(timedelta(hours=-5))), "20260131T070000-0500"),
        ("ds", None, None),
    ],
)
def test_filters(name: str, moment: Any, expected: str | None) -> None:
    assert FILTERS[name](moment) == expected
