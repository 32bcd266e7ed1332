from __future__ import annotations

from dataclasses import replace

import pytest
from support.deciding import Deciding
from support.flows import T0, at, chain, dag, task

from jupyter_flow.model.slots import SlotLimits, Usage
from jupyter_flow.model.spec import TaskSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.decide import decide
from jupyter_flow.scheduling.explain import explain
from jupyter_flow.scheduling.past import PastRun, past_refusal
from jupyter_flow.scheduling.slots import pick

S = TaskState
LIMITS = SlotLimits(pools={"default_pool": 128})


def past(states: dict[str, tuple[S, ...]], known: frozenset[str] = frozenset()) -> PastRun:
    return PastRun(7, "before", states, known)


def sentences(run: Deciding, name: str, usage: Usage | None = None, limits: SlotLimits = LIMITS) -> list[str]:
    return [str(reason) for reason in explain(run.snapshot, (name, -1), usage or Usage(), limits)]


@pytest.mark.parametrize(
    ("state", "waits"), [(S.SUCCESS, False), (S.SKIPPED, False), (S.FAILED, True), (S.RUNNING, True), (S.WAITING, True)]
)
def test_depends_on_past_waits_for_the_same_task_of_the_run_before(state: S, waits: bool) -> None:
    run = Deciding(dag(task("a", depends_on_past=True), task("b")), past({"a": (state,)}))
    assert run.states == {"a": "waiting" if waits else "scheduled", "b": "scheduled"}
    expected = [f"depends_on_past: a is {state} in the run before, before"]
    assert sentences(run, "a") == (expected if waits else [])


def test_it_goes_on_when_the_run_before_has_changed() -> None:
    run = Deciding(dag(task("a", depends_on_past=True)), past({"a": (S.RUNNING,)}))
    run.snapshot.past = past({"a": (S.SUCCESS,)})
    run.settle(decide(run.snapshot, T0))
    assert run.states == {"a": "scheduled"}


def test_the_first_run_waits_for_nothing() -> None:
    assert Deciding(dag(task("a", depends_on_past=True)), None).states == {"a": "scheduled"}


@pytest.mark.parametrize(
    ("ignore_first", "known", "waits"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_a_task_that_the_run_before_did_not_have(ignore_first: bool, known: bool, waits: bool) -> None:
    spec = task("a", depends_on_past=True, ignore_first_depends_on_past=ignore_first)
    before = past({}, frozenset({"a"} if known else ()))
    refusal = past_refusal(spec, [], before)
    assert (refusal is not None) is waits
    assert refusal is None or str(refusal).startswith("depends_on_past: the run before, before, has no a")


def test_wait_for_downstream_waits_for_what_is_right_below_it_too() -> None:
    spec = dag(task("a", wait_for_downstream=True), task("b", "a"))
    run = Deciding(spec, past({"a": (S.SUCCESS,), "b": (S.RUNNING,)}))
    assert sentences(run, "a") == ["wait_for_downstream: b is running in the run before, before"]
    assert run.snapshot.topology.asked_of_past == {"a", "b"}
    assert Deciding(spec, past({"a": (S.SUCCESS,), "b": (S.SKIPPED,)})).states["a"] == "scheduled"


@pytest.mark.parametrize("waits", [True, False])
def test_a_skip_waits_for_the_past_only_if_asked(waits: bool) -> None:
    spec = dag(
        task("a"), task("b", "a", depends_on_past=True, wait_for_past_depends_before_skipping=waits), task("c", "b")
    )
    run = Deciding(spec, past({"b": (S.RUNNING,)}))
    run.end("a", S.SKIPPED)
    assert run.states["b"] == ("waiting" if waits else "skipped")
    run.snapshot.past = past({"b": (S.SUCCESS,)})
    run.settle(decide(run.snapshot, T0))
    assert (run.states["b"], run.states["c"]) == ("skipped", "skipped")


def test_runs_outside_the_dates_of_a_task_leave_it_out() -> None:
    spec = dag(
        task("old", end_date=at(-60).isoformat()),
        task("new", start_date=at(60).isoformat()),
        task("now", start_date=at(0).isoformat(), end_date=at(0).isoformat()),
        task("after", "old", "new", "now", rule="none_failed"),
    )
    run = Deciding(spec)
    assert run.states == {"after": "waiting", "new": "skipped", "now": "scheduled", "old": "skipped"}
    assert run.why("new") == "the run's logical date is before the task's start_date 2026-01-05T12:01:00+00:00"
    assert run.why("old") == "the run's logical date is after the task's end_date 2026-01-05T11:59:00+00:00"
    assert set(Deciding(spec, logical_date=None).states.values()) == {"scheduled", "waiting"}


def test_fail_fast_ends_the_rest_but_lets_teardowns_go_on() -> None:
    spec = dag(
        task("setup", is_setup=True),
        task("a", "setup"),
        task("b", "setup"),
        task("c", "a"),
        task("down", "setup", "c", rule="all_done_setup_success", is_teardown=True),
        fail_fast=True,
    )
    run = Deciding(spec)
    run.end("setup", S.SUCCESS)
    run.end("b", S.RUNNING)
    run.end("a", S.UP_FOR_RETRY, check_at=at(5))
    assert run.states["b"] == "running"
    run.end("a", S.FAILED)
    assert run.states == {"a": "failed", "b": "failed", "c": "skipped", "down": "scheduled", "setup": "success"}
    assert (run.why("b"), run.why("c")) == ("fail_fast: a failed", "fail_fast: a failed")
    run.end("down", S.SUCCESS)
    assert run.snapshot.run.state is RunState.FAILED


def test_a_failed_run_is_tried_again_as_often_as_its_dag_says() -> None:
    spec = dag(task("good"), task("bad", retries=1), task("after", "bad"), dag_retries=1)
    run = Deciding(spec)
    run.end("good", S.SUCCESS)
    run.end("bad", S.FAILED, try_number=2, max_tries=2)
    assert run.snapshot.run.state is RunState.QUEUED
    assert run.states == {"good": "success", "bad": "waiting", "after": "waiting"}
    assert str(run.snapshot.run.reason) == "failed: bad; the run is tried again (1 of 1 dag_retries)"
    assert run.row("bad").max_tries == 4
    run.snapshot.update_run(
        replace(run.snapshot.run, state=RunState.RUNNING, row_version=run.snapshot.run.row_version + 1)
    )
    run.settle(decide(run.snapshot, T0))
    run.end("bad", S.FAILED)
    assert run.snapshot.run.state is RunState.FAILED
    assert str(run.snapshot.run.reason) == "failed: bad"


def limited(**more: object) -> TaskSpec:
    return task("a", **more)


@pytest.mark.parametrize(
    ("more", "limits", "sentence"),
    [
        ({"max_active_tis_per_dag": 2}, LIMITS, "max_active_tis_per_dag: 2 of 2 instances of a are active"),
        ({"max_active_tis_per_dagrun": 1}, LIMITS, "max_active_tis_per_dagrun: 1 of 1 instances of a are active"),
        (
            {"queue": "gpu"},
            LIMITS,
            "queue gpu is not served by this host: add it to queues, e.g. queues = {'gpu': 2}",
        ),
        ({"queue": "gpu"}, replace(LIMITS, queues={"gpu": 1}), "queue gpu: 1 of 1 slots are in use"),
        ({"pool": "none"}, LIMITS, "pool none does not exist: create it"),
    ],
)
def test_slots_that_a_scheduled_task_waits_for(more: dict[str, object], limits: SlotLimits, sentence: str) -> None:
    usage = Usage()
    usage.add(1, "default_pool", 1, False, dag_id="d", task_id="a", queue="gpu")
    usage.add(2, "default_pool", 1, False, dag_id="d", task_id="a")
    run = Deciding(dag(limited(**more)))
    assert sentences(run, "a", usage, limits) == [sentence]
    picked = pick(run.snapshot.ready(), usage, limits)
    assert ([], [sentence]) == (picked.chosen, [str(reason) for _, reason in picked.refused])


def test_what_is_released_can_be_taken_again() -> None:
    run = Deciding(dag(limited(max_active_tis_per_dag=1, queue="gpu", pool="p", pool_slots=2)))
    [ready] = run.snapshot.ready()
    limits = SlotLimits(pools={"p": 2}, queues={"gpu": 1})
    usage = Usage()
    assert usage.take(ready, limits) is None
    assert [reason.code for reason in usage.refusals(ready, limits)] == [
        "max_active_tis_per_dag", "pool_full", "queue_full"
    ]  # fmt: skip
    usage.release(ready)
    assert usage.take(ready, limits) is None


def test_all_reasons_are_told_in_order() -> None:
    run = Deciding(dag(task("u"), task("a", "u", depends_on_past=True)), past({"a": (S.FAILED,)}))
    assert sentences(run, "a") == ["waits for u", "depends_on_past: a is failed in the run before, before"]
    run.end("u", S.SUCCESS)
    assert sentences(run, "a") == ["depends_on_past: a is failed in the run before, before"]
    assert sentences(run, "u") == []
    busy = Usage(total=16)
    busy.runs[1] = 16
    two = Deciding(chain(1))
    assert sentences(two, "t0", busy) == [
        "max_active_tasks: 16 of 16 tasks of the DAG run are active",
        "parallelism: 16 of 16 slots are in use",
    ]
    assert [str(item) for item in explain(two.snapshot, ("t0", -1), dispatch_paused="disk is full")] == [
        "dispatch is paused: disk is full"
    ]
