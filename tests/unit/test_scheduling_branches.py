from __future__ import annotations

import pytest
from support.deciding import Deciding
from support.flows import dag, task

from jupyter_flow.model.spec import GroupSpec
from jupyter_flow.model.state import RunState, TaskState

S = TaskState


def ended(run: Deciding) -> dict[str, str]:
    return {name: state for name, state in run.states.items() if state in ("skipped", "scheduled")}


def test_a_branch_lets_the_chosen_go_on_and_skips_the_rest() -> None:
    run = Deciding(dag(task("pick"), task("x", "pick"), task("y", "pick"), task("x2", "x"), task("y2", "y")))
    run.end("pick", S.SUCCESS, follow={"branch": ["y"]})
    assert ended(run) == {"x": "skipped", "x2": "skipped", "y": "scheduled"}
    assert run.why("x") == "branch pick chose y"
    assert run.why("x2") == "upstream x skipped (trigger rule all_success)"


def test_what_can_be_reached_from_the_chosen_is_not_skipped() -> None:
    join = task("join", "pick", "x", rule="none_failed_min_one_success")
    run = Deciding(dag(task("pick"), task("x", "pick"), task("y", "pick"), join))
    run.end("pick", S.SUCCESS, follow={"branch": ["x"]})
    assert run.states == {"join": "waiting", "pick": "success", "x": "scheduled", "y": "skipped"}
    run.end("x", S.SUCCESS)
    assert run.states["join"] == "scheduled"


def test_a_group_stands_for_its_first_tasks() -> None:
    tasks = (task("pick"), task("g.a", "pick", group="g"), task("g.in.b", "g.a", group="g.in"), task("z", "pick"))
    run = Deciding(dag(*tasks, groups=(GroupSpec("g"), GroupSpec("g.in", "g"))))
    run.end("pick", S.SUCCESS, follow={"branch": ["g"]})
    assert ended(run) == {"g.a": "scheduled", "z": "skipped"}


def test_nothing_chosen_skips_all_that_is_right_downstream_whatever_its_rule() -> None:
    run = Deciding(dag(task("pick"), task("x", "pick", rule="always"), task("y", "x", rule="all_done")))
    assert run.states["x"] == "scheduled"
    run.end("pick", S.SUCCESS, follow={"branch": []})
    assert ended(run) == {"x": "skipped", "y": "scheduled"}


def test_a_short_circuit_skips_everything_after_it_but_teardowns() -> None:
    run = Deciding(
        dag(
            task("other"),
            task("stop"),
            task("x", "stop"),
            task("y", "x", "other", rule="all_done"),
            task("clean", "y", rule="all_done_setup_success", is_teardown=True),
        )
    )
    run.end("stop", S.SUCCESS, follow={"short_circuit": "all"})
    assert ended(run) == {"other": "scheduled", "x": "skipped", "y": "skipped", "clean": "scheduled"}
    assert run.why("y") == "stop short-circuited what comes after it"


def test_a_short_circuit_can_leave_the_rest_to_its_trigger_rules() -> None:
    run = Deciding(dag(task("stop"), task("x", "stop"), task("y", "x", rule="all_done")))
    run.end("stop", S.SUCCESS, follow={"short_circuit": "direct"})
    assert ended(run) == {"x": "skipped", "y": "scheduled"}


def test_what_was_not_followed_is_skipped_again_when_it_alone_is_cleared() -> None:
    run = Deciding(dag(task("pick"), task("x", "pick"), task("y", "pick"), task("x2", "x")))
    run.end("pick", S.SUCCESS, follow={"branch": ["y"]})
    run.end("x", S.WAITING)
    assert run.states["x"] == "skipped"
    run.end("pick", S.WAITING, follow=None)
    run.end("x", S.WAITING)
    assert (run.states["pick"], run.states["x"]) == ("scheduled", "waiting")
    run.end("pick", S.SUCCESS, follow={"branch": ["x"]})
    assert run.states["x"] == "scheduled"


@pytest.mark.parametrize("state", [S.FAILED, S.SKIPPED])
def test_only_a_success_chooses(state: S) -> None:
    run = Deciding(dag(task("pick"), task("x", "pick", rule="all_done")))
    run.end("pick", state, follow={"branch": []})
    assert run.states["x"] == "scheduled"


def test_a_skipped_leaf_leaves_the_run_successful() -> None:
    run = Deciding(dag(task("pick"), task("x", "pick"), task("y", "pick")))
    run.end("pick", S.SUCCESS, follow={"branch": ["y"]})
    run.end("y", S.SUCCESS)
    assert run.snapshot.run.state is RunState.SUCCESS
