"""Row 14: every key of the context in a task, the same in a notebook; what it asks the house; what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from support.houses import House, states_of

from jupyter_flow.authoring.template_names import CONTEXT_NAMES

CONTEXT = """
from datetime import datetime

from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator, Variable, get_current_context


def keys(**kwargs):
    context = get_current_context()
    ti, run = context["ti"], context["dag_run"]
    first = run.get_task_instance("first")
    ti.xcom_push("facts", {
        "same": kwargs["ti"] is ti,
        "ti": [ti.task_id, ti.dag_id, ti.run_id, ti.try_number, ti.max_tries, ti.map_index, ti.state, ti.operator],
        "task": [ti.task.task_id, context["task"].retries, context["dag"].dag_id, ti.task is context["task"]],
        "run": [run.conf, run.run_type, str(run.logical_date), run.state, ti.get_dagrun() is run],
        "first": [first.state, first.try_number, type(first.start_date).__name__, run.get_task_instance("nobody")],
        "previous": [getattr(ti.get_previous_dagrun(), "run_id", None), ti.get_previous_dagrun("failed")],
        "counts": [context["expanded_ti_count"], context["task_reschedule_count"], context["test_mode"]],
        "assets": [context["inlets"], context["outlets"], dict(context["triggering_asset_events"])],
        "var": [context["var"].value.plain, context["var"].json.data["x"], context["var"].value.get("none", "d")],
        "conn": [context["conn"].db.host, context["conn"].db.port, context["conn"].get("none", "d")],
        "conf": context["conf"].get("core", "parallelism", fallback="7"),
        "templates_dict": context["templates_dict"],
        "params": context["params"]["n"],
        "log_url": ti.log_url,
    })
    return sorted(name for name in context if name != "runtime")


def refusals():
    context = get_current_context()
    for ask in (lambda: context["dss"], lambda: context["conn"].nowhere, lambda: context["conf"].get("core", "x")):
        try:
            ask()
        except LookupError as error:
            print(error)


def variables():
    Variable.set("made", {"a": [1]}, serialize_json=True)
    Variable.set("made_too", 5, description="five")
    Variable.set("gone", "x")
    Variable.delete("gone")
    try:
        Variable.delete("gone")
    except KeyError as error:
        print(error)
    return [
        Variable.get("made", deserialize_json=True), Variable.get("made_too"), Variable.get("gone", default="d"),
        Variable.get("gone", default_var="old"), Variable.keys("made"), Variable.get("FROM_ENV"), Variable.get("both"),
    ]


with DAG("context", params={"n": 5}, default_args={"retries": 2}) as dag:
    first = BashOperator(task_id="first", bash_command="true")
    first >> [
        PythonOperator(task_id="keys", python_callable=keys, templates_dict={"day": "{{ ds }}"}),
        PythonOperator(task_id="refusals", python_callable=refusals),
        PythonOperator(task_id="variables", python_callable=variables),
        NotebookOperator(task_id="book", notebook="book.ipynb"),
    ]
"""
BOOK = """
from jupyter_flow import flow, get_current_context

context = get_current_context()
ti, run = context["ti"], context["dag_run"]
try:
    context["dss"]
except KeyError as error:
    refused = str(error)
flow.xcom_push("facts", {
    "same": flow.context is context,
    "keys": sorted(context),
    "ti": [ti.task_id, ti.dag_id, ti.run_id, ti.try_number, ti.map_index],
    "run": [run.conf, str(run.logical_date), ti.get_dagrun() is run],
    "dates": [context["ds"], str(context["data_interval_end"]), context["prev_ds"]],
    "task": [context["task"].task_id, context["dag"].dag_id],
    "params": context["params"]["n"],
    "var": [context["var"].value.plain, context["var"].json.data["x"], context["var"].value.get("none", "d")],
    "refused": refused,
})
ti.xcom_push("more", 1)
"""
ENVIRONMENT = {
    "AIRFLOW_VAR_FROM_ENV": "air",
    "AIRFLOW_VAR_BOTH": "second",
    "JUPYTER_FLOW_VAR_BOTH": "first",
    "AIRFLOW_CONN_DB": "postgres://ann:pass%2Fword@db.example:5432/main?sslmode=require",
}
DAY = "2026-01-31"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    house = House(tmp_path_factory.mktemp("house")).start(env=ENVIRONMENT)
    try:
        house.call("variables.set", key="plain", value="text")
        house.call("variables.set", key="data", value='{"x": 3}')
        house.write_notebook([BOOK], "book.ipynb")
        house.write_dag(CONTEXT, "context.py")
        house.run_dag("context", run_id="before", logical_date="2026-01-30T00:00:00+00:00")
        yield house, house.run_dag("context", run_id="now", logical_date=f"{DAY}T00:00:00+00:00", conf={"a": 1})
    finally:
        house.close()


def pushed(run: Any, task_id: str, key: str = "return_value") -> Any:
    found = run[0].call("tasks.xcom", dag_id="context", run_id="now", task_id=task_id, key=key)
    return found["xcoms"][0]["value"]


def printed(run: Any, task_id: str) -> str:
    lines = run[0].call("tasks.log", dag_id="context", run_id="now", task_id=task_id)["lines"]
    return "\n".join(line["text"] for line in lines)


def test_every_key_is_there_and_means_what_it_should(run: Any) -> None:
    assert set(states_of(run[1]).values()) == {"success"}
    assert pushed(run, "keys") == sorted(CONTEXT_NAMES)
    facts = pushed(run, "keys", "facts")
    assert facts == {
        "same": True,
        "ti": ["keys", "context", "now", 1, 2, -1, "running", "PythonOperator"],
        "task": ["keys", 2, "context", True],
        "run": [{"a": 1}, "manual", f"{DAY} 00:00:00+00:00", "running", True],
        "first": ["success", 1, "datetime", None],
        "previous": ["before", None],
        "counts": [None, 0, False],
        "assets": [[], [], {}],
        "var": ["text", 3, "d"],
        "conn": ["db.example", 5432, "d"],
        "conf": "7",
        "templates_dict": {"day": DAY},
        "params": 5,
        "log_url": "/jupyter-flow/api/dags/context/runs/now/tasks/keys/log?map_index=-1&attempt=1",
    }


def test_what_is_not_there_is_one_line(run: Any) -> None:
    text = printed(run, "refusals")
    assert "the context has no 'dss': did you mean 'ds'?; there are: " in text
    assert "connection 'nowhere' is not set: connections stored in the house come later, until then set the " in text
    assert "JUPYTER_FLOW_CONN_NOWHERE" in text
    assert "conf.get('core', 'x'): there is no airflow.cfg here: set AIRFLOW__CORE__X, or use a variable" in text


def test_a_notebook_has_the_same_context(run: Any) -> None:
    facts = pushed(run, "book", "facts")
    live = {"conf", "conn", "inlet_events", "macros", "outlet_events", "triggering_asset_events"}
    assert set(facts.pop("keys")) == set(CONTEXT_NAMES) - live
    assert facts.pop("refused").startswith("\"the context has no 'dss'; there are: END_DATE, ")
    assert facts == {
        "same": True,
        "ti": ["book", "context", "now", 1, -1],
        "run": [{"a": 1}, f"{DAY} 00:00:00+00:00", True],
        "dates": [DAY, f"{DAY} 00:00:00+00:00", DAY],
        "task": ["book", "context"],
        "params": 5,
        "var": ["text", 3, "d"],
    }
    assert pushed(run, "book", "more") == 1


def test_variables_are_read_from_the_environment_first_and_changed_in_the_house(run: Any) -> None:
    assert pushed(run, "variables") == [{"a": [1]}, "5", "d", "old", ["made", "made_too"], "air", "first"]
    assert "variable 'gone' is not set: there is nothing to delete" in printed(run, "variables")
    kept = {item["key"]: item["value"] for item in run[0].call("variables.list")["variables"]}
    assert kept == {"plain": "text", "data": '{"x": 3}', "made": '{"a": [1]}', "made_too": "5"}
