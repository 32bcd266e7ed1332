"""Mapped tasks and groups as the DAG file writes them: what the spec says of them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jupyter_flow import DAG, BashOperator, EmptyOperator, NotebookOperator, PythonOperator, TaskGroup, task, task_group
from jupyter_flow.authoring.exceptions import DagError, FlowWarning
from jupyter_flow.authoring.mapped import MappedOperator
from jupyter_flow.authoring.xcom_arg import XComArg, from_data
from jupyter_flow.model.spec import GroupSpec, TaskSpec, canonical, dag_from_json, to_json


@task
def numbers() -> list[int]:
    return [1, 2, 3]


@task
def add(x: int, y: int = 0, z: int = 0) -> int:
    return x + y + z


def spec_of(make: Callable[[], Any], task_id: str) -> TaskSpec:
    with DAG("d") as made:
        make()
    return made.to_spec().task(task_id)


# what the spec says


def test_functions_are_mapped_over_lists_and_outputs() -> None:
    found = spec_of(lambda: add.partial(z=5).expand(y=[10, 20], x=numbers()), "add")
    assert found.expand == {
        "kind": "product",
        "inputs": {"y": {"const": 2}, "x": {"xcom": ["numbers", "return_value"]}},
        "order": ["y", "x"],
    }
    assert (found.operator, found.upstream, found.needs_dag_file) == ("@task", ("numbers",), True)
    assert found.xcom_inputs == (("numbers", "return_value"),)


def test_dicts_of_arguments_are_mapped_over() -> None:
    found = spec_of(lambda: add.expand_kwargs([{"x": 1}, {"x": 2, "y": 3}]), "add")
    assert found.expand == {"kind": "kwargs", "inputs": {"": {"const": 2}}}
    found = spec_of(lambda: add.partial(y=1).expand_kwargs(numbers(), strict=False), "add")
    assert found.expand == {"kind": "kwargs", "inputs": {"": {"xcom": ["numbers", "return_value"]}}, "strict": False}


def test_classic_operators_are_data_when_they_can_be() -> None:
    def make() -> None:
        BashOperator.partial(task_id="b", retries=3, cwd="x").expand(bash_command=["echo 1", "echo 2"])

    found = spec_of(make, "b")
    assert (found.operator, found.operator_ref) == ("BashOperator", "jupyter_flow.operators.bash:BashOperator")
    assert (found.retries, found.needs_dag_file) == (3, False)
    assert found.arguments == {"bash_command": ["echo 1", "echo 2"], "cwd": "x"}
    found = spec_of(lambda: BashOperator.partial(task_id="b").expand(bash_command=numbers().map(str)), "b")
    assert (found.needs_dag_file, found.expand) == (
        True,
        {"kind": "product", "inputs": {"bash_command": {"xcom": ["numbers", "return_value"]}}},
    )


def test_notebooks_of_a_mapped_task_are_pinned() -> None:
    def make() -> None:
        NotebookOperator.partial(task_id="n", notebook="train.ipynb").expand(parameters=numbers())
        NotebookOperator.partial(task_id="m").expand(notebook=["a.ipynb", "b.ipynb", "a.ipynb"])

    with DAG("d") as made:
        make()
    spec = made.to_spec()
    assert (spec.task("n").files, spec.task("m").files) == (("train.ipynb",), ("a.ipynb", "b.ipynb"))
    assert spec.task("n").is_notebook


def test_sequences_say_how_long_they_will_be() -> None:
    def make() -> None:
        a, b = numbers.override(task_id="a")(), numbers.override(task_id="b")()
        add.override(task_id="zipped").expand(x=a.zip(b, [1, 2]))
        add.override(task_id="filled").expand(x=a.zip(b["k"], fillvalue=None))
        add.override(task_id="joined").expand(x=a.concat(b, [7]).map(str))

    with DAG("d") as made:
        make()
    spec = made.to_spec()
    a, b = {"xcom": ["a", "return_value"]}, {"xcom": ["b", "return_value"]}
    lengths = {name: (spec.task(name).expand or {})["inputs"]["x"] for name in ("zipped", "filled", "joined")}
    assert lengths == {
        "zipped": {"zip": [a, b, {"const": 2}], "longest": False},
        "filled": {"zip": [a, {"xcom": ["b", "k"]}], "longest": True},
        "joined": {"concat": [a, b, {"const": 1}]},
    }
    assert spec.task("zipped").upstream == ("a", "b")
    assert spec.task("zipped").xcom_inputs == (("a", "return_value"), ("b", "return_value"))


def test_outputs_of_mapped_tasks_are_not_carried_to_each_instance() -> None:
    def make() -> None:
        first = add.override(task_id="first").expand(x=[1, 2])
        second = add.override(task_id="second").expand(x=first)
        add.override(task_id="sum")(second)

    with DAG("d") as made:
        make()
    spec = made.to_spec()
    assert [spec.task(name).xcom_inputs for name in ("second", "sum")] == [(), (("second", "return_value"),)]
    assert spec.task("second").upstream == ("first",)


def test_the_spec_of_mapped_tasks_survives_its_way_to_the_house() -> None:
    with DAG("d") as made:
        BashOperator.partial(task_id="b").expand(env=[{"A": "1"}], bash_command=numbers().zip(["x"]), append_env=[True])
    spec = made.to_spec()
    back = dag_from_json(to_json(spec))
    assert canonical(back) == canonical(spec)
    rebuilt = from_data(back.task("b").arguments)["bash_command"]
    assert rebuilt.length_data() == {"zip": [{"xcom": ["numbers", "return_value"]}, {"const": 1}], "longest": False}


def test_default_args_reach_mapped_tasks() -> None:
    with DAG("d", default_args={"retries": 4, "kernel_name": "python3"}) as made:
        NotebookOperator.partial(task_id="n", notebook="n.ipynb").expand(parameters=[{"a": 1}])
        task.notebook(notebook="m.ipynb")(add.function).expand(x=numbers())
    spec = made.to_spec()
    found = spec.task("n")
    assert (found.retries, found.arguments["kernel_name"]) == (4, "python3")
    found = spec.task("add")
    assert (found.files, found.is_notebook, found.arguments["kernel_name"]) == (("m.ipynb",), True, "python3")


def test_a_mapped_task_is_a_task_of_its_group() -> None:
    with DAG("d") as made, TaskGroup("g"):
        mapped = BashOperator.partial(task_id="b").expand(bash_command=["true"])
        EmptyOperator("e") >> mapped
    assert made.to_spec().task("g.b").upstream == ("g.e",)
    assert mapped.output["k"] == XComArg(mapped, "k")


# mapped groups


def test_groups_are_mapped_as_a_whole() -> None:
    @task_group
    def each(x: Any, y: int) -> Any:
        """Both steps."""
        first = add(x, y)
        return BashOperator(task_id="show", bash_command="echo", env={"X": x, "SUM": first}).output

    with DAG("d") as made:
        result = each.partial(y=3).expand(x=numbers())
        add.override(task_id="total")(result)
    spec = made.to_spec()
    assert spec.groups == (
        GroupSpec(
            "each",
            label="each",
            tooltip="Both steps.",
            expand={"kind": "product", "inputs": {"x": {"xcom": ["numbers", "return_value"]}}},
        ),
    )
    upstream = {item.task_id: item.upstream for item in spec.tasks}
    assert upstream == {
        "numbers": (),
        "each.add": ("numbers",),
        "each.show": ("numbers", "each.add"),
        "total": ("each.show",),
    }
    argument = from_data(spec.task("each.show").arguments)
    assert spec.task("each.show").env is not None
    assert spec.task("each.add").xcom_inputs == (("numbers", "return_value"),)
    assert argument["bash_command"] == "echo"


def test_groups_take_dicts_of_arguments() -> None:
    @task_group(group_id="g")
    def each(x: Any, y: Any) -> None:
        add(x, y)

    with DAG("d") as made:
        group = each.expand_kwargs([{"x": 1, "y": 2}, {"x": 3, "y": 4}])
    assert isinstance(group, TaskGroup)
    assert made.to_spec().groups[0].expand == {"kind": "kwargs", "inputs": {"": {"const": 2}}}


def test_groups_that_are_called() -> None:
    @task_group
    def pair(x: Any) -> Any:
        return add(add(x))

    with DAG("d") as made:
        end = EmptyOperator("end")
        pair(1) >> end
        pair.override(group_id="again", prefix_group_id=False)(2) >> end
        pair(3)
    assert made.task_ids == [
        "end", "pair.add", "pair.add__1", "add", "add__1", "pair__1.add", "pair__1.add__1"
    ]  # fmt: skip
    assert made.get_task("end").upstream_task_ids == {"pair.add__1", "add__1"}


# refusals


class Own(PythonOperator):
    def __init__(self, needed: int, **more: Any) -> None:
        super().__init__(python_callable=print, **more)


def partial_bash(**more: Any) -> Any:
    return BashOperator.partial(task_id="b", **more)


def in_mapped_group(make: Callable[[Any], Any]) -> Any:
    @task_group
    def outer(x: Any) -> None:
        make(x)

    return outer.expand(x=[1])


@task_group
def inner_group(x: Any) -> None:
    add(x)


REFUSALS: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: BashOperator.partial("b"),
        "BashOperator.partial() takes named arguments only, e.g. partial(task_id='copy')",
    ),
    (lambda: BashOperator.partial(retries=1), "BashOperator.partial(): task_id is missing"),
    (
        lambda: partial_bash(bash_comand="x"),
        "task 'b': BashOperator has no argument 'bash_comand': did you mean 'bash_command'?",
    ),
    (lambda: partial_bash().expand(["a"]), "task 'b': expand() takes named arguments only, e.g. expand(x=[1, 2])"),
    (lambda: partial_bash().expand(), "task 'b': expand() needs arguments to map over, e.g. expand(x=[1, 2])"),
    (
        lambda: partial_bash().expand(bash_comand=["a"]),
        "task 'b': BashOperator has no argument 'bash_comand': did you mean 'bash_command'?",
    ),
    (
        lambda: partial_bash().expand(task_id=["a"]),
        "task 'b': expand() cannot map over 'task_id': it is the same for all instances, give it in partial()",
    ),
    (
        lambda: partial_bash(bash_command="x").expand_kwargs([{"retries": 3}]),
        "task 'b': expand_kwargs() cannot map over 'retries': it is the same for all instances, give it in partial()",
    ),
    (
        lambda: partial_bash(bash_command="x").expand(bash_command=["a"]),
        "task 'b': 'bash_command' is given in partial() already",
    ),
    (
        lambda: partial_bash(bash_command="x").expand_kwargs([{"bash_command": "a"}]),
        "task 'b': 'bash_command' is given in partial() already",
    ),
    (
        lambda: partial_bash().expand(bash_command="echo"),
        "task 'b': expand(bash_command=…) takes a list, a dict or the output of a task, not 'echo' (a str)",
    ),
    (
        lambda: partial_bash().expand(bash_command=5),
        "task 'b': expand(bash_command=…) takes a list, a dict or the output of a task, not 5 (a int)",
    ),
    (
        lambda: partial_bash().expand_kwargs({"bash_command": "a"}),
        "task 'b': expand_kwargs() takes a list of dicts or the output of a task, not {'bash_command': 'a'} (a dict)",
    ),
    (
        lambda: partial_bash().expand_kwargs([{"bash_command": "a"}, 7]),
        "task 'b': expand_kwargs(): element 1 must be a dict of arguments, not 7",
    ),
    (
        lambda: partial_bash().expand(env=[{}]),
        "task 'b': BashOperator needs 'bash_command': give it in partial() or expand()",
    ),
    (
        lambda: Own.partial(task_id="o").expand(op_args=[[1]]),
        "task 'o': Own needs 'needed': give it in partial() or expand()",
    ),
    (
        lambda: NotebookOperator.partial(task_id="n", notebook="n.ipynb").expand(parameters=[{"a": 1}, {"a b": 1}]),
        "task 'n': parameter name 'a b' is not an identifier: use letters, digits and _ (map index 1)",
    ),
    (
        lambda: partial_bash(trigger_rule="always").expand(bash_command=numbers()),
        "task 'b': a task that is mapped over an output cannot have the trigger rule 'always'",
    ),
    (lambda: add.partial(1), "task 'add': partial() takes named arguments only, e.g. partial(x=1)"),
    (lambda: add.expand([1]), "task 'add': expand() takes named arguments only, e.g. expand(x=[1, 2])"),
    (lambda: add.expand(), "task 'add': expand() needs arguments to map over, e.g. expand(x=[1, 2])"),
    (lambda: add.partial(w=1), "task 'add': partial(): add() has no argument 'w'"),
    (lambda: add.expand(x=[1], zz=[2]), "task 'add': expand(): add() has no argument 'zz': did you mean 'z'?"),
    (lambda: add.expand(y=[1]), "task 'add': add(): missing a required argument: 'x'"),
    (lambda: add.partial(x=1).expand(x=[1]), "task 'add': 'x' is given in partial() already"),
    (lambda: add.partial(x=1).partial(x=2), "task 'add': 'x' is given in partial() already"),
    (lambda: add.partial(x=1)(2), "task 'add': after partial() comes expand(…), not a call"),
    (
        lambda: add.expand(x={1, 2}),
        "task 'add': expand(x=…) takes a list, a dict or the output of a task, not {1, 2} (a set)",
    ),
    (lambda: add.expand_kwargs([{"x": 1}, {"q": 1}]), "task 'add': expand_kwargs(): add() has no argument 'q'"),
    (lambda: add.partial(y=1).expand_kwargs([{"x": 1, "y": 2}]), "task 'add': 'y' is given in partial() already"),
    (
        lambda: numbers().map(add),
        ".map() takes a plain function, not a task: the task that gets the element calls it",
    ),
    (lambda: numbers().map(3), ".map() takes a function, not 3"),
    (lambda: numbers().zip("abc"), ".zip() and .concat() take outputs of tasks and lists, not 'abc'"),
    (
        lambda: numbers().map(str)["k"],
        "XComArg('numbers', key='return_value').map(str) has no keys: use .map(lambda item: item[…])",
    ),
    (
        lambda: in_mapped_group(lambda x: add.expand(x=[1])),
        "task 'outer.add': there is no mapping within the mapped task group 'outer'",
    ),
    (
        lambda: in_mapped_group(lambda x: inner_group.expand(x=[1])),
        "task group 'inner_group': there is no mapping within the mapped task group 'outer'",
    ),
    (
        lambda: in_mapped_group(lambda x: add.expand(x=x)),
        "task 'add': expand(x=…) cannot map over the mapped argument 'x': let a task return it",
    ),
    (lambda: in_mapped_group(list), "the mapped argument 'x' cannot be iterated in the DAG file: it exists only later"),
    (
        lambda: in_mapped_group(lambda x: f"echo {x}"),
        "the mapped argument 'x' cannot be part of a text in the DAG file: give it to a task as an argument",
    ),
    (
        lambda: inner_group.expand(),
        "task group 'inner_group': expand() needs arguments to map over, e.g. expand(x=[1, 2])",
    ),
    (
        lambda: inner_group.expand(y=[1]),
        "task group 'inner_group': expand(): inner_group() has no argument 'y'",
    ),
    (
        lambda: add.override(retris=1).expand(x=[1]),
        "task 'add': DecoratedPython has no argument 'retris': did you mean 'retries'?",
    ),
    (
        lambda: task.notebook(add.function).expand(x=numbers()),
        "task 'add': notebook is missing: name a file, e.g. notebook='train.ipynb'",
    ),
    (lambda: inner_group.override(group="g"), "@task_group has no argument 'group': did you mean 'group_id'?"),
    (lambda: inner_group(), "task group 'inner_group': inner_group(): missing a required argument: 'x'"),
    (lambda: inner_group.partial(x=1)(2), "task group 'inner_group': after partial() comes expand(…), not a call"),
]


@pytest.mark.parametrize(("make", "message"), REFUSALS, ids=[message[:60] for _, message in REFUSALS])
def test_wrong_mapping_is_refused_in_one_line(make: Callable[[], Any], message: str) -> None:
    with DAG("d"), pytest.raises(DagError) as caught:
        make()
    assert str(caught.value) == message


def test_partial_without_expand_warns() -> None:
    with DAG("d") as made:
        EmptyOperator("e")
        BashOperator.partial(task_id="b", bash_command="x")
        add.partial(x=1)
        add.partial(y=1).expand(x=[1])
    with pytest.warns(FlowWarning) as caught:
        made.to_spec()
    assert [str(item.message) for item in caught] == [
        "task 'b': partial() alone makes no task: add .expand(…) to it",
        "task 'add': partial() alone makes no task: add .expand(…) to it",
    ]


def test_an_instance_is_an_operator_in_the_place_of_the_mapped_task() -> None:
    with DAG("d") as made:
        mapped = BashOperator.partial(task_id="b", retries=2, append_env=True).expand(bash_command=["a", "b"])
    assert isinstance(mapped, MappedOperator)
    one = mapped.unmap({"bash_command": "b"})
    assert (type(one), one.bash_command, one.append_env, one.retries, one.dag) == (BashOperator, "b", True, 2, made)  # type: ignore[attr-defined]
    assert made.tasks == [mapped]
    assert mapped.bash_command == ["a", "b"]
    assert mapped.append_env
    with pytest.raises(AttributeError, match="the mapped task 'b' has no 'colour': its instances may"):
        mapped.colour  # noqa: B018
