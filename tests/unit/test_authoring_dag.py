"""DAG, operators and dependencies: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jupyter_flow import (
    DAG,
    BaseOperator,
    BashOperator,
    EmptyOperator,
    NotebookOperator,
    Param,
    PythonOperator,
    TriggerRule,
    chain,
    cross_downstream,
)
from jupyter_flow.authoring.exceptions import DagError, FlowWarning
from jupyter_flow.authoring.topology import topological_order
from jupyter_flow.model.spec import ScheduleSpec

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
        a >> b >> c >> b
    with refused("^DAG 'd' has a cycle: b -> c -> b$"):
        dag.to_spec()
    with DAG("d") as dag:
        a = EmptyOperator("a")
        a >> a
    with refused("has a cycle: a -> a$"):
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
    [("depends_on_past", True), ("on_failure_callback", print), ("email", "a@b.c"), ("pool", "gpu"), ("queue", "big")],
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
    with pytest.warns(FlowWarning, match="DAG 'd': on_failure_callback has no effect in this version"):
        DAG("d", on_failure_callback=print)
    with pytest.warns(FlowWarning, match="DAG 'd': default_args: depends_on_past has no effect") as caught:
        dag = DAG("d", default_args={"depends_on_past": True})
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
        ({"trigger_rule": "one_success"}, "trigger_rule 'one_success' is not in this version yet"),
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


# schedule and dates


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (None, ScheduleSpec()),
        ("@once", ScheduleSpec("once", summary="@once")),
        ("@hourly", ScheduleSpec("cron", "0 * * * *", summary="@hourly")),
        ("@daily", ScheduleSpec("cron", "0 0 * * *", summary="@daily")),
        ("@weekly", ScheduleSpec("cron", "0 0 * * 0", summary="@weekly")),
        ("@monthly", ScheduleSpec("cron", "0 0 1 * *", summary="@monthly")),
        ("@quarterly", ScheduleSpec("cron", "0 0 1 */3 *", summary="@quarterly")),
        ("@yearly", ScheduleSpec("cron", "0 0 1 1 *", summary="@yearly")),
        (" 0  2 * * MON-fri ", ScheduleSpec("cron", "0 2 * * MON-fri", summary="0  2 * * MON-fri")),
        ("0 0 L * *", ScheduleSpec("cron", "0 0 L * *", summary="0 0 L * *")),
        (timedelta(hours=6), ScheduleSpec("delta", seconds=21600.0, summary="every 6:00:00")),
    ],
)
def test_schedules(schedule: Any, expected: ScheduleSpec) -> None:
    assert DAG("d", schedule=schedule, start_date=START).schedule == expected
    assert DAG("d", schedule_interval=schedule, start_date=START).schedule == expected


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        ("* * *", r"cron expression '\* \* \*' has 3 fields, not 5"),
        ("0 0 * * * *", "has 6 fields, not 5"),
        ("", "has 0 fields, not 5"),
        ("61 * * * *", "is not valid"),
        ("0 0 30 2 *", "never fires: there is no such date"),
        ("0 0 * * FOO", "'FOO' is not a cron field"),
        ("$(x) * * * *", "is not a cron field"),
        ("@dayly", "unknown schedule preset '@dayly': use one of @once"),
        ("@continuous", "'@continuous' is not in this version yet"),
        ("1" * 100_000, "cron expression of 100000 characters"),
        (timedelta(0), "must be at least one second"),
        (5, "schedule must be a cron expression, a preset, a timedelta or None, not a int"),
    ],
)
def test_bad_schedules(schedule: Any, sentence: str) -> None:
    with refused(f"DAG 'd': .*{sentence}"):
        DAG("d", schedule=schedule, start_date=START)


@pytest.mark.parametrize("schedule", ["@daily", "0 2 * * *", timedelta(days=1)])
def test_a_time_schedule_needs_a_start_date(schedule: Any) -> None:
    with refused("DAG 'd': start_date is missing: a DAG with a schedule needs one"):
        DAG("d", schedule=schedule)
    DAG("d", schedule=None)
    DAG("d", schedule="@once")
    DAG("d", schedule=schedule, default_args={"start_date": START})


def test_both_names_of_the_schedule_are_refused() -> None:
    with refused("schedule and schedule_interval are the same argument: give one"):
        DAG("d", schedule=None, schedule_interval=None)


@pytest.mark.filterwarnings("ignore:DAG 'd' has no tasks")
@pytest.mark.parametrize(
    ("arguments", "start", "zone"),
    [
        ({"start_date": START}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": date(2026, 1, 1)}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": "2026-01-01"}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": datetime(2026, 1, 1, tzinfo=UTC)}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": START, "timezone": "Europe/Berlin"}, "2025-12-31T23:00:00+00:00", "Europe/Berlin"),
        ({"start_date": START.replace(tzinfo=ZoneInfo("Asia/Tokyo"))}, "2025-12-31T15:00:00+00:00", "Asia/Tokyo"),
    ],
)
def test_dates_and_zones(arguments: dict[str, Any], start: str, zone: str) -> None:
    spec = DAG("d", **arguments).to_spec()
    assert (spec.start_date, spec.timezone) == (start, zone)


def test_bad_dates_and_zones() -> None:
    with refused("unknown timezone 'Mars/Base'"):
        DAG("d", timezone="Mars/Base")
    with refused("start_date must be a datetime or ISO 8601 text, not 'yesterday'"):
        DAG("d", start_date="yesterday")
    with refused("end_date .* is before start_date"):
        DAG("d", start_date="2026-02-01", end_date="2026-01-01").to_spec()


def test_limits_and_their_old_names() -> None:
    dag = DAG("d", concurrency=3, max_active_runs=2, dagrun_timeout=timedelta(hours=1), tags=["b", "a", "b"])
    assert (dag.max_active_tasks, dag.max_active_runs, dag.dagrun_timeout, dag.tags) == (3, 2, 3600.0, ("b", "a"))
    with refused("max_active_runs must be a whole number of at least 1, not 0"):
        DAG("d", max_active_runs=0)
    with refused("tags must be a list of texts, not the text 'x'"):
        DAG("d", tags="x")


# params


@pytest.mark.filterwarnings("ignore:DAG 'd' has no tasks")
def test_params_become_data() -> None:
    params = {
        "n": Param(5, type="integer", minimum=1, description="how many"),
        "name": "x",
        "who": Param(type="string"),
    }
    spec = DAG("d", params=params).to_spec()
    assert spec.params == {
        "n": {"default": 5, "schema": {"type": "integer", "minimum": 1}, "description": "how many"},
        "name": {"default": "x", "schema": {}, "description": None},
        "who": {"default": None, "schema": {"type": "string"}, "description": None, "required": True},
    }


def test_bad_params() -> None:
    with refused("param 'n': the default does not fit its schema: 'x' is not of type 'integer'"):
        DAG("d", params={"n": Param("x", type="integer")}).to_spec()
    with refused("param 'n': the JSON schema is not valid"):
        DAG("d", params={"n": Param(1, type="whole")}).to_spec()
    with refused("param 'n' needs a default, because the DAG has a schedule"):
        DAG("d", schedule="@daily", start_date=START, params={"n": Param(type="integer")}).to_spec()
    with refused("param 'n': a object is not JSON"):
        DAG("d", params={"n": object()}).to_spec()


# operators' own arguments


@pytest.mark.parametrize(
    ("notebook", "sentence"),
    [
        ("https://example.org/x.ipynb", "is a URL or bucket"),
        ("s3://bucket/x.ipynb", "is a URL or bucket"),
        ("file:///etc/x.ipynb", "is a URL or bucket"),
        ('{"cells": []}', "is not a path: braces are for templates"),
        ("{name}.ipynb", "is not a path: braces are for templates"),
        ("train.py", "is not a notebook: its name must end with .ipynb"),
        ("a\nb.ipynb", "is not a path"),
        ("", "is not a path"),
    ],
)
def test_what_is_no_notebook_path(notebook: str, sentence: str) -> None:
    with refused(f"task 'n': notebook .*{sentence}"):
        NotebookOperator("n", notebook)


@pytest.mark.parametrize("name", ["a b", "1x", "a\nimport os", "x=1;y", "", "class", "None", "läufe"])
def test_parameter_names_that_could_be_code_are_refused(name: str) -> None:
    with refused("task 'n': parameter name .* is (not an identifier|a keyword of Python)"):
        NotebookOperator("n", "n.ipynb", parameters={name: 1})


def test_notebook_aliases() -> None:
    with DAG("d") as dag:
        NotebookOperator(
            task_id="a", file_path="./sub/../a.ipynb", runtime_name="Python 3", timeout=timedelta(minutes=1)
        )
        NotebookOperator(task_id="b", path="{{ params.which }}.ipynb")
        NotebookOperator(task_id="c", input_nb="c.ipynb", output_nb="out.ipynb")
    a, b, c = dag.to_spec().tasks
    assert (a.arguments["notebook"], a.files) == ("a.ipynb", ("a.ipynb",))
    assert (a.arguments["kernel_name"], a.arguments["cell_timeout"]) == ("Python 3", 60.0)
    assert (b.files, c.arguments["output_path"]) == ((), "out.ipynb")
    with refused("file_path and notebook are the same argument: give one"):
        NotebookOperator("n", "n.ipynb", file_path="m.ipynb")
    with refused("notebook is missing"):
        NotebookOperator("n")


def test_parameters_must_be_json() -> None:
    with DAG("d") as dag:
        NotebookOperator("n", "n.ipynb", parameters={"a": {"b": [object()]}})
    with refused(r"task 'n': parameters\['a'\]\['b'\]\[0\]: a object is not JSON: pass plain values"):
        dag.to_spec()
    with DAG("d") as dag:
        NotebookOperator("n", "n.ipynb", parameters={"a": float("nan")})
    with refused("nan is not a JSON number"):
        dag.to_spec()


def test_bash_scripts_are_pinned_files() -> None:
    with DAG("d") as dag:
        BashOperator("a", "scripts/run.sh", skip_on_exit_code=None)
        BashOperator("b", "bash scripts/run.sh", skip_on_exit_code=[3, 4])
    a, b = dag.to_spec().tasks
    assert (a.files, a.arguments["skip_on_exit_code"]) == (("scripts/run.sh",), [])
    assert (b.files, b.arguments["skip_on_exit_code"]) == ((), [3, 4])
    with refused("bash_command must be text, not 5"):
        BashOperator("c", 5)


def test_python_operator_needs_a_function() -> None:
    with refused("python_callable must be a function, not 'x'"):
        PythonOperator("p", "x")
    with refused("op_args must be a list"):
        PythonOperator("p", print, op_args="abc")
