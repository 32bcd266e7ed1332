"""Any DAG comes back from JSON as the same spec, and is the same spec however often it is made."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_flow import DAG, BashOperator, EmptyOperator, NotebookOperator, PythonOperator
from jupyter_flow.authoring.to_spec import to_spec
from jupyter_flow.model.spec import canonical, dag_from_json, spec_hash, to_json
from jupyter_flow.operators.notebook import parameters_problem
from jupyter_flow.runner.dag_loader import rebuild

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="{}"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: parameters_problem({name: 1}) is None
)
common = st.fixed_dictionaries(
    {},
    optional={
        "retries": st.integers(0, 9),
        "retry_delay": st.floats(0, 1e6) | st.timedeltas(timedelta(0), timedelta(days=9)),
        "execution_timeout": st.floats(0.1, 1e6),
        "priority_weight": st.integers(-5, 5),
        "owner": texts,
        "doc_md": texts,
        "env": st.dictionaries(names, texts, max_size=2),
        "params": st.dictionaries(names, values, max_size=2),
        "trigger_rule": st.sampled_from(["all_success", "all_done", "one_failed", "none_failed"]),
        "do_xcom_push": st.booleans(),
    },
)


def one_task(task_id: str, kind: str, given_arguments: dict[str, Any], parameters: dict[str, Any], text: str) -> Any:
    if kind == "bash":
        return BashOperator(task_id, f"echo {text}", **given_arguments)
    if kind == "notebook":
        return NotebookOperator(task_id, "n.ipynb", parameters=parameters, **given_arguments)
    if kind == "python":
        return PythonOperator(task_id, print, op_kwargs=parameters, **given_arguments)
    return EmptyOperator(task_id, **given_arguments)


recipes = st.lists(
    st.tuples(
        st.sampled_from(["bash", "notebook", "python", "empty"]),
        common,
        st.dictionaries(names, values, max_size=3),
        texts,
        st.sets(st.integers(0, 6), max_size=3),
    ),
    min_size=1,
    max_size=7,
)


def build(recipe: list[Any], params: dict[str, Any]) -> DAG:
    with DAG("d", params=params, tags=["x"]) as dag:
        made: list[Any] = []
        for number, (kind, arguments, parameters, text, before) in enumerate(recipe):
            made.append(one_task(f"t{number}", kind, arguments, parameters, text))
            made[-1].set_upstream({made[index] for index in before if index < number})
    return dag


@settings(max_examples=60, deadline=None)
@given(recipes, st.dictionaries(names, values, max_size=3))
def test_dag_to_spec_to_json_to_spec(recipe: list[Any], params: dict[str, Any]) -> None:
    spec = to_spec(build(recipe, params), "folder/file.py")
    back = dag_from_json(json.loads(json.dumps(to_json(spec))))
    assert canonical(back) == canonical(spec)
    assert back.downstream() == spec.downstream()
    assert spec_hash(to_spec(build(recipe, params), "folder/file.py")) == spec_hash(spec)
    place = {task.task_id: index for index, task in enumerate(spec.tasks)}
    assert all(place[before] < place[task.task_id] for task in spec.tasks for before in task.upstream)


@settings(max_examples=40, deadline=None)
@given(recipes)
def test_tasks_of_pure_data_are_rebuilt_as_they_were(recipe: list[Any]) -> None:
    spec = to_spec(build(recipe, {}))
    for task in spec.tasks:
        assert task.needs_dag_file == (task.operator == "PythonOperator")
        if not task.needs_dag_file:
            operator = rebuild(dag_from_json(to_json(spec)).task(task.task_id))
            assert type(operator).__name__ == task.operator
            assert operator.arguments() == task.arguments
            assert (operator.env, operator.params) == (task.env, task.params)
