"""What lists and pages say about a schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jupyter_flow import Asset, AssetAlias
from jupyter_flow.authoring.schedule import schedule_spec
from jupyter_flow.service.schedule_words import asset_words, schedule_text
from jupyter_flow.timetables.trigger import CronTriggerTimetable, MultipleCronTriggerTimetable


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (None, None),
        ("@daily", "@daily"),
        ("@once", "@once"),
        ("0 4 * * 1", "0 4 * * 1"),
        (CronTriggerTimetable("30 6 * * *", timezone="UTC"), "30 6 * * *"),
        (MultipleCronTriggerTimetable("0 6 * * 1-5", "@weekly", timezone="UTC"), "0 6 * * 1-5, @weekly"),
        (timedelta(hours=36), "every 1 d 12 h"),
        (timedelta(minutes=90, seconds=2.5), "every 1 h 30 min 2.5 s"),
        (timedelta(minutes=15), "every 15 min"),
        ([Asset("orders")], "assets"),
    ],
)
def test_the_schedule_in_words(schedule: Any, words: str | None) -> None:
    assert schedule_text(schedule_spec("DAG x", schedule)) == words


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("@daily", None),
        ([Asset("orders")], "orders"),
        ([Asset("orders"), Asset("rates")], "orders and rates"),
        ((Asset("orders") | AssetAlias("fx")) & Asset("rates"), '(orders or alias "fx") and rates'),
    ],
)
def test_the_assets_in_words(schedule: Any, words: str | None) -> None:
    assert asset_words(schedule_spec("DAG x", schedule).assets) == words
