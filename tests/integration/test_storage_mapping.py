"""Mapped tasks in a real database: rows, events and versions of an expansion."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine
from support.flows import ACTOR, T0, dag, task
from support.stored_runs import StoredRun

from jupyter_flow.model.changes import ExpandChange
from jupyter_flow.model.errors import Conflict
from jupyter_flow.model.spec import DagSpec, GroupSpec
from jupyter_flow.model.state import RunState
from jupyter_flow.storage import edits, events, expanding
from jupyter_flow.storage.database import begin_write

OVER_LIST = {"kind": "product", "inputs": {"x": {"xcom": ["make", "return_value"]}}}


def mapped(**more: object) -> DagSpec:
    return dag(task("make"), task("each", "make", expand=OVER_LIST, retries=2), task("sum", "each"), **more)


def pushed(value: object) -> dict[str, object]:
    return {"xcoms": ({"key": "return_value", "value": value},)}


def test_a_task_expands_to_the_length_of_what_was_pushed(engine: Engine) -> None:
    stored = StoredRun(engine, mapped())
    [make] = stored.claim()
    assert stored.indexes("each") == {-1: "waiting"}
    first = stored.row("each")
    stored.finish(make, **pushed(["a", "b", "c"]))
    assert stored.indexes("each") == {0: "scheduled", 1: "scheduled", 2: "scheduled"}
    rows = [stored.row("each", index) for index in range(3)]
    assert rows[0].id == first.id
    assert [row.max_tries for row in rows] == [3, 3, 3]
    for row in stored.claim():
        stored.finish(row)
    assert stored.run_to_end().state is RunState.SUCCESS
    with begin_write(engine) as connection:
        told = [item for item in events.run_events(connection, stored.run.id) if item.task_id == "each"]
        assert [item.seq for item in events.run_events(connection, stored.run.id)] == list(
            range(1, len(events.run_events(connection, stored.run.id)) + 1)
        )
    born = [(item.map_index, item.state_from, item.state_to) for item in told if item.state_from is None]
    assert born == [(0, None, "waiting"), (1, None, "waiting"), (2, None, "waiting")]
    assert str(told[0].reason) == "expanded to 3 task instances"


def test_nothing_to_map_over_skips(engine: Engine) -> None:
    stored = StoredRun(engine, mapped())
    stored.finish(stored.claim()[0], **pushed([]))
    assert stored.indexes("each") == {-1: "skipped"}
    assert stored.states["sum"] == "skipped"
    assert str(stored.row("each").reason) == "mapped over nothing: there is nothing to do"


@pytest.mark.parametrize(
    ("report", "state", "sentence"),
    [
        ({}, "failed", "mapped over XCom 'return_value' of make, which pushed none: return a list or dict there"),
        (pushed("text"), "failed", "mapped over XCom 'return_value' of make, which is no list or dict"),
        (pushed([0] * 1025), "failed", "mapped over 1025 items, more than max_map_length = 1024"),
    ],
)
def test_what_cannot_be_mapped_over_fails_with_a_sentence(
    engine: Engine, report: dict[str, object], state: str, sentence: str
) -> None:
    stored = StoredRun(engine, mapped())
    stored.finish(stored.claim()[0], **report)
    assert stored.indexes("each") == {-1: state}
    assert sentence in str(stored.row("each").reason)
    assert stored.run.state is RunState.FAILED


def test_cleared_with_another_length_it_grows_and_shrinks(engine: Engine) -> None:
    stored = StoredRun(engine, mapped())
    for value, states in ([1, 2], "ss"), ([1, 2, 3, 4], "ssss"), ([1], "srrr"), ([1, 2, 3], "sssr"):
        if stored.run.state is not RunState.RUNNING:
            keys = [(row.task_id, row.map_index) for row in stored.snapshot.tasks.values() if row.state != "removed"]
            with begin_write(engine) as connection:
                edits.clear(connection, stored.run, keys, stored.version_id, stored.spec, T0, ACTOR)
            stored.start_again()
        [make] = stored.claim()
        stored.finish(make, **pushed(value))
        assert stored.run_to_end().state is RunState.SUCCESS
        assert "".join(state[0] for _, state in sorted(stored.indexes("each").items())) == states


def test_a_mapped_group_goes_index_by_index(engine: Engine) -> None:
    spec = dag(
        task("make"),
        task("g.a", "make", group="g"),
        task("g.b", "g.a", group="g"),
        task("end", "g.b"),
        groups=(GroupSpec("g", expand=OVER_LIST),),
    )
    stored = StoredRun(engine, spec)
    stored.finish(stored.claim()[0], **pushed({"x": 1, "y": 2}))
    assert stored.indexes("g.a") == {0: "scheduled", 1: "scheduled"}
    assert stored.indexes("g.b") == {0: "waiting", 1: "waiting"}
    first, second = stored.claim()
    stored.finish(first)
    assert stored.indexes("g.b") == {0: "scheduled", 1: "waiting"}
    stored.finish(second, "failed")
    assert stored.indexes("g.b") == {0: "scheduled", 1: "upstream_failed"}
    assert str(stored.row("g.b", 1).reason) == "upstream g.a[1] failed (trigger rule all_success)"
    assert stored.states["end"] == "upstream_failed"


def test_an_expansion_of_a_changed_row_is_refused(engine: Engine) -> None:
    stored = StoredRun(engine, mapped())
    row = stored.row("each")
    ask = ExpandChange(row.dag_run_id, "each", row.id, row.row_version, 3)
    with begin_write(engine) as connection, pytest.raises(Conflict, match="changed meanwhile"):
        expanding.expand(connection, [replace(ask, row_version=7)], T0)
    assert stored.indexes("each") == {-1: "waiting"}
