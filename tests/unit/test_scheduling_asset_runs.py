"""When events of assets are enough for a run, and what a report may say of outlets: pure rules."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support.flows import T0, report, task, task_row

from jupyter_flow.model.rows import AssetEvent
from jupyter_flow.scheduling.asset_runs import event_set, is_met, outlet_events, wanted_by


def named(name: str) -> dict[str, Any]:
    return {"asset": {"name": name, "uri": name}}


NESTED = {"all": [named("a"), {"any": [named("b"), {"all": [named("c"), {"alias": "x"}]}]}]}


def event(number: int, name: str, alias: str | None = None) -> AssetEvent:
    return AssetEvent(number, name, name, T0, {}, alias, None, None, None, None, None)


def test_conditions_hold_as_their_words_say() -> None:
    assert wanted_by(NESTED).names == {"a", "b", "c"}
    assert wanted_by(NESTED).aliases == {"x"}
    for has_a, has_b, has_c, has_x in itertools.product([False, True], repeat=4):
        names = [name for name, there in zip("abc", (has_a, has_b, has_c), strict=True) if there]
        expected = has_a and (has_b or (has_c and has_x))
        assert is_met(NESTED, names, ["x"] if has_x else []) is expected


def test_a_run_takes_all_pending_events_once_they_are_enough() -> None:
    both = {"all": [named("a"), named("b")]}
    assert event_set(both, []) is None
    assert event_set(both, [event(1, "a"), event(2, "a")]) is None
    found = event_set(both, [event(1, "a"), event(2, "a"), event(5, "b")])
    assert found is not None
    assert found.ids == (1, 2, 5)
    same = event_set(both, [event(5, "b"), event(1, "a"), event(2, "a")])
    assert same is not None
    assert same.key == found.key, "the key is that of the set"
    other = event_set(both, [event(1, "a"), event(5, "b")])
    assert other is not None
    assert other.key != found.key
    through = event_set({"alias": "x"}, [event(3, "whatever", "x")])
    assert through is not None


OUTLETS = ({"name": "a", "uri": "s3://a"}, {"name": "b"}, {"alias": "x"})


def told(*events: Any) -> list[tuple[str, str, Any, str | None]]:
    spec = task("t", outlets=OUTLETS)
    row = task_row(spec, 1)
    found = outlet_events(row, spec, report("0" * 32, asset_events=events))
    assert {(item.source_dag_id, item.source_run_id, item.source_task_id) for item in found} == {("d", "r", "t")}
    return [(item.name, item.uri, dict(item.extra), item.alias) for item in found]


def test_every_outlet_has_an_event_even_if_the_task_says_nothing() -> None:
    assert told() == [("a", "s3://a", {}, None), ("b", "b", {}, None)]
    said = {"asset": {"name": "a", "uri": "s3://a"}, "extra": {"n": 1}}
    assert told(said)[0] == ("a", "s3://a", {"n": 1}, None)
    added = {"asset": {"name": "new", "uri": "file:///new"}, "alias": "x", "extra": {"k": 2}}
    assert told(added)[2:] == [("new", "file:///new", {"k": 2}, "x")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"asset": {"name": "other", "uri": "other"}, "extra": {}},
        {"asset": {"name": "a", "uri": "elsewhere"}, "extra": {"n": 1}},
        {"asset": {"name": "new", "uri": "new"}, "alias": "not mine"},
        {"asset": {"name": "x" * 300, "uri": "x"}, "alias": "x"},
        {"asset": {"name": 3}, "alias": "x"},
        {"asset": {"name": "a", "uri": "s3://a"}, "extra": "no dict"},
        {"alias": "x"},
    ],
)
def test_what_a_report_says_of_anything_else_does_not_count(wrong: Any) -> None:
    assert told(wrong) == told()
