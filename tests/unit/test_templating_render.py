"""What templates see, and the sentence for what they do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.workloads import workload

from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator
from jupyter_flow.authoring.exceptions import TaskFailure
from jupyter_flow.authoring.template_names import CONTEXT_NAMES
from jupyter_flow.authoring.to_spec import to_spec
from jupyter_flow.authoring.xcom_arg import XComArg
from jupyter_flow.model.records import Limits
from jupyter_flow.model.spec import TaskSpec
from jupyter_flow.runner.task_context import TaskChannel, build_context, working_folder
from jupyter_flow.runner.templating import Renderer, render


def rendered(text: Any, *, native: bool = False, ask: Any = None, **values: Any) -> Any:
    work = workload(**values)
    context = build_context(work, TaskChannel(work, ask))
    return Renderer(context.for_templates, native=native).render(text, "field")


def refusal(text: Any, **values: Any) -> str:
    with pytest.raises(TaskFailure) as caught:
        rendered(text, **values)
    assert caught.value.reason.code == "template"
    assert caught.value.reason.args["field"].startswith("field")
    assert "\n" not in str(caught.value)
    return str(caught.value.reason.args["message"])


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ ds }} {{ ds_nodash }}", "2026-01-31 20260131"),
        ("{{ ts }}", "2026-01-31T00:00:00+00:00"),
        ("{{ ts_nodash }} {{ ts_nodash_with_tz }}", "20260131T000000 20260131T000000+0000"),
        ("{{ logical_date.year }} {{ execution_date | ds }}", "2026 2026-01-31"),
        ("{{ data_interval_start | ts }} {{ data_interval_end | ds_nodash }}", "2026-01-31T00:00:00+00:00 20260201"),
        ("{{ yesterday_ds }} {{ tomorrow_ds_nodash }} {{ next_ds }}", "2026-01-30 20260201 2026-01-31"),
        ("{{ run_id }} {{ dag_id }} {{ task_id }} {{ try_number }}", "manual__1 d t 1"),
        ("{{ dag.dag_id }} {{ dag.owner }} {{ task.task_id }} {{ ti.dag_id }}", "d ann t d"),
        ("{{ dag_run.conf.x }} {{ dag_run.run_type }} {{ dag_run.logical_date | ds }}", "1 manual 2026-01-31"),
        ("{{ params.n + 1 }} {{ params['n'] }}", "6 5"),
        ("{{ macros.ds_add(ds, -1) }} {{ macros.ds_format(ds, '%Y-%m-%d', '%d/%m') }}", "2026-01-30 31/01"),
        ("{{ macros.timedelta(days=1) + logical_date }}", "2026-02-01 00:00:00+00:00"),
        ("{{ macros.json.dumps(params) }}", '{"n": 5}'),
        ("{{ prev_start_date_success }}", "None"),
        ("{% do macros.uuid.uuid4() %}x", "x"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}{# gone #}\n", "012\n"),
        ("no template } {", "no template } {"),
        ("<b>{{ '<&>' }}</b>", "<b><&></b>"),
    ],
)
def test_names_of_a_run(template: str, expected: str) -> None:
    run = {"conf": {"x": 1}, "params": {"n": 5}}
    assert rendered(template, run=run, dag={"dag_id": "d", "owner": "ann"}) == expected


def test_every_documented_name_is_there() -> None:
    work = workload()
    assert set(build_context(work, TaskChannel(work)).for_templates) == set(CONTEXT_NAMES)


def test_nested_values_are_rendered_and_keep_their_types() -> None:
    value = {"a": ["{{ ds }}", 5, None, ("{{ params.n }}", 1.5)], "{{ ds }}": {"b": True}}
    expected = {"a": ["2026-01-31", 5, None, ("5", 1.5)], "{{ ds }}": {"b": True}}
    assert rendered(value, run={"params": {"n": 5}}) == expected


def test_native_objects() -> None:
    run = {"params": {"n": 5, "xs": [1, 2], "name": "x"}}
    assert rendered("{{ params.n }}", run=run, native=True) == 5
    assert rendered("{{ params.xs }}", run=run, native=True) == [1, 2]
    assert rendered("{{ params.name }}", run=run, native=True) == "x"
    assert rendered("{{ params.n }}", run=run) == "5"


# undefined names


def test_an_undefined_name_lists_what_there_is() -> None:
    message = refusal("{{ dss }}")
    assert message.startswith("'dss' is undefined: did you mean 'ds'?; there are: conn, dag, dag_id, ")
    assert "ts_nodash" in message
    assert "runtime" not in message


def test_an_undefined_part_names_its_owner() -> None:
    assert refusal("{{ params.m }}", run={"params": {"n": 5}}) == "'m' is not in params; there are: n"
    assert refusal("{{ params.fold }}", run={"params": {"folds": 5}}).startswith(
        "'fold' is not in params: did you mean 'folds'"
    )
    assert refusal("{{ ti.nothing.more }}").startswith("'nothing' is not in ti")


def test_a_place_within_a_field_is_named() -> None:
    with pytest.raises(TaskFailure, match=r"template field field\['a'\]\[1\]: 'nope' is undefined"):
        rendered({"a": [1, "{{ nope }}"]})


def test_a_run_without_a_date_says_so() -> None:
    assert refusal("{{ ds }}", dateless=True) == "'ds' is undefined: this run has no logical date"
    assert rendered("{{ run_id }} {{ ds | default('none') }}", dateless=True) == "manual__1 none"


def test_an_error_of_a_template_is_one_line() -> None:
    assert refusal("{{ 1 / 0 }}") == "ZeroDivisionError: division by zero"
    assert refusal("{{ 'x' + 1 }}").startswith("TypeError: ")
    assert refusal("\n{{ ds }").startswith("line 2: ")


# XComs and variables


def xcom(task_id: str, key: str, value: Any, map_index: int = -1) -> dict[str, Any]:
    return {"task_id": task_id, "key": key, "value": value, "map_index": map_index}


def test_xcoms_of_the_workload_need_no_house() -> None:
    given = (xcom("a", "return_value", [1, 2]), xcom("a", "k", "v"))
    task = TaskSpec("t", "EmptyOperator", xcom_inputs=(("a", "k"), ("a", "gone")))
    assert rendered("{{ ti.xcom_pull('a')[1] }} {{ ti.xcom_pull(task_ids='a', key='k') }}", xcoms=given) == "2 v"
    assert rendered("{{ ti.xcom_pull(['a', 'a'], key='k') }}", xcoms=given) == "['v', 'v']"
    assert rendered("{{ ti.xcom_pull('a', key='gone') }}", xcoms=given, task=task) == "None"
    assert rendered({"x": XComArg(None, task_id="a")}, xcoms=given) == {"x": [1, 2]}
    with pytest.raises(TaskFailure, match="template field field: task 'a' pushed no XCom 'gone'"):
        rendered(XComArg(None, "gone", task_id="a"), xcoms=given, task=task)


def test_other_xcoms_are_asked_of_the_house() -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def ask(op: str, **args: Any) -> Any:
        asked.append((op, args))
        return {"items": [{"map_index": -1, "key": "k", "value": 7}] if args["key"] == "k" else []}

    assert rendered("{{ ti.xcom_pull('b', key='k', dag_id='other') }}", ask=ask) == "7"
    assert rendered("{{ ti.xcom_pull('b', key='m', default=0) }}", ask=ask) == "0"
    assert asked[0] == (
        "ask.xcom_pull",
        {"task_id": "b", "key": "k", "dag_id": "other", "run_id": None, "include_prior_dates": False},
    )
    assert refusal("{{ ti.xcom_pull('b') }}") == "RuntimeError: no house answers here (ask.xcom_pull)"


def test_variables() -> None:
    def house(op: str, key: str) -> dict[str, Any]:
        assert op == "ask.variable_get"
        return {"found": key == "other", "value": "asked" if key == "other" else None}

    task = TaskSpec("t", "EmptyOperator", variable_inputs=("a", "gone"))
    values = {"a": "x", "j": '{"d": 3}', "odd key": "o"}
    template = "{{ var.value.a }} {{ var.json.j.d }} {{ var.value['odd key'] }} {{ var.value.get('gone', 'no') }}"
    assert rendered(template, variables=values, task=task) == "x 3 o no"
    assert "variable 'gone' is not set: set it with" in refusal("{{ var.value.gone }}", task=task)
    assert "variable 'a' is not JSON" in refusal("{{ var.json.a }}", variables={"a": "{"})
    assert rendered("{{ var.value.other }}", ask=house) == "asked"
    assert rendered("{{ var.value.get('nope', 'x') }}", ask=house) == "x"


def test_what_a_task_pushes_is_checked_and_kept() -> None:
    work = workload(limits=Limits(xcom_max_bytes=60))
    channel = TaskChannel(work)
    context = build_context(work, channel)
    context["ti"].xcom_push("k", (1, "ä"))
    assert context["ti"].xcom_pull(key="k") == (1, "ä")
    assert channel.xcoms == [{"key": "k", "value": {"__jupyter_flow__": "tuple", "value": [1, "ä"]}}]
    for value, code in ((object(), "xcom_value"), ("half \ud800", "xcom_value"), ("x" * 59, "xcom_size")):
        with pytest.raises(TaskFailure) as caught:
            channel.xcom_push("bad", value)
        assert caught.value.reason.code == code
    with pytest.raises(TypeError, match="the key must be text"):
        channel.xcom_push("", 1)
    channel.log_metric("auc", 1, step=2)
    with pytest.raises(ValueError, match="is not a finite number"):
        channel.log_metric("auc", float("inf"))
    assert channel.metrics == [{"name": "auc", "value": 1.0, "step": 2}]


# operators


def test_the_fields_of_an_operator_are_rendered_in_place_and_recorded() -> None:
    operator = NotebookOperator(
        "n", "{{ params.which }}.ipynb", parameters={"day": "{{ ds }}", "n": 5}, env={"A": "{{ ds }}"}
    )
    work = workload(run={"params": {"which": "train"}})
    record = render(operator, build_context(work, TaskChannel(work), operator))
    assert (operator.notebook, operator.parameters, operator.env) == (
        "train.ipynb",
        {"day": "2026-01-31", "n": 5},
        {"A": "2026-01-31"},
    )
    assert record == {
        "notebook": "train.ipynb",
        "parameters": {"day": "2026-01-31", "n": 5},
        "env": {"A": "2026-01-31"},
    }


def test_the_record_is_json_and_short() -> None:
    operator = PythonOperator(
        "p", print, op_args=[datetime(2026, 1, 1, tzinfo=UTC), "x" * 20_000, float("inf"), {1, 2}]
    )
    work = workload()
    record = render(operator, build_context(work, TaskChannel(work), operator))
    moment, text, infinite, numbers = record["op_args"]
    assert (moment, infinite, numbers) == ("2026-01-01 00:00:00+00:00", "inf", [1, 2])
    assert text == "x" * 10_000 + "… (20000 characters)"


def test_templates_see_facts_and_not_the_live_objects() -> None:
    operator = BashOperator("b", "{{ task.retries }} {{ task.execute is defined }} {{ runtime is defined }}")
    work = workload()
    context = build_context(work, TaskChannel(work), operator)
    assert context["task"] is operator
    render(operator, context)
    assert operator.bash_command == "0 False False"


def test_the_working_folder() -> None:
    operator = BashOperator("b", "true")
    work = workload(dag_file="sub/example.py", cwd="/nowhere/dags/sub")
    assert working_folder(work, operator) == "/nowhere/dags/sub"
    operator.cwd = "../data"
    assert working_folder(work, operator) == "/nowhere/dags/data"
    operator.cwd = "/srv"
    assert working_folder(work, operator) == "/srv"


def test_a_notebook_path_that_a_template_made_is_checked() -> None:
    operator = NotebookOperator("n", "{{ params.which }}")
    for which, sentence in (("https://a/x.ipynb", "is a URL"), ("x.py", "must end with .ipynb")):
        work = workload(run={"params": {"which": which}})
        operator.notebook = "{{ params.which }}"
        context = build_context(work, TaskChannel(work), operator)
        render(operator, context)
        with pytest.raises(TaskFailure, match=sentence):
            operator.execute(context)


def test_the_password_of_a_connection_is_kept_as_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DB", "http://ann:hunter22@h")
    work = workload()
    channel = TaskChannel(work)
    context = build_context(work, channel).for_templates
    assert Renderer(context).render("{{ conn.db.host }} {{ conn.get('none', 'd') }}", "field") == "h d"
    assert channel.secrets == {"hunter22"}


def test_an_attribute_of_an_object_is_rendered_in_place_and_a_cycle_ends() -> None:
    class Node:
        template_fields = ("text", "next", "missing")

        def __init__(self, text: str) -> None:
            self.text, self.next = text, self

    node = Node("{{ ds }}")
    assert rendered([node]) == [node]
    assert node.text == "2026-01-31"
    with pytest.raises(TaskFailure, match=r"template field field\[0\]\.text: 'nope' is undefined"):
        rendered([Node("{{ nope }}")])


def test_the_environment_comes_before_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_A", "env")
    task = TaskSpec("t", "EmptyOperator", variable_inputs=("a",))
    assert rendered("{{ var.value.a }}", variables={"a": "house"}, task=task) == "env"


def test_the_attributes_of_an_object_make_dependencies_and_name_xcoms() -> None:
    class Query:
        template_fields = ("sql", "rows")

        def __init__(self, sql: str, rows: Any) -> None:
            self.sql, self.rows = sql, rows

    with DAG("d") as dag:
        made = PythonOperator(task_id="made", python_callable=dict)
        query = Query("{{ ti.xcom_pull('made', key='x') }}", made.output)
        PythonOperator(task_id="t", python_callable=print, op_args=[query])
    task = to_spec(dag).task("t")
    assert (task.upstream, task.xcom_inputs) == (("made",), (("made", "return_value"), ("made", "x")))
