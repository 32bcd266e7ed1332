"""From a mapped task to one of its instances, as a runner does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas
import pytest
from support.workloads import workload

from jupyter_flow import DAG, BashOperator, FlowSkipException, NotebookOperator, literal, task, task_group
from jupyter_flow.authoring.exceptions import DagError
from jupyter_flow.authoring.operator import BaseOperator
from jupyter_flow.authoring.placeholders import Literal
from jupyter_flow.model.records import Workload
from jupyter_flow.model.spec import TaskSpec
from jupyter_flow.runner.dag_loader import rebuild
from jupyter_flow.runner.expansion import instance_of


class Ti:
    """Answers pulls from what it is given."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def xcom_pull(self, task_ids: str, key: str, default: Any) -> Any:
        return self._values.get(task_ids, default)


@task
def numbers() -> list[int]:
    return []


@task
def add(x: Any, y: Any = 0) -> Any:
    return x, y


def place(index: int, **lengths: int) -> Workload:
    return workload(map_index=index, expand={"index": index, "lengths": lengths})


def arguments(make: Any, index: int, lengths: dict[str, int], **values: Any) -> Any:
    """Return the keyword arguments that the instance ``index`` of the task ``add`` gets."""
    with DAG("d") as made:
        make()
    found = instance_of(
        made.get_task("add"),
        workload(expand={"index": index, "lengths": lengths}),
        {"ti": Ti(values)},
    )
    return found.op_kwargs  # type: ignore[attr-defined]


def test_the_rightmost_argument_changes_fastest() -> None:
    def make() -> None:
        add.expand(y=["a", "b"], x=numbers())

    found = [arguments(make, index, {"y": 2, "x": 3}, numbers=[1, 2, 3]) for index in range(6)]
    assert [(item["y"], item["x"]) for item in found] == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("b", 3)]


def test_what_has_elements() -> None:
    def make() -> None:
        add.expand(x=numbers())

    def first(value: Any, index: int = 0) -> Any:
        return arguments(make, index, {"x": 9}, numbers=value)["x"]

    assert first({"k": 1}) == ("k", 1)
    assert first((5,)) == 5
    assert [first({"b", "a"}, index) for index in range(2)] == ["a", "b"]
    assert first(pandas.DataFrame({"a": [7]})).a == 7
    for value in ("text", 5, None):
        with pytest.raises(TypeError, match=r"output of task 'numbers' is of type .*must be a list or a dict"):
            first(value)
    with pytest.raises(LookupError, match="the output of task 'numbers' has no element 3: it became shorter meanwhile"):
        first([1], 3)


def test_sequences_are_evaluated_by_index() -> None:
    calls = []

    def double(value: int) -> int:
        calls.append(value)
        if value == 2:
            raise FlowSkipException("even")
        return value * 2

    def mapped() -> None:
        add.expand(x=numbers().map(double))

    assert arguments(mapped, 2, {"x": 3}, numbers=[1, 2, 3])["x"] == 6
    assert calls == [3]
    with pytest.raises(FlowSkipException, match="even"):
        arguments(mapped, 1, {"x": 3}, numbers=[1, 2, 3])

    def filled() -> None:
        add.expand(x=numbers().zip(["a"], fillvalue=None).concat([("end", 0)]))

    found = [arguments(filled, index, {"x": 3}, numbers=[1, 2])["x"] for index in range(3)]
    assert found == [(1, "a"), (2, None), ("end", 0)]


def test_dicts_of_arguments() -> None:
    def make() -> None:
        add.partial(y=1).expand_kwargs(numbers())

    assert arguments(make, 1, {"": 2}, numbers=[{"x": 1}, {"x": 2}]) == {"y": 1, "x": 2}
    with pytest.raises(TypeError, match="expand_kwargs: element 0 must be a dict of arguments, not 7"):
        arguments(make, 0, {"": 1}, numbers=[7])
    with pytest.raises(DagError, match="task 'add': 'y' is given in partial"):
        arguments(make, 0, {"": 1}, numbers=[{"x": 1, "y": 2}])

    def lenient() -> None:
        add.partial(y=1).expand_kwargs(numbers(), strict=False)

    assert arguments(lenient, 0, {"": 1}, numbers=[{"x": 1, "y": 2}]) == {"y": 2, "x": 1}


def rebuilt(make: Any, task_id: str) -> tuple[TaskSpec, BaseOperator]:
    with DAG("d") as made:
        make()
    spec = made.to_spec().task(task_id)
    assert not spec.needs_dag_file
    return spec, rebuild(spec)


def test_values_of_other_tasks_are_no_templates() -> None:
    def make() -> None:
        BashOperator.partial(task_id="b").expand(env=[{"W": "{{ ds }}"}], bash_command=numbers())

    _, mapped = rebuilt(make, "b")
    found: Any = instance_of(
        mapped, place(0, env=1, bash_command=3), {"ti": Ti({"numbers": ["{{ x }}", "a.sh", "ls"]})}
    )
    assert isinstance(found.bash_command, Literal)
    assert (found.bash_command.value, found.env) == ("{{ x }}", {"W": "{{ ds }}"})
    found = instance_of(mapped, place(1, env=1, bash_command=3), {"ti": Ti({"numbers": ["{{ x }}", "a.sh", "ls"]})})
    assert found.bash_command == literal("a.sh")
    found = instance_of(mapped, place(2, env=1, bash_command=3), {"ti": Ti({"numbers": ["{{ x }}", "a.sh", "ls"]})})
    assert found.bash_command == "ls"


def test_values_that_the_operator_does_not_take_are_refused() -> None:
    def make() -> None:
        NotebookOperator.partial(task_id="n", notebook="n.ipynb").expand(parameters=numbers())

    _, mapped = rebuilt(make, "n")
    with pytest.raises(DagError, match="task 'n': parameter name 'a b' is not an identifier"):
        instance_of(mapped, place(0, parameters=1), {"ti": Ti({"numbers": [{"a b": 1}]})})
    with pytest.raises(DagError, match="task 'n': parameters must be a dict"):
        instance_of(mapped, place(0, parameters=1), {"ti": Ti({"numbers": [5]})})


def test_tasks_of_a_mapped_group_get_their_element_from_data_too() -> None:
    @task_group
    def each(command: Any, word: Any) -> None:
        BashOperator(task_id="b", bash_command=command, env={"W": word, "MORE": "{{ ds }}"})

    def make() -> None:
        each.expand(word=["x", "y"], command=numbers().zip(["k"]).concat(["{{ 1 }}"]))

    with DAG("d") as made:
        make()
    spec = made.to_spec()
    assert spec.groups[0].expand == {
        "kind": "product",
        "inputs": {
            "word": {"const": 2},
            "command": {"concat": [{"zip": [{"xcom": ["numbers", "return_value"]}, {"const": 1}], "longest": False},
                                   {"const": 1}]},
        },
        "order": ["word", "command"],
    }  # fmt: skip
    own = spec.task("each.b")
    assert not own.needs_dag_file
    found: Any = instance_of(rebuild(own), place(3, word=2, command=2), {"ti": Ti({"numbers": [1, 2, 3]})})
    assert (found.bash_command, found.env) == (literal("{{ 1 }}"), {"W": "y", "MORE": "{{ ds }}"})


def test_what_is_not_mapped_stays_as_it_is() -> None:
    with DAG("d"):
        plain = BashOperator("b", "true")
    assert instance_of(plain, workload(), {}) is plain
