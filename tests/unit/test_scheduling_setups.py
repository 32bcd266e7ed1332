from __future__ import annotations

import pytest
from support.deciding import Deciding
from support.flows import dag, task

from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.topology import Topology

S = TaskState
RULE = "all_done_setup_success"


def cluster(**more: object) -> DagSpec:
    """setup -> work -> more -> teardown, and the teardown right after the setup too."""
    return dag(
        task("setup", is_setup=True),
        task("work", "setup"),
        task("more", "work"),
        task("teardown", "setup", "more", rule=RULE, is_teardown=True, **more),
        task("after", "more"),
    )


@pytest.mark.parametrize(
    ("work", "run_state"),
    [(S.SUCCESS, RunState.SUCCESS), (S.FAILED, RunState.FAILED), (S.SKIPPED, RunState.SUCCESS)],
)
def test_a_teardown_runs_whatever_the_work_did(work: S, run_state: RunState) -> None:
    run = Deciding(cluster())
    run.end("setup", S.SUCCESS)
    run.end("work", work)
    if work is S.SUCCESS:
        run.end_all("more", "after")
    assert run.states["teardown"] == "scheduled"
    assert run.snapshot.run.state is RunState.RUNNING
    run.end("teardown", S.SUCCESS)
    assert run.snapshot.run.state is run_state


@pytest.mark.parametrize(("setup", "teardown"), [(S.FAILED, "upstream_failed"), (S.SKIPPED, "skipped")])
def test_without_its_setup_a_teardown_has_nothing_to_do(setup: S, teardown: str) -> None:
    run = Deciding(cluster())
    run.end("setup", setup)
    assert run.states["teardown"] == teardown
    assert run.snapshot.run.state is (RunState.FAILED if setup is S.FAILED else RunState.SUCCESS)


@pytest.mark.parametrize(("flag", "run_state"), [(False, RunState.SUCCESS), (True, RunState.FAILED)])
def test_a_failed_teardown_fails_the_run_only_if_asked(flag: bool, run_state: RunState) -> None:
    run = Deciding(cluster(on_failure_fail_dagrun=flag))
    run.end_all("setup", "work", "more", "after")
    run.end("teardown", S.FAILED)
    assert run.snapshot.run.state is run_state


def test_a_task_in_the_scope_of_a_setup_needs_it_whatever_its_rule() -> None:
    run = Deciding(
        dag(
            task("setup", is_setup=True),
            task("first"),
            task("a", "setup", "first", rule="one_done"),
            task("b", "a", rule="all_done"),
            task("c", "b", rule="always"),
            task("teardown", "setup", "c", rule=RULE, is_teardown=True),
        )
    )
    run.end("first", S.FAILED)
    assert run.states["a"] == "scheduled"
    run.end("a", S.SUCCESS)
    assert run.states["b"] == "waiting"
    run.end("setup", S.FAILED)
    assert (run.states["b"], run.states["c"]) == ("upstream_failed", "scheduled")
    assert run.why("b") == "setup setup did not succeed"


def test_after_the_teardown_the_setup_matters_no_more() -> None:
    topology = Topology(cluster())
    assert topology.scopes == {"setup": frozenset({"work", "more"})}
    assert topology.indirect_setups == {"setup": ["more"]}
    assert topology.deciding_leaves == ("setup", "more", "after")


def test_a_setup_without_a_teardown_is_for_all_that_comes_after_it() -> None:
    assert Topology(dag(task("s", is_setup=True), task("a", "s"), task("b", "a"))).scopes == {
        "s": frozenset({"a", "b"})
    }


@pytest.mark.parametrize(
    ("asked", "added"),
    [
        ("work", {"setup", "teardown"}),
        ("more", {"setup", "teardown"}),
        ("setup", {"teardown"}),
        ("teardown", set()),
        ("after", set()),
    ],
)
def test_what_runs_again_needs_its_setups_and_teardowns_again(asked: str, added: set[str]) -> None:
    assert Topology(cluster()).with_setups_and_teardowns([asked]) == {asked} | added


def test_a_cancelled_run_still_tears_down() -> None:
    run = Deciding(cluster())
    run.end("setup", S.SUCCESS)
    run.end("work", S.RUNNING)
    run.request_cancel()
    assert run.states == {
        "after": "cancelled", "more": "cancelled", "setup": "success", "teardown": "scheduled", "work": "running"
    }  # fmt: skip
    assert [item.task_id for item in run.snapshot.ready()] == ["teardown"]
    run.end("work", S.CANCELLED)
    assert run.snapshot.run.state is RunState.RUNNING
    run.end("teardown", S.SUCCESS)
    assert run.snapshot.run.state is RunState.CANCELLED


def test_a_run_that_is_cancelled_before_it_began_has_nothing_to_tear_down() -> None:
    run = Deciding(cluster(), state=RunState.QUEUED)
    run.request_cancel()
    assert set(run.states.values()) == {"cancelled"}
    assert run.snapshot.run.state is RunState.CANCELLED
