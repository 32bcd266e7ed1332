"""Row 6: TaskFlow: functions as tasks, what is passed makes the dependencies, values keep their types."""

from __future__ import annotations

from typing import Any

import pytest
from support.houses import House, states_of, task_of

FILES = {
    "shapes.py": """
        from dataclasses import dataclass
        from datetime import date

        @dataclass
        class Sale:
            day: date
            amounts: list
    """,
    "typed.py": """
        import datetime as dt
        from dataclasses import dataclass
        from decimal import Decimal
        from pathlib import Path

        import numpy
        import pandas
        from jupyter_flow import dag, task
        from shapes import Sale

        @dataclass
        class Report:
            sale: Sale
            total: float

        @task
        def extract(day):
            return Sale(dt.date.fromisoformat(day), [1.5, 2.5])

        @task(multiple_outputs=True)
        def several(sale):
            rows = pandas.DataFrame({"amount": sale.amounts})
            return {"rows": rows, "array": numpy.array(sale.amounts), "pair": (sale.day, Decimal("1.1"))}

        @task
        def check(sale: Sale, rows, array, pair, when: dt.datetime, folder: Path, raw: Report):
            assert type(sale).__module__ == "shapes", type(sale)
            assert isinstance(rows, pandas.DataFrame) and rows.amount.sum() == 4.0
            assert array.dtype == "float64" and array[1] == 2.5
            assert pair == (dt.date(2026, 1, 2), Decimal("1.1"))
            assert when.tzinfo is not None and isinstance(folder, Path)
            assert raw == Report(Sale(dt.date(2026, 1, 2), [3]), 3.0), raw
            return Report(sale, float(array.sum()))

        @task
        def show(report):
            return f"{type(report).__name__} {report.total} {report.sale.day:%d.%m.%Y}"

        @dag
        def typed(day: str = "2026-01-02"):
            sale = extract(day)
            parts = several(sale)
            raw = {"sale": {"day": "2026-01-02", "amounts": [3]}, "total": 3.0}
            checked = check(sale, parts["rows"], parts["array"], parts["pair"], "{{ ts }}", "/tmp", raw)
            show(checked)

        typed()
    """,
    "family.py": """
        from jupyter_flow import DAG, chain, literal, task, task_group

        with DAG("family", params={"name": "World"}) as made:

            @task.bash(env={"GREETING": "Hello"}, append_env=True)
            def greet(name):
                return f"echo $GREETING {name}"

            @task.notebook(notebook="add.ipynb")
            def add(x, ti) -> dict:
                return {"x": x, "y": ti.try_number}

            @task
            def length(text, ds=None, *, params, **context):
                return [len(text), params["name"], context["run_id"] is not None]

            @task
            def keep(value):
                return value

            greeting = greet(made.param("name"))
            chain(length(greeting), add(40), keep(literal("{{ ds }}")))
            keep.override(task_id="nested")({"list": [greeting, {"deep": greeting}], "text": f"said: {greeting}"})

            @task.run_if(lambda context: context["params"]["name"] == "nobody", "only for nobody")
            @task
            def rare():
                return 1

            @task.skip_if(lambda context: (True, "not today"))
            @task.bash
            def never():
                return "false"

            @task.skip_if(lambda context: False)
            @task
            def always():
                return 1

            rare(), never(), always()

            @task_group
            def both(value):
                first = keep(value)
                return {"first": first, "second": keep(first)}

            @task_group
            def outer(value):
                return both(value)["second"]

            length.override(task_id="of_group")(outer("abc"))
    """,
    "around.py": """
        from jupyter_flow import DAG, setup, task, teardown

        with DAG("around"):

            @setup
            def start():
                return "cluster"

            @task
            def work(name):
                raise ValueError(f"no work on {name}")

            @teardown(on_failure_fail_dagrun=False)
            def stop(name):
                return f"{name} stopped"

            cluster = start()
            cluster >> work(cluster) >> stop(cluster)
    """,
    "wrong_value.py": """
        from datetime import date
        from jupyter_flow import DAG, task

        with DAG("wrong_value"):

            @task
            def bad():
                return {"rows": [1, object()]}

            @task
            def hinted(day: date):
                return str(day)

            bad()
            hinted("tomorrow")
    """,
    "wrong_files.py": """
        from jupyter_flow import dag, task

        @task
        def one():
            return [1]

        @dag
        def wrong_files():
            for item in one():
                print(item)

        wrong_files()
    """,
}


@pytest.fixture(scope="module")
def taskflow(house: House) -> House:
    """The house with all DAG files of this row."""
    cells = [
        {"source": "x = y = 0", "tags": ["parameters"]},
        "from jupyter_flow import xcom_push",
        "xcom_push('sum', x + y)",
    ]
    house.write_notebook(cells, "add.ipynb")
    for name, text in FILES.items():
        house.write_dag(text, name)
    return house


def xcoms(house: House, run: dict[str, Any], task_id: str) -> dict[str, Any]:
    """Return the XComs of a task by key."""
    found = house.call("tasks.show", dag_id=run["dag_id"], run_id=run["run_id"], task_id=task_id)["xcoms"]
    return {item["key"]: item["value"] for item in found}


def returned(house: House, run: dict[str, Any], task_id: str) -> Any:
    """Return the ``return_value`` XCom of a task."""
    return xcoms(house, run, task_id).get("return_value")


def test_values_keep_their_types_and_hints_make_them(taskflow: House) -> None:
    run = taskflow.run_dag("typed")
    assert run["state"] == "success", taskflow.story("typed", run["run_id"])
    assert returned(taskflow, run, "show") == "Report 4.0 02.01.2026"
    assert set(xcoms(taskflow, run, "several")) == {"rows", "array", "pair", "return_value"}
    upstream = {item["task_id"]: item["upstream"] for item in taskflow.call("dags.show", dag_id="typed")["tasks"]}
    assert upstream == {"extract": [], "several": ["extract"], "check": ["extract", "several"], "show": ["check"]}


def test_arguments_of_a_dag_function_are_params_of_the_run(taskflow: House) -> None:
    assert taskflow.wait_for_dag("typed")["params"]["day"]["default"] == "2026-01-02"
    run = taskflow.run_dag("typed", conf={"day": "2025-12-31"})
    value = returned(taskflow, run, "extract")
    assert value["value"]["day"]["value"] == "2025-12-31"


def test_the_family_of_task_decorators(taskflow: House) -> None:
    run = taskflow.run_dag("family")
    states = states_of(run)
    assert run["state"] == "success", taskflow.story("family", run["run_id"])
    assert returned(taskflow, run, "greet") == "Hello World"
    assert returned(taskflow, run, "length") == [11, "World", True]
    assert xcoms(taskflow, run, "add") == {"sum": 41}
    assert returned(taskflow, run, "keep") == "{{ ds }}"
    assert returned(taskflow, run, "nested") == {
        "list": ["Hello World", {"deep": "Hello World"}],
        "text": "said: Hello World",
    }
    assert (states["rare"], states["never"], states["always"]) == ("skipped", "skipped", "success")
    assert task_of(run, "rare")["reason"]["text"] == "skipped: only for nobody"
    assert task_of(run, "never")["reason"]["text"] == "skipped: not today"
    assert states["outer.both.keep__1"] == "success"
    assert returned(taskflow, run, "of_group")[0] == 3


def test_setup_and_teardown_around_work_that_fails(taskflow: House) -> None:
    run = taskflow.run_dag("around")
    assert states_of(run) == {"start": "success", "work": "failed", "stop": "success"}
    assert run["state"] == "failed"
    assert returned(taskflow, run, "stop") == "cluster stopped"


def test_wrong_values_are_refused_with_their_place(taskflow: House) -> None:
    run = taskflow.run_dag("wrong_value")
    assert states_of(run) == {"bad": "failed", "hinted": "failed"}
    assert "['rows'][1]: an object cannot be an XCom: push plain values" in task_of(run, "bad")["reason"]["text"]
    text = task_of(run, "hinted")["reason"]["text"]
    assert "argument 'day' of hinted() does not become what its type hint says" in text


def test_looking_into_an_output_in_the_dag_file_is_an_import_error(taskflow: House) -> None:
    taskflow.wait_for_dag("family")
    errors = {item["file"]: item["message"] for item in taskflow.call("dags.errors")}
    message = errors["wrong_files.py"]
    assert "the output of task 'one' cannot be iterated in the DAG file: it exists only later" in message
