from __future__ import annotations

import pytest
from support.deciding import Deciding
from support.flows import dag, task
from support.random_dags import KEY

from jupyter_flow.model.spec import DagSpec, GroupSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.explain import explain
from jupyter_flow.scheduling.lengths import NOT_YET, Unusable, input_lengths, total_length

S = TaskState
OVER_A = {"kind": "product", "inputs": {"x": {"xcom": ["a", KEY]}}}


class Known:
    """Sources whose outputs have the lengths given; None: not pushed though it succeeded, "": failed, "…": open."""

    def __init__(self, **lengths: int | str | None) -> None:
        self.lengths = lengths

    def is_open(self, task_id: str) -> bool:
        return self.lengths.get(task_id) == "…"

    def is_mapped(self, task_id: str) -> bool:
        return task_id.startswith("m")

    def pushed(self, task_id: str, key: str) -> dict[int, int | None]:
        found = self.lengths[task_id]
        if self.is_mapped(task_id) and isinstance(found, int):
            return dict.fromkeys(range(found))
        return {-1: found} if isinstance(found, int) else {-1: None} if found == "text" else {}

    def succeeded(self, task_id: str) -> bool:
        return self.lengths[task_id] != ""


def xcom(name: str) -> dict[str, object]:
    return {"xcom": [name, KEY]}


@pytest.mark.parametrize(
    ("inputs", "length"),
    [
        ({"x": {"const": 3}}, 3),
        ({"x": xcom("a"), "y": {"const": 4}}, 8),
        ({"x": xcom("m")}, 5),
        ({"x": {"zip": [xcom("a"), {"const": 7}]}}, 2),
        ({"x": {"zip": [xcom("a"), {"const": 7}], "longest": True}}, 7),
        ({"x": {"concat": [xcom("a"), {"const": 7}, xcom("m")]}}, 14),
        ({"x": xcom("a"), "y": {"const": 0}}, 0),
        ({"x": xcom("a"), "y": xcom("open")}, NOT_YET),
    ],
)
def test_lengths_by_their_tree(inputs: dict[str, object], length: object) -> None:
    known = Known(a=2, m=5, open="…")
    expand = {"kind": "product", "inputs": inputs}
    assert total_length(expand, known, 1024) == length
    if isinstance(length, int):
        assert input_lengths(expand, known).keys() == inputs.keys()
    else:
        with pytest.raises(ValueError, match="input 'y' is mapped over runs again"):
            input_lengths(expand, known)


@pytest.mark.parametrize(
    ("source", "state", "sentence"),
    [
        (None, S.FAILED, "which pushed none"),
        ("", S.UPSTREAM_FAILED, "which did not succeed"),
        ("text", S.FAILED, "which is no list or dict"),
        (11, S.FAILED, "mapped over 11 items, more than max_map_length = 10"),
    ],
)
def test_what_has_no_length(source: int | str | None, state: S, sentence: str) -> None:
    found = total_length({"kind": "kwargs", "inputs": {"": xcom("a")}}, Known(a=source), 10)
    assert isinstance(found, Unusable)
    assert found.state is state
    assert sentence in str(found.reason)


def test_a_failed_source_lets_a_task_that_runs_anyway_fail_upstream() -> None:
    run = Deciding(dag(task("a"), task("b", "a", rule="all_done", expand=OVER_A)))
    run.end("a", S.FAILED)
    assert run.states["b"] == "upstream_failed"
    assert run.why("b") == "mapped over XCom 'return_value' of a, which did not succeed"


def test_a_task_that_waits_for_nothing_still_waits_for_what_it_is_mapped_over() -> None:
    run = Deciding(dag(task("a"), task("b", "a", rule="always", expand=OVER_A)))
    assert run.states == {"a": "scheduled", "b": "waiting"}
    assert [str(reason) for reason in explain(run.snapshot, ("b", -1))] == ["waits for what it is mapped over: a"]
    run.end("a", S.SUCCESS, 2)
    assert run.states == {"a": "success", "b[0]": "scheduled", "b[1]": "scheduled"}


def test_mapped_over_a_mapped_task_there_is_one_for_each_output() -> None:
    over_b = {"kind": "product", "inputs": {"x": xcom("b")}}
    run = Deciding(dag(task("a"), task("b", "a", expand=OVER_A), task("c", "b", rule="all_done", expand=over_b)))
    run.end("a", S.SUCCESS, 3)
    run.end("b[0]", S.SUCCESS, 1)
    run.end("b[1]", S.FAILED)
    assert run.states["c"] == "waiting"
    run.end("b[2]", S.SUCCESS, 1)
    assert [name for name in run.states if name.startswith("c")] == ["c[0]", "c[1]"]


def in_group(*tasks: object) -> DagSpec:
    return dag(*tasks, groups=(GroupSpec("g", expand=OVER_A),))  # type: ignore[arg-type]


def test_a_task_of_a_mapped_group_that_ended_before_the_expansion_counts_for_every_index() -> None:
    run = Deciding(
        in_group(
            task("a"),
            task("out"),
            task("g.x", "a", "out", group="g", rule="all_success"),
            task("g.y", "a", group="g"),
            task("g.z", "g.x", "g.y", group="g", rule="all_done"),
            task("end", "g.z"),
        )
    )
    run.end("out", S.SKIPPED)
    run.end("a", S.SUCCESS, 2)
    assert run.states["g.x"] == "skipped"
    run.end("g.y[1]", S.SUCCESS)
    assert (run.states["g.z[0]"], run.states["g.z[1]"]) == ("waiting", "scheduled")
    run.end("g.y[0]", S.FAILED)
    run.end_all("g.z[0]", "g.z[1]", "end")
    assert run.snapshot.run.state is RunState.SUCCESS


def test_a_branch_in_a_mapped_group_skips_its_own_index() -> None:
    run = Deciding(
        in_group(
            task("a"),
            task("g.pick", "a", group="g"),
            task("g.left", "g.pick", group="g"),
            task("g.right", "g.pick", group="g"),
        )
    )
    run.end("a", S.SUCCESS, 2)
    run.end("g.pick[0]", S.SUCCESS, follow={"branch": ["g.left"]})
    run.end("g.pick[1]", S.SUCCESS, follow={"branch": []})
    assert {name: state for name, state in run.states.items() if name > "g.l" and "pick" not in name} == {
        "g.left[0]": "scheduled",
        "g.left[1]": "skipped",
        "g.right[0]": "skipped",
        "g.right[1]": "skipped",
    }
    assert run.why("g.right[0]") == "branch g.pick[0] chose g.left"
    assert run.why("g.left[1]") == "branch g.pick[1] chose nothing"


def test_a_task_that_is_cleared_after_its_group_was_expanded_gets_its_instances() -> None:
    run = Deciding(in_group(task("a"), task("out"), task("g.x", "a", "out", group="g"), task("g.y", "a", group="g")))
    run.end("out", S.FAILED)
    run.end("a", S.SUCCESS, 2)
    assert run.states["g.x"] == "upstream_failed"
    run.end("g.y[0]", S.SUCCESS)
    run.end("out", S.WAITING)
    run.end("g.x", S.WAITING)
    assert (run.states["g.x[0]"], run.states["g.x[1]"]) == ("waiting", "waiting")
    run.end("out", S.SUCCESS)
    assert (run.states["g.x[0]"], run.states["g.x[1]"]) == ("scheduled", "scheduled")


def test_a_task_that_is_mapped_no_more_drops_its_instances() -> None:
    spec = dag(task("a"), task("b", "a"))
    run = Deciding(spec)
    run.end("b", S.WAITING, map_index=3)
    assert run.states["b[3]"] == "removed"
