"""Every argument of DAG and of operators: what of it reaches the spec, and the sentence for a wrong one."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jinja2 import DebugUndefined

from jupyter_flow import DAG, BashOperator, EmptyOperator, NotebookOperator, PythonOperator, WeightRule
from jupyter_flow.authoring import registry
from jupyter_flow.authoring.exceptions import DagError, FlowWarning
from jupyter_flow.authoring.parsing_context import get_parsing_context, loading_for
from jupyter_flow.authoring.weights import effective_weights
from jupyter_flow.model.spec import DagSpec, TaskSpec

START = datetime(2026, 1, 1)


def refused(match: str) -> Any:
    return pytest.raises(DagError, match=match)


def spec_of(**arguments: Any) -> DagSpec:
    with DAG("d", **arguments) as dag:
        EmptyOperator(task_id="a")
    return dag.to_spec()


def task_of(**arguments: Any) -> TaskSpec:
    with DAG("d", start_date=START) as dag:
        EmptyOperator(task_id="a", **arguments)
    (task,) = dag.to_spec().tasks
    return task


# operators


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"task_display_name": "Load it"}, {"display_name": "Load it"}),
        ({"depends_on_past": True}, {"depends_on_past": True, "wait_for_downstream": False}),
        ({"wait_for_downstream": True}, {"depends_on_past": True, "wait_for_downstream": True}),
        ({"ignore_first_depends_on_past": False}, {"ignore_first_depends_on_past": False}),
        ({"wait_for_past_depends_before_skipping": True}, {"wait_for_past_depends_before_skipping": True}),
        ({"pool": "gpu", "pool_slots": 2, "queue": "big"}, {"pool": "gpu", "pool_slots": 2, "queue": "big"}),
        ({"pool": None, "queue": None}, {"pool": "default_pool", "queue": "default"}),
        ({"weight_rule": WeightRule.ABSOLUTE}, {"weight_rule": "absolute"}),
        ({"max_active_tis_per_dag": 1, "max_active_tis_per_dagrun": 2}, {"max_active_tis_per_dag": 1}),
        ({"map_index_template": "{{ ds }}"}, {"map_index_template": "{{ ds }}"}),
        ({"render_template_as_native_obj": True}, {"render_template_as_native_obj": True}),
        ({"sla": timedelta(hours=1)}, {"sla": 3600.0}),
        ({"on_failure_callback": print, "on_success_callback": [print]}, {"callbacks": ("success", "failure")}),
        ({"start_date": datetime(2026, 2, 1)}, {"start_date": "2026-02-01T00:00:00+00:00"}),
        ({"start_date": START, "end_date": None}, {"start_date": None, "end_date": None}),
        ({"pre_execute": print}, {"needs_dag_file": True}),
        ({"on_execute_callback": print}, {"needs_dag_file": True, "callbacks": ("execute",)}),
        ({}, {"needs_dag_file": False, "ignore_first_depends_on_past": True, "render_template_as_native_obj": None}),
    ],
)
def test_arguments_of_tasks_reach_the_spec(arguments: dict[str, Any], fields: dict[str, Any]) -> None:
    task = task_of(**arguments)
    assert {name: getattr(task, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"depends_on_past": "yes"}, "depends_on_past must be True or False, not 'yes'"),
        ({"weight_rule": "downstreem"}, "unknown weight_rule 'downstreem': did you mean 'downstream'"),
        ({"weight_rule": 3}, "unknown weight_rule '3': use one of downstream, upstream, absolute"),
        ({"max_active_tis_per_dag": 0}, "max_active_tis_per_dag must be a whole number of at least 1, not 0"),
        ({"task_display_name": 3}, "task_display_name must be text, not 3"),
        ({"pool": 3}, "pool must be text, not 3"),
        ({"sla": "1h"}, "sla must be a timedelta or seconds, not '1h'"),
        ({"start_date": "soon"}, "start_date must be a datetime or ISO 8601 text, not 'soon'"),
        ({"pre_execute": "x"}, "pre_execute must be a function, not 'x'"),
        ({"outlets": "s3://x"}, r"outlets takes assets, e.g. Asset\('s3://bucket/key'\), not 's3://x'"),
        ({"task_concurency": 1}, "EmptyOperator has no argument 'task_concurency': did you mean 'task_concurrency'"),
    ],
)
def test_unusable_arguments_of_tasks_are_refused_by_name(arguments: dict[str, Any], sentence: str) -> None:
    with refused(f"task 'a': {sentence}"):
        task_of(**arguments)


def test_dates_of_a_task_are_ordered_and_in_the_zone_of_the_dag() -> None:
    with DAG("d", start_date=START, timezone="Europe/Berlin") as dag:
        EmptyOperator(task_id="a", start_date="2026-07-01", end_date=datetime(2026, 8, 1, tzinfo=UTC))
    (task,) = dag.to_spec().tasks
    assert (task.start_date, task.end_date) == ("2026-06-30T22:00:00+00:00", "2026-08-01T00:00:00+00:00")
    with refused("DAG 'd', task 'a': end_date .* is before start_date"):
        task_of(start_date="2026-08-01", end_date="2026-07-01")


def test_inlets_and_outlets_reach_the_spec_as_data() -> None:
    class Thing:
        def to_data(self) -> dict[str, Any]:
            return {"name": "n", "uri": "file:///n"}

    task = task_of(outlets=Thing(), inlets=[Thing(), Thing()])
    assert task.outlets == ({"name": "n", "uri": "file:///n"},)
    assert len(task.inlets) == 2


def test_old_names_of_task_arguments_are_noted_once() -> None:
    with pytest.warns(FlowWarning) as caught:
        task = task_of(task_concurrency=2, provide_context=True)
    assert task.max_active_tis_per_dag == 2
    assert [str(item.message) for item in caught] == [
        "task 'a': task_concurrency is the old name of max_active_tis_per_dag: write max_active_tis_per_dag=",
        "task 'a': provide_context is not needed any more: every task gets its context: leave it out",
    ]
    assert {item.filename for item in caught} == {__file__}
    with pytest.warns(FlowWarning, match="DAG 'd': default_args: provide_context is not needed") as caught:
        dag = DAG("d", default_args={"provide_context": True})
    assert len(caught) == 1
    assert [PythonOperator(task_id=name, python_callable=print, dag=dag).task_id for name in "abc"] == ["a", "b", "c"]
    with refused("task_concurrency is the old name of max_active_tis_per_dag: give one of them"):
        task_of(task_concurrency=2, max_active_tis_per_dag=2)


def test_the_logger_of_a_task_has_the_given_name() -> None:
    assert EmptyOperator(task_id="a", logger_name="mine").log.name == "mine"
    assert EmptyOperator(task_id="a").log.name == "jupyter_flow.task.EmptyOperator"


# DAGs


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"dag_display_name": "Every night"}, {"display_name": "Every night"}),
        ({"catchup": timedelta(days=2)}, {"catchup": True, "catchup_window": 172_800.0}),
        ({"catchup": True}, {"catchup": True, "catchup_window": None}),
        ({"fail_fast": True}, {"fail_fast": True}),
        ({"max_consecutive_failed_dag_runs": 3}, {"max_consecutive_failed_dag_runs": 3}),
        ({"allowed_run_types": ["manual", "backfill"]}, {"allowed_run_types": ("manual", "backfill")}),
        ({"dag_retries": 2}, {"dag_retries": 2}),
        ({"owner_links": {"ann": "mailto:ann@example.org"}}, {"owner_links": {"ann": "mailto:ann@example.org"}}),
        ({"access_control": {"ops": {"can_read", "can_edit"}}}, {"access_control": {"ops": ["can_edit", "can_read"]}}),
        ({"template_searchpath": ["sql", "/opt/sql/"]}, {"template_searchpath": ("sql", "/opt/sql")}),
        ({"user_defined_macros": {"one": 1}}, {"user_templates": True}),
        ({"jinja_environment_kwargs": {"trim_blocks": True}}, {"user_templates": True}),
        ({"template_undefined": DebugUndefined}, {"user_templates": True}),
        ({"on_success_callback": print, "sla_miss_callback": print}, {"callbacks": ("success", "sla_miss")}),
        ({}, {"user_templates": False, "allowed_run_types": None, "catchup": False, "labels": (), "groups": ()}),
    ],
)
def test_arguments_of_dags_reach_the_spec(arguments: dict[str, Any], fields: dict[str, Any]) -> None:
    spec = spec_of(**arguments)
    assert {name: getattr(spec, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"catchup": 3}, "catchup must be True, False or a timedelta"),
        (
            {"owner_links": {"ann": "ann.example.org"}},
            r"owner_links\['ann'\] must begin with http://, https://, mailto:",
        ),
        ({"allowed_run_types": ["manuel"]}, "unknown run type in allowed_run_types 'manuel': did you mean 'manual'"),
        ({"dag_retries": -1}, "dag_retries must be a whole number of at least 0, not -1"),
        ({"fail_fast": 1}, "fail_fast must be True or False, not 1"),
        ({"template_searchpath": [3]}, "template_searchpath must be text, not 3"),
        ({"jinja_environment_kwargs": {"trim_block": 1}}, "'trim_block' cannot be set: did you mean 'trim_blocks'"),
        ({"jinja_environment_kwargs": {"loader": 1}}, "'loader' cannot be set"),
        ({"template_undefined": "strict"}, r"template_undefined must be a class such as jinja2.StrictUndefined"),
        ({"user_defined_macros": {"a b": 1}}, "user_defined_macros: 'a b' is not a name that a template can use"),
        ({"user_defined_filters": {"f": 1}}, r"user_defined_filters\['f'\] must be a function, not 1"),
        ({"access_control": ["x"]}, "access_control must be a dict"),
        ({"default_args_profiles": {"dev": 1}}, r"default_args_profiles\['dev'\] must be a dict"),
        ({"schedule_intervall": None}, "DAG has no argument 'schedule_intervall': did you mean 'schedule_interval'"),
    ],
)
def test_unusable_arguments_of_dags_are_refused_by_name(arguments: dict[str, Any], sentence: str) -> None:
    with refused(f"DAG 'd': .*{sentence}"):
        spec_of(**arguments)


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("schedule_interval", "schedule", "@daily"),
        ("timetable", "schedule", timedelta(days=1)),
        ("concurrency", "max_active_tasks", 3),
        ("fail_stop", "fail_fast", True),
    ],
)
def test_old_names_of_dag_arguments(old: str, new: str, value: Any) -> None:
    with pytest.warns(FlowWarning, match=f"DAG 'd': {old} is the old name of {new}: write {new}=") as caught:
        spec = spec_of(start_date=START, **{old: value})
    assert len(caught) == 1
    assert spec == spec_of(start_date=START, **{new: value})


def test_templated_tasks_of_a_dag_with_macros_load_its_file() -> None:
    with DAG("d", user_defined_macros={"one": 1}) as dag:
        BashOperator(task_id="templated", bash_command="echo {{ one }}")
        BashOperator(task_id="script", bash_command="run.sh")
        NotebookOperator("nested", "n.ipynb", parameters={"a": ["{{ one }}"]})
        BashOperator(task_id="plain", bash_command="true")
    spec = dag.to_spec()
    assert {task.task_id: task.needs_dag_file for task in spec.tasks} == {
        "templated": True, "script": True, "nested": True, "plain": False,
    }  # fmt: skip
    assert spec.task("templated").arguments["bash_command"] == "echo {{ one }}"


def test_template_files_are_pinned_wherever_the_searchpath_may_have_them() -> None:
    with registry.collecting("/dags", "/dags/team"), DAG("d", template_searchpath=["/dags/sql", "own"]) as dag:
        BashOperator(task_id="a", bash_command="run.sh")
        NotebookOperator("n", "n.ipynb")
    spec = dag.to_spec()
    assert spec.template_searchpath == ("../sql", "own")
    assert spec.task("a").files == ("../sql/run.sh", "own/run.sh", "run.sh")
    assert spec.task("n").files == ("n.ipynb",)


# profiles


def test_a_profile_is_put_over_the_default_args(monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = {"dev": {"retries": 0, "pool": "small"}, "prod": {"retries": 5}}

    def task() -> TaskSpec:
        with DAG("d", default_args={"retries": 1, "owner": "ann"}, default_args_profiles=profiles) as dag:
            EmptyOperator(task_id="a")
        return dag.to_spec().tasks[0]

    monkeypatch.delenv("JUPYTER_FLOW_PROFILE", raising=False)
    assert (task().retries, task().pool) == (1, "default_pool")
    monkeypatch.setenv("JUPYTER_FLOW_PROFILE", "dev")
    assert (task().retries, task().pool, task().owner) == (0, "small", "ann")
    monkeypatch.setenv("JUPYTER_FLOW_PROFILE", "prd")
    with pytest.warns(FlowWarning, match="default_args_profiles has no profile 'prd', .*: did you mean 'prod'"):
        assert task().retries == 1


# what a file is loaded for


def test_a_file_knows_what_it_is_loaded_for() -> None:
    assert get_parsing_context() == (None, None)
    with loading_for("d", "t"):
        context = get_parsing_context()
        assert (context.dag_id, context.task_id) == ("d", "t")
    assert get_parsing_context().dag_id is None


# weights


def test_the_three_weight_rules() -> None:
    weights = {}
    for rule in WeightRule:
        with DAG("d", default_args={"weight_rule": rule}) as dag:
            a, b, c, d = (EmptyOperator(task_id=name, priority_weight=10**index) for index, name in enumerate("abcd"))
            a >> [b, c] >> d
        weights[str(rule)] = {task.task_id: task.priority_weight for task in dag.to_spec().tasks}
    assert weights == {
        "downstream": {"a": 1111, "b": 1010, "c": 1100, "d": 1000},
        "upstream": {"a": 1, "b": 11, "c": 101, "d": 1111},
        "absolute": {"a": 1, "b": 10, "c": 100, "d": 1000},
    }


@pytest.mark.parametrize("seed", range(5))
def test_weights_equal_the_plain_sum_over_all_relatives(seed: int) -> None:
    random.seed(seed)
    names = [f"t{index}" for index in range(60)]
    upstream = {
        name: sorted({names[random.randrange(index)] for _ in range(random.randrange(4))}) if index else []
        for index, name in enumerate(names)
    }
    weights = {name: random.choice([-7, 0, 1, 5, 1000]) for name in names}
    rules = {name: random.choice(["downstream", "upstream", "absolute"]) for name in names}
    before: dict[str, set[str]] = {}
    for name in names:
        before[name] = {name}.union(*(before[other] for other in upstream[name]))
    after = {name: {other for other in names if name in before[other]} for name in names}
    around = {"downstream": after, "upstream": before, "absolute": {name: {name} for name in names}}
    expected = {name: sum(weights[other] for other in around[rules[name]][name]) for name in names}
    assert effective_weights(names, upstream, weights, rules) == expected


def test_weights_stay_within_what_a_column_holds() -> None:
    names = ["a", "b", "c"]
    upstream = {"a": [], "b": ["a"], "c": ["b"]}
    for sign in (1, -1):
        found = effective_weights(
            names, upstream, dict.fromkeys(names, sign * 2**31), dict.fromkeys(names, "downstream")
        )
        assert set(found.values()) == {2**31 - 1 if sign > 0 else -(2**31)}


def test_weights_of_equal_tasks_count_tasks() -> None:
    names = [f"t{index}" for index in range(500)]
    upstream = {name: [] for name in names[:1]} | {after: [before] for before, after in itertools.pairwise(names)}
    found = effective_weights(names, upstream, dict.fromkeys(names, 2), dict.fromkeys(names, "downstream"))
    assert [found[name] for name in names] == [2 * (500 - index) for index in range(500)]
