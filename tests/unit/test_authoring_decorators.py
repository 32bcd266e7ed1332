"""Params of ``@dag`` functions, ``@setup`` and ``@teardown``, gates, and the kinds of ``@task``."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_flow import (
    DAG,
    BashOperator,
    FlowSkipException,
    NotebookOperator,
    Param,
    dag,
    literal,
    setup,
    task,
    task_group,
    teardown,
)
from jupyter_flow.authoring.exceptions import DagError
from jupyter_flow.authoring.xcom_arg import from_data


@task
def extract(day: str) -> dict[str, int]:
    return {"rows": len(day)}


def test_arguments_of_dag_functions_are_params() -> None:
    @dag(params={"own": 1})
    def nightly(day: str = "today", count: Any = Param(3, type="integer")) -> None:  # noqa: B008 - as authors write it
        NotebookOperator("n", "n.ipynb", parameters={"day": day, "count": count})
        BashOperator("b", f"echo {day}")

    made = nightly(day="monday")
    spec = made.to_spec()
    assert {name: item["default"] for name, item in spec.params.items()} == {"own": 1, "day": "monday", "count": 3}
    assert spec.task("b").arguments["bash_command"] == "echo {{ params.day }}"
    rebuilt = from_data(spec.task("n").arguments)["parameters"]
    assert rebuilt == {"day": made.param("day"), "count": made.param("count")}
    assert rebuilt["day"].resolve({"params": {"day": "sunday"}}) == "sunday"
    assert made.param("new", default=5).resolve({"params": made.params}) == 5
    with pytest.raises(DagError, match="DAG 'nightly' has no param 'dya': did you mean 'day'"):
        made.param("dya")


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (range, "the param 'x' is no number in the DAG file: its value is chosen when a run begins"),
        (list, "the param 'x' cannot be iterated in the DAG file: it exists only later"),
        (lambda x: x["k"], "the param 'x' cannot be looked into in the DAG file: let a task do it"),
        (lambda x: x.map(str), "nothing can be mapped over the param 'x': let a task return it"),
        (
            lambda x: extract.expand(day=x),
            "task 'extract': expand(day=…) cannot map over the param 'x': let a task return it",
        ),
        (
            lambda x: task(numbers).expand(value=[1]),
            "task 'numbers': expand(): numbers() has no argument 'value'",
        ),
    ],
)
def test_values_of_params_are_not_known_in_the_dag_file(use: Any, message: str) -> None:
    @dag
    def flow_of(x: int = 1) -> None:
        use(x)

    with pytest.raises(DagError) as caught:
        flow_of()
    assert str(caught.value) == message


def numbers() -> list[int]:
    return [1]


def test_dag_functions_whose_arguments_cannot_be_params() -> None:
    @dag
    def needs(day: str) -> None: ...

    @dag
    def many(*days: str) -> None: ...

    with pytest.raises(
        DagError, match=r"DAG 'needs': needs\(\): missing a required argument: 'day'; give the params def"
    ):
        needs()
    with pytest.raises(DagError, match=r"DAG 'many': many\(\) takes \*days: params of a DAG have names of their own"):
        many()


def test_setups_and_teardowns() -> None:
    @setup
    def start() -> str:
        return "s"

    @teardown(on_failure_fail_dagrun=True)
    @task(retries=2)
    def stop(name: Any) -> None: ...

    @teardown
    def clean() -> None: ...

    with DAG("d") as made:
        cluster = start()
        with stop(cluster):
            BashOperator("work", "true")
        clean.override(task_id="last")()
    spec = made.to_spec()
    flags = {item.task_id: (item.is_setup, item.is_teardown, item.on_failure_fail_dagrun) for item in spec.tasks}
    assert flags == {
        "start": (True, False, False),
        "work": (False, False, False),
        "stop": (False, True, True),
        "last": (False, True, False),
    }
    assert spec.task("work").upstream == ("start",)
    assert set(spec.task("stop").upstream) == {"start", "work"}
    assert spec.task("stop").retries == 2


def test_gates_skip_before_the_function_is_called() -> None:
    seen: list[str] = []

    @task.run_if(lambda context: context["go"])
    @task.skip_if(lambda context: (context["stop"], "told to"))
    @task(pre_execute=lambda context: seen.append("own hook"))
    def gated() -> None: ...

    with DAG("d") as made:
        gated()
    hook = made.get_task("gated")._pre_execute_hook  # type: ignore[attr-defined]
    hook({"go": True, "stop": False})
    assert seen == ["own hook"]
    with pytest.raises(FlowSkipException, match="the condition of run_if does not hold"):
        hook({"go": False, "stop": False})
    with pytest.raises(FlowSkipException, match="told to"):
        hook({"go": True, "stop": True})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: task.run_if(lambda _: True)(len), "@task.run_if stands above @task (or @task.bash …), not alone"),
        (lambda: task.skip_if(True)(task(len)), "task 'len': @task.run_if and skip_if take a function, not True"),
        (lambda: task(task(len)), "len is a task already: use one @task decorator"),
        (lambda: task(5), "@task decorates functions, not 5"),
        (lambda: setup(task_group(numbers)), "@setup is for tasks: a task group cannot be one"),
        (
            lambda: teardown(on_failure=True),
            "@teardown has no argument 'on_failure': did you mean 'on_failure_fail_dagrun'?",
        ),
        (lambda: task_group("g")(5), "@task_group decorates functions, not 5"),
        (
            lambda: task.bash(bash_command="ls")(numbers)(),
            "task 'numbers': the function of @task.bash returns the command: leave out bash_command",
        ),
        (
            lambda: task.notebook(notebook="n.ipynb", parameters={})(numbers)(),
            "task 'numbers': the function of @task.notebook returns the parameters: leave out parameters",
        ),
        (
            lambda: task.notebook(numbers)(),
            "task 'numbers': notebook is missing: name a file, e.g. notebook='train.ipynb'",
        ),
    ],
)
def test_wrong_decorators_are_refused_in_one_line(make: Any, message: str) -> None:
    with DAG("d"), pytest.raises(DagError) as caught:
        make()
    assert str(caught.value) == message


def test_bash_and_notebook_functions_must_return_what_they_say() -> None:
    with DAG("d") as made:
        task.bash(numbers)()
        task.notebook(notebook="n.ipynb")(numbers)()
    with pytest.raises(TypeError, match=r"numbers\(\) must return a command as text, not \[1\]"):
        made.get_task("numbers").execute({})
    with pytest.raises(TypeError, match=r"numbers\(\) must return a dict of parameters, not \[1\]"):
        made.get_task("numbers__1").execute({})
    spec = made.to_spec()
    assert [item.operator for item in spec.tasks] == ["@task.bash", "@task.notebook"]
    assert [item.is_notebook for item in spec.tasks] == [False, True]
    assert spec.task("numbers__1").files == ("n.ipynb",)


def test_literals_are_not_looked_into() -> None:
    with DAG("d") as made:
        BashOperator("b", literal("echo {{ nothing }} {% x %}"))
    arguments = made.to_spec().task("b").arguments
    assert from_data(arguments)["bash_command"] == literal("echo {{ nothing }} {% x %}")
    assert literal("a.sh").resolve({}) == "a.sh"
