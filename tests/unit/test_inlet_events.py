"""``inlet_events``: an inlet is found by the asset itself, however the DAG file wrote it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_flow import Asset
from jupyter_flow.runner.asset_events import InletEvents


def events_of(*inlets: dict[str, Any]) -> InletEvents:
    asked = SimpleNamespace(ask=lambda op, **which: {"events": [{"asset": {"name": which["name"]}, "extra": which}]})
    return InletEvents(SimpleNamespace(task=SimpleNamespace(inlets=inlets)), asked)  # type: ignore[arg-type]


def test_an_inlet_by_name_is_found_by_an_asset_with_a_uri() -> None:
    events = events_of({"name": "raw"}, {"name": "clean", "uri": "s3://b/clean"})
    assert events[Asset("raw", "s3://b/raw")][0].name == "raw"
    assert events[Asset("clean", "s3://b/clean")][0].extra["uri"] == "s3://b/clean"
    with pytest.raises(KeyError, match="is no inlet of this task"):
        events[Asset("clean", "s3://b/other")]
