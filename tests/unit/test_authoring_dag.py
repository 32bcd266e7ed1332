"""DAG, operators and dependencies: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import re
import warnings
from datetime import datetime, timedelta
from typing import Any

import pytest

from jupyter_flow import (
    DAG,
    BaseOperator,
    BashOperator,
    EmptyOperator,
    NotebookOperator,
    Param,
    TriggerRule,
    chain,
    cross_downstream,
)
from jupyter_flow.authoring.exceptions import DagError, FlowWarning
from jupyter_flow.authoring.topology import topological_order

START = datetime(2026, 1, 1)


def upstream(dag: DAG) -> dict[str, tuple[str, ...]]:
    return {task.task_id: task.upstream for task in dag.to_spec().tasks}


def refused(match: str) -> Any:
    return pytest.raises(DagError, match=match)


# dependencies


def test_arrows_take_tasks_and_lists_on_both_sides() -> None:
    with DAG("d") as dag:
        a, b, c, d = (EmptyOperator(name) for name in "abcd")
        a >> [b, c] >> d
        d << a
    assert upstream(dag) == {"a": (), "b": ("a",), "c": ("a",), "d": ("a", "b", "c")}
    assert (dag.roots, dag.leaves) == ([a], [d])
    assert a.downstream_task_ids == {"b", "c", "d"}


@pytest.mark.parametrize(
    ("old", "new"), [("dummy", "always"), ("none_failed_or_skipped", "none_failed_min_one_success")]
)
def test_old_names_of_trigger_rules_mean_the_new_ones(old: str, new: str) -> None:
    with pytest.warns(FlowWarning, match=f"task 'a': trigger_rule '{old}' is called '{new}' now"):
        assert EmptyOperator("a", trigger_rule=old).trigger_rule == new


def test_a_list_before_an_arrow() -> None:
    with DAG("d") as dag:
        a, b, c = (EmptyOperator(name) for name in "abc")
        [a, b] >> c
        [b] << a
    assert upstream(dag) == {"a": (), "b": ("a",), "c": ("a", "b")}


def test_chain_and_cross_downstream() -> None:
    with DAG("d") as dag:
        a, b, c, d, e, f = (EmptyOperator(name) for name in "abcdef")
        chain(a, [b, c], [d, e], f)
        cross_downstream([a], [d, e])
    assert upstream(dag) == {"a": (), "b": ("a",), "c": ("a",), "d": ("a", "b"), "e": ("a", "c"), "f": ("d", "e")}
    with refused("chain: two lists in a row must have the same length, not 1 and 2"):
        chain([a], [b, c])


def test_tasks_join_their_dag_by_argument_by_block_or_by_a_neighbour() -> None:
    dag = DAG("d")
    a = EmptyOperator("a", dag=dag)
    with dag:
        b = EmptyOperator("b")
    c = EmptyOperator("c")
    a >> b >> c
    assert dag.task_ids == ["a", "b", "c"]


def test_dependencies_are_within_one_dag() -> None:
    with DAG("one"):
        a = EmptyOperator("a")
    with DAG("two"):
        b = EmptyOperator("b")
    with refused("task 'b' is in DAG 'two', 'a' in DAG 'one': dependencies are within one DAG"):
        a >> b


def test_only_tasks_can_be_neighbours() -> None:
    with DAG("d"):
        a = EmptyOperator("a")
    with refused("dependencies are between tasks, not with 3"):
        a >> 3


def test_a_cycle_is_named_by_its_path() -> None:
    with DAG("d") as dag:
        a, b, c, _ = (EmptyOperator(name) for name in "abcx")
        a >> b >> c
        c >> b
    with refused(r"^DAG 'd' has a cycle: b -> c -> b \(b -> c: line (\d+); c -> b: line (\d+)\)$") as caught:
        dag.to_spec()
    lines = [int(word) for word in re.findall(r"line (\d+)", str(caught.value))]
    assert lines[1] == lines[0] + 1
    assert caught.value.location == (__file__, lines[1])
    with DAG("d") as dag:
        a = EmptyOperator("a")
        a >> a
    with refused("has a cycle: a -> a \\(a -> a: line"):
        dag.to_spec()


def test_a_long_chain_is_ordered_without_recursion() -> None:
    size = 20_000
    graph = {f"t{index}": [f"t{index - 1}"] if index else [] for index in range(size)}
    order, cycle = topological_order(dict(reversed(graph.items())))
    assert (order[0], order[-1], len(order), cycle) == ("t0", f"t{size - 1}", size, [])
    graph["t0"] = [f"t{size - 1}"]
    assert len(topological_order(graph)[1]) == size + 1


def test_a_taken_task_id_names_the_line_of_the_first() -> None:
    with DAG("d"):
        first = EmptyOperator("load")
        with refused(f"task_id 'load' is taken by the task of line {first.location[1]}"):
            BashOperator("load", "true")


def test_an_unknown_upstream_is_named_with_the_nearest() -> None:
    with DAG("d") as dag:
        EmptyOperator("extract")
        EmptyOperator("load").set_upstream("extrct")
    with refused("task 'load' names the upstream task 'extrct', which the DAG does not have: did you mean 'extract'"):
        dag.to_spec()


def test_an_upstream_may_be_named_before_it_exists() -> None:
    with DAG("d") as dag:
        EmptyOperator("load").set_upstream(["extract"])
        EmptyOperator("extract")
    assert upstream(dag) == {"extract": (), "load": ("extract",)}


# arguments


def test_default_args_fill_what_a_task_does_not_say() -> None:
    defaults = {
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "owner": "ann",
        "kernel_name": "python3",
        "env": {"A": "1"},
    }
    with DAG("d", default_args=defaults) as dag:
        EmptyOperator("a")
        NotebookOperator("n", "n.ipynb", retries=0, default_args={"owner": "bob", "retries": 9})
    a, n = dag.to_spec().tasks
    assert (a.retries, a.retry_delay, a.owner, dict(a.env or {})) == (3, 60.0, "ann", {"A": "1"})
    assert (n.retries, n.owner, n.arguments["kernel_name"]) == (0, "bob", "python3")
    assert dag.to_spec().owner == "ann, bob"


def test_a_default_arg_that_no_task_takes_warns_with_the_nearest() -> None:
    with DAG("d", default_args={"retires": 1}) as dag:
        EmptyOperator("a")
    with pytest.warns(FlowWarning, match="no task has an argument 'retires': did you mean 'retries'"):
        dag.to_spec()


def test_an_unknown_argument_names_the_nearest_known_one() -> None:
    with refused(r"task 'a': EmptyOperator has no argument 'retrys': did you mean 'retries'\?"):
        EmptyOperator("a", retrys=1)
    with refused(r"DAG 'd': DAG has no argument 'schedul': did you mean 'schedule'\?"):
        DAG("d", schedul="@daily")
    with refused("task 'n': NotebookOperator has no argument 'paramters': did you mean 'parameters'"):
        NotebookOperator("n", "n.ipynb", paramters={})


@pytest.mark.parametrize(
    ("name", "value"),
    [("run_as_user", "ann"), ("executor", "Local"), ("executor_config", {"a": 1})],
)
def test_an_accepted_argument_without_effect_warns_naming_argument_and_task(name: str, value: Any) -> None:
    with pytest.warns(FlowWarning, match=f"task 'a': {name} has no effect in this version") as caught:
        EmptyOperator("a", **{name: value})
    assert [item.filename for item in caught] == [__file__]


def test_neutral_values_of_arguments_without_effect_are_silent() -> None:
    neutral: dict[str, Any] = {
        "depends_on_past": False,
        "email_on_failure": False,
        "pool": "default_pool",
        "inlets": None,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EmptyOperator("a", **neutral)
        DAG("d", default_args=neutral, fail_fast=False, access_control=None)


def test_a_dag_argument_without_effect_warns_once() -> None:
    with pytest.warns(FlowWarning, match="DAG 'd': disable_bundle_versioning has no effect in this version"):
        DAG("d", disable_bundle_versioning=True)
    with pytest.warns(FlowWarning, match="DAG 'd': default_args: run_as_user has no effect") as caught:
        dag = DAG("d", default_args={"run_as_user": "ann"})
    EmptyOperator("a", dag=dag)
    EmptyOperator("b", dag=dag)
    assert len(caught) == 1


@pytest.mark.parametrize("bad", ["", "a b", "..", "ä", "x" * 251, None, 7, "a/b", "a\n"])
def test_bad_ids_are_refused(bad: Any) -> None:
    with refused("is not a valid id: use 1 to 250 letters"):
        DAG(bad)
    with refused("is not a valid id: use 1 to 250 letters"):
        EmptyOperator(bad)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"retries": -1}, "retries must be a whole number of at least 0, not -1"),
        ({"retries": "2"}, "retries must be a whole number of at least 0, not '2'"),
        ({"retry_delay": "5m"}, "retry_delay must be a timedelta or seconds, not '5m'"),
        ({"retry_delay": timedelta(seconds=-1)}, "retry_delay must be a timedelta or seconds"),
        ({"execution_timeout": 0}, "execution_timeout must be longer than zero"),
        ({"pool_slots": 0}, "pool_slots must be a whole number of at least 1"),
        ({"retry_exponential_backoff": "yes"}, "retry_exponential_backoff must be True, False or a factor"),
        ({"trigger_rule": "all_succes"}, "unknown trigger_rule 'all_succes': did you mean 'all_success'"),
        ({"env": {"A": None}}, r"env\['A'\] must be text, not None"),
        ({"env": {"A=B": "1"}}, "'A=B' is no name of an environment variable"),
        ({"params": [1]}, r"params must be a dict with names as keys, not \[1\]"),
    ],
)
def test_unusable_values_are_refused_by_name(arguments: dict[str, Any], sentence: str) -> None:
    with refused(f"task 'a': .*{sentence}"):
        EmptyOperator("a", **arguments)


def test_common_arguments_reach_the_spec() -> None:
    with DAG("d") as dag:
        EmptyOperator(
            task_id="a",
            retries=2,
            retry_delay=5,
            retry_exponential_backoff=True,
            max_retry_delay=timedelta(hours=1),
            execution_timeout=90,
            trigger_rule=TriggerRule.ALL_DONE,
            priority_weight=7,
            params={"n": Param(1, type="integer"), "m": "x"},
            do_xcom_push=False,
            doc_md="what it does",
        )
    (task,) = dag.to_spec().tasks
    assert (task.retry_delay, task.retry_exponential_backoff, task.max_retry_delay) == (5.0, 2.0, 3600.0)
    assert (task.execution_timeout, task.trigger_rule, task.priority_weight) == (90.0, "all_done", 7)
    assert (dict(task.params), task.do_xcom_push, task.doc) == ({"n": 1, "m": "x"}, False, "what it does")
    assert (task.operator, task.operator_ref) == ("EmptyOperator", "jupyter_flow.operators.empty:EmptyOperator")
    assert task.needs_dag_file is False


def test_an_operator_of_the_author_needs_the_dag_file() -> None:
    class Hello(BaseOperator):
        template_fields = ("name",)

        def __init__(self, name: str, **rest: Any) -> None:
            super().__init__(**rest)
            self.name = name

    with DAG("d", default_args={"name": "you"}) as dag:
        Hello(task_id="a")
        Hello(task_id="b", name=object())
    a, b = dag.to_spec().tasks
    assert (a.operator, a.operator_ref, a.needs_dag_file, a.arguments) == ("Hello", None, True, {"name": "you"})
    assert b.arguments == {"name": "<object>"}


def test_template_fields_must_exist() -> None:
    class Broken(BaseOperator):
        template_fields = ("nothing",)

    with refused("template_fields names 'nothing', which the operator does not set"):
        Broken(task_id="a")
