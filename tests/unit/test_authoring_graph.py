"""Arrows, labels and chains: the graph they make, and the sentence for wrong ones."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from jupyter_flow import DAG, BaseOperator, EmptyOperator, Label, TaskGroup, chain, chain_linear, cross_downstream, task
from jupyter_flow.authoring.edges import EdgeModifier
from jupyter_flow.authoring.exceptions import DagError, FlowWarning


def upstream(dag: DAG) -> dict[str, tuple[str, ...]]:
    return {item.task_id: item.upstream for item in dag.to_spec().tasks}


def tasks(names: str) -> tuple[EmptyOperator, ...]:
    return tuple(EmptyOperator(task_id=name) for name in names)


def refused(match: str) -> Any:
    return pytest.raises(DagError, match=match)


# labels


def test_labels_stand_on_the_edges_they_are_drawn_through() -> None:
    with DAG("d") as dag:
        a, b, c, d, e = tasks("abcde")
        a >> Label("new") >> [b, c]
        d << Label("old") << b
        b.set_downstream(e, edge_modifier=Label("set"))
        e.set_upstream(c, EdgeModifier("up"))
    spec = dag.to_spec()
    assert set(spec.labels) == {
        ("a", "b", "new"),
        ("a", "c", "new"),
        ("b", "d", "old"),
        ("b", "e", "set"),
        ("c", "e", "up"),
    }
    assert upstream(dag) == {"a": (), "b": ("a",), "c": ("a",), "d": ("b",), "e": ("b", "c")}


def test_labels_in_chains_and_on_groups() -> None:
    with DAG("d") as dag:
        a, b, c = tasks("abc")
        with TaskGroup("g") as group:
            d, e = tasks("de")
        chain(a, [Label("one"), Label("two")], [b, c], Label("in"), group)
    assert set(dag.to_spec().labels) == {
        ("a", "b", "one"),
        ("a", "c", "two"),
        *((before, after, "in") for before in "bc" for after in (d.task_id, e.task_id)),
    }


def test_a_label_stands_between_tasks() -> None:
    with DAG("d"):
        (a,) = tasks("a")
        with refused(r"a label stands between tasks or task groups, not beside Label\('y'\)"):
            a >> Label("x") >> Label("y")
        with refused("a label stands between tasks or task groups, not beside 'b'"):
            Label("x") >> "b"
    with refused("the label of an edge must be text, not 3"):
        Label(3)  # type: ignore[arg-type]


# chain


def test_chain_takes_tasks_lists_outputs_and_groups() -> None:
    @task
    def make() -> int:
        return 1

    with DAG("d") as dag:
        a, b, c, d, e = tasks("abcde")
        with TaskGroup("g") as group:
            tasks("x")
        chain(a, make(), [b, c], [d, e], group)
    assert upstream(dag) == {
        "a": (),
        "make": ("a",),
        "b": ("make",),
        "c": ("make",),
        "d": ("b",),
        "e": ("c",),
        "g.x": ("d", "e"),
    }


def test_wrong_chains_are_refused() -> None:
    with DAG("d"):
        a, b, c = tasks("abc")
    with refused("chain: two lists in a row must have the same length, not 2 and 1: use chain_linear"):
        chain([a, b], [c])
    with refused("chain takes tasks, task groups, labels and lists of these, not 7"):
        chain([a], 7)
    with refused("dependencies are between tasks, not with 7"):
        chain(a, 7)
    with refused("chain_linear takes no labels: use chain"):
        chain_linear(a, Label("x"), b)
    for nothing in ((), (a,), ([a, b],)):
        with refused("chain_linear drew no dependency: give at least two elements"):
            chain_linear(*nothing)


def test_chain_linear_and_cross_downstream_connect_each_with_each() -> None:
    with DAG("d") as dag:
        a, b, c, d, e, f = tasks("abcdef")
        chain_linear(a, [b, c], [d, e], f)
    assert upstream(dag) == {
        "a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("b", "c"), "f": ("d", "e"),
    }  # fmt: skip
    with DAG("d") as dag:
        a, b, c, d = tasks("abcd")
        cross_downstream([a, b], [c, d])
    assert upstream(dag) == {"a": (), "b": (), "c": ("a", "b"), "d": ("a", "b")}


# repeated arrows


def test_a_repeated_arrow_warns_at_its_line_and_is_refused_in_strict_mode() -> None:
    def make(**arguments: Any) -> DAG:
        with DAG("d", **arguments) as dag:
            a, b = tasks("ab")
            a >> b
            b << a
        return dag

    with pytest.warns(FlowWarning, match="DAG 'd': the dependency a >> b is stated already") as caught:
        make().to_spec()
    assert caught[0].filename == __file__
    with refused("the dependency a >> b is stated already: strict mode refuses to have it twice"):
        make(strict=True).to_spec()
    with refused("strict mode refuses"):
        make().to_spec(strict=True)
    with pytest.warns(FlowWarning):
        make(strict=False).to_spec(strict=True)


def test_what_follows_from_arguments_or_from_groups_is_no_repetition() -> None:
    @task
    def value() -> int:
        return 1

    @task
    def use(given: int) -> None: ...

    with DAG("d", strict=True) as dag:
        found = value()
        found >> use(found)
        with TaskGroup("g") as group:
            x, _ = tasks("xy")
        found >> group
        found >> x
        with TaskGroup("h") as other:
            tasks("z")
        group >> other
    assert upstream(dag)["g.x"] == ("value",)


# edges of the whole


def test_tasks_without_a_dag_cannot_be_joined() -> None:
    a, b = tasks("ab")
    with refused("tasks 'a' and 'b' are in no DAG: make them in a `with DAG"):
        a >> b


def test_relatives_are_found_far_and_near() -> None:
    with DAG("d") as dag:
        a, b, c = tasks("abc")
        a >> b >> c
    assert [item.task_id for item in a.get_flat_relatives()] == ["b", "c"]
    assert c.get_flat_relative_ids(upstream=True) == {"a", "b"}
    assert (b.upstream_list, b.downstream_list) == ([a], [c])
    dag.set_dependency("a", "c")
    assert dag.has_task("c")
    assert c.upstream_task_ids == {"a", "b"}


def test_a_long_cycle_is_shortened() -> None:
    with DAG("d") as dag:
        ring = [EmptyOperator(task_id=f"t{index}") for index in range(40)]
        chain(*ring, ring[0])
    with refused(r"has a cycle: t0 -> t1 .* -> … \(28 more\) -> t0 \(t0 -> t1: line \d+; ") as caught:
        dag.to_spec()
    assert len(str(caught.value)) < 700


def test_an_ordinary_dag_warns_of_nothing() -> None:
    class Mine(BaseOperator):
        def __init__(self, task_id: str, **rest: Any) -> None:
            super().__init__(task_id, **rest)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with DAG("d", strict=True) as dag, TaskGroup("g"):
            a = Mine("a")
            a >> Mine("b")
        dag.to_spec()
