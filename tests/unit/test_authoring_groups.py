"""Task groups, setups and teardowns: the graph they make, and the sentence for wrong ones."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from jupyter_flow import DAG, EmptyOperator, TaskGroup
from jupyter_flow.authoring.exceptions import DagError, FlowWarning
from jupyter_flow.authoring.setup_teardown import context_wrapper


def upstream(dag: DAG) -> dict[str, tuple[str, ...]]:
    return {item.task_id: item.upstream for item in dag.to_spec().tasks}


def tasks(names: str) -> tuple[EmptyOperator, ...]:
    return tuple(EmptyOperator(task_id=name) for name in names)


def refused(match: str) -> Any:
    return pytest.raises(DagError, match=match)


# task groups


def test_groups_nest_prefix_and_reach_the_spec() -> None:
    with DAG("d") as dag:
        start, end = EmptyOperator(task_id="start"), EmptyOperator(task_id="end")
        with TaskGroup("outer", tooltip="all of it", group_display_name="Outer one") as outer:
            a, b = tasks("ab")
            with TaskGroup("inner", prefix_group_id=False) as inner:
                (c,) = tasks("c")
                with TaskGroup("deep"):
                    tasks("e")
            a >> b >> inner
        start >> outer >> end
    spec = dag.to_spec()
    assert [(group.group_id, group.parent, group.label, group.tooltip) for group in spec.groups] == [
        ("outer", None, "Outer one", "all of it"),
        ("outer.inner", "outer", "inner", None),
        ("deep", "outer.inner", "deep", None),
    ]
    assert {item.task_id: item.group for item in spec.tasks} == {
        "start": None, "end": None, "outer.a": "outer", "outer.b": "outer", "c": "outer.inner", "deep.e": "deep",
    }  # fmt: skip
    assert upstream(dag) == {
        "start": (), "outer.a": ("start",), "outer.b": ("outer.a",), "c": ("outer.b",), "deep.e": ("outer.b",),
        "end": ("c", "deep.e"),
    }  # fmt: skip
    assert (a.label, c.label, outer.get_child_by_label("a"), outer["b"]) == ("a", "c", a, b)
    assert (list(outer.get_task_group_dict()), outer.has_task(c)) == (["outer", "outer.inner", "deep"], True)
    with refused("task group 'outer' has no 'x'"):
        outer["x"]


def test_arrows_between_groups_and_lists_of_groups() -> None:
    with DAG("d") as dag:
        groups = []
        for name in "pqr":
            with TaskGroup(name) as group:
                first, last = tasks("fl")
                first >> last
            groups.append(group)
        p, q, r = groups
        [p, q] >> r
        p << tasks("s")[0]
    graph = upstream(dag)
    assert graph["r.f"] == ("p.l", "q.l")
    assert (graph["p.f"], graph["q.f"], graph["r.l"]) == (("s",), (), ("r.f",))


def test_an_arrow_goes_through_an_empty_group() -> None:
    with DAG("d") as dag:
        a, b = tasks("ab")
        with TaskGroup("nothing") as empty:
            pass
        a >> empty >> b
    assert upstream(dag)["b"] == ("a",)


def test_arrows_that_come_too_early_for_a_group_are_pointed_out() -> None:
    with DAG("d") as dag:
        (a,) = tasks("a")
        group = TaskGroup("late")
        a >> group
        with group:
            tasks("x")
    with pytest.warns(FlowWarning, match="arrows to or from task group 'late' were drawn before it had a task"):
        dag.to_spec()


def test_groups_by_argument_and_without_a_block() -> None:
    dag = DAG("d")
    group = TaskGroup("g", dag=dag)
    inner = TaskGroup("i", parent_group=group)
    EmptyOperator(task_id="a", task_group=group)
    EmptyOperator(task_id="b", task_group=inner)
    EmptyOperator(task_id="c", dag=dag)
    assert dag.task_ids == ["g.a", "g.i.b", "c"]
    with refused("task group 'g' is in no DAG: make it in a `with DAG"):
        TaskGroup("g")


@pytest.mark.parametrize("bad", ["", "a.b", "a b", "ä", "x" * 201, 7])
def test_bad_group_ids_are_refused(bad: Any) -> None:
    with DAG("d"), refused(f"group_id {bad!r} is not a valid id: use 1 to 200 letters, digits, _ and -"):
        TaskGroup(bad)


def test_ids_are_taken_once_by_tasks_and_groups_alike() -> None:
    with DAG("d"):
        with TaskGroup("g") as first:
            tasks("a")
        line = first.location[1]
        with refused(f"group_id 'g' is taken by the task group of line {line}"):
            TaskGroup("g")
        with refused(f"task_id 'g' is taken by the task group of line {line}"):
            tasks("g")
        with refused("group_id 'g.a' is taken by the task of line"):
            TaskGroup("a", parent_group=first)
        names = [TaskGroup("g", add_suffix_on_collision=True).group_id for _ in range(2)]
    assert names == ["g__1", "g__2"]


def test_a_long_path_of_groups_still_needs_a_valid_task_id() -> None:
    with DAG("d"), TaskGroup("g" * 200), refused("task_id 'ggg.*' is not a valid id"):
        EmptyOperator(task_id="x" * 60)


def test_default_args_go_from_dag_over_groups_to_the_task() -> None:
    with DAG("d", default_args={"retries": 1, "owner": "dag", "pool": "p"}) as dag:
        EmptyOperator(task_id="a")
        with TaskGroup("g", default_args={"retries": 2, "owner": "group"}):
            EmptyOperator(task_id="b")
            with TaskGroup("h", default_args={"retries": 3}):
                EmptyOperator(task_id="c")
                EmptyOperator(task_id="d", retries=4, default_args={"owner": "task", "retries": 9})
    found = {item.task_id: (item.retries, item.owner, item.pool) for item in dag.to_spec().tasks}
    assert found == {
        "a": (1, "dag", "p"),
        "g.b": (2, "group", "p"),
        "g.h.c": (3, "group", "p"),
        "g.h.d": (4, "task", "p"),
    }


def test_a_default_of_a_group_that_no_task_takes_is_named() -> None:
    with DAG("d") as dag, TaskGroup("g", default_args={"retires": 1}):
        tasks("a")
    with pytest.warns(FlowWarning, match="DAG 'd', task group 'g': default_args: no task has an argument 'retires'"):
        dag.to_spec()
    with DAG("d") as dag, TaskGroup("g", default_args={"kernel_name": "r", "retries": 1}), TaskGroup("h"):
        tasks("a")
    with pytest.warns(FlowWarning, match="task group 'g': .*'kernel_name'") as caught:
        dag.to_spec()
    assert len(caught) == 1


# setup and teardown


def test_setups_and_teardowns_reach_the_spec_and_count_for_groups() -> None:
    with DAG("d") as dag:
        with TaskGroup("g") as group:
            make, work, drop = tasks("mwx")
            make >> work >> drop.as_teardown(setups=make, on_failure_fail_dagrun=True)
        (after,) = tasks("z")
        group >> after
    spec = dag.to_spec()
    flags = {item.task_id: (item.is_setup, item.is_teardown, item.on_failure_fail_dagrun) for item in spec.tasks}
    assert flags == {
        "g.m": (True, False, False),
        "g.w": (False, False, False),
        "g.x": (False, True, True),
        "z": (False, False, False),
    }
    assert spec.task("g.x").trigger_rule == "all_done_setup_success"
    assert (spec.task("g.x").upstream, spec.task("z").upstream) == (("g.m", "g.w"), ("g.w",))


def test_a_teardown_block_draws_the_arrows() -> None:
    with DAG("d") as dag:
        make, drop = tasks("mx")
        with drop.as_teardown(setups=make):
            a, b, _ = tasks("abc")
            a >> b
    assert upstream(dag) == {"m": (), "x": ("m", "b", "c"), "a": ("m",), "b": ("a",), "c": ("m",)}


def test_blocks_nest_setup_with_setup_and_teardown_with_teardown() -> None:
    with DAG("d") as dag:
        s1, t1, s2, t2 = (EmptyOperator(task_id=name) for name in ("s1", "t1", "s2", "t2"))
        s1 >> t1.as_teardown(setups=[])
        s1.as_setup()
        with t1:
            tasks("a")
            with t2.as_teardown(setups=s2):
                tasks("b")
    assert upstream(dag) == {
        "s1": (), "a": ("s1",), "s2": ("s1",), "b": ("s2",), "t2": ("s2", "b"), "t1": ("s1", "t2", "a"),
    }  # fmt: skip


def test_a_setup_block_several_teardowns_and_a_task_made_before() -> None:
    with DAG("d") as dag:
        make, one, two, early = (EmptyOperator(task_id=name) for name in ("make", "one", "two", "early"))
        for item in (one, two):
            item.as_teardown(setups=make)
        with make as scope:
            scope.add_task(early)
        with context_wrapper([one, two]):
            tasks("w")
    graph = upstream(dag)
    assert (graph["early"], graph["w"]) == (("make",), ("make",))
    assert graph["one"] == graph["two"] == ("make", "early", "w")


def test_wrong_setups_and_teardowns_are_refused() -> None:
    with DAG("d") as dag:
        a, b, c = tasks("abc")
        with refused("only setups, or only teardowns, can be used with `with`"), a:
            pass
        with refused("add_task takes tasks into a `with teardown:` block, and none runs here"):
            from jupyter_flow.authoring.setup_teardown import SetupTeardownContext

            SetupTeardownContext.add_task(a)
        with refused("as_teardown: setups must be a task or a list of tasks, not 'a'"):
            b.as_teardown(setups="a")
        c.on_failure_fail_dagrun = True
    with refused("DAG 'd', task 'c': on_failure_fail_dagrun is for teardowns"):
        dag.to_spec()
    with DAG("d") as dag:
        make = EmptyOperator(task_id="make").as_setup()
        make >> EmptyOperator(task_id="work", trigger_rule="all_done")
    with refused(
        "task 'make' is a setup: the task 'work' after it must have trigger_rule 'all_success', not 'all_done'"
    ):
        dag.to_spec()
    with DAG("d", fail_fast=True) as dag:
        EmptyOperator(task_id="late", trigger_rule="all_done")
    with refused("task 'late': with fail_fast all tasks have trigger_rule 'all_success'"):
        dag.to_spec()


def test_a_failed_block_draws_nothing_and_leaves_no_trace() -> None:
    with DAG("d") as dag:
        make, drop = tasks("mx")
        with contextlib.suppress(RuntimeError), drop.as_teardown(setups=make):
            tasks("a")
            raise RuntimeError
        tasks("b")
    assert upstream(dag) == {"m": (), "x": ("m",), "a": (), "b": ()}
