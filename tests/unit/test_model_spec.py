"""DagSpec and its canonical text: written by hand for speed, equal to what the dataclasses say of themselves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields

import pytest

from jupyter_flow.model.spec import (
    DagSpec,
    ScheduleSpec,
    TaskSpec,
    canonical,
    dag_from_json,
    plain,
    spec_hash,
    text_hash,
    to_json,
)

FIRST = TaskSpec("first", "EmptyOperator")
FULL = TaskSpec(
    task_id="größe",
    operator="NotebookOperator",
    operator_ref="jupyter_flow.operators.notebook:NotebookOperator",
    upstream=("first",),
    trigger_rule="all_done",
    retries=3,
    retry_delay=1.5,
    retry_exponential_backoff=2.0,
    max_retry_delay=60.0,
    execution_timeout=3600.0,
    pool="p",
    pool_slots=2,
    priority_weight=7,
    queue="q",
    owner="ann",
    doc="a\nb",
    do_xcom_push=False,
    template_fields=("parameters",),
    arguments={"notebook": "a.ipynb", "parameters": {"z": [1, {"y": None}], "a": 0.1}},
    needs_dag_file=True,
    xcom_inputs=(("first", "return_value"),),
    variable_inputs=("v",),
    files=("a.ipynb",),
    env={"A": "1"},
    params={"p": True},
)
DAG = DagSpec(
    dag_id="d",
    dag_file="folder/d.py",
    tasks=(FIRST, FULL),
    schedule=ScheduleSpec("cron", expression="0 0 * * *", summary="@daily"),
    start_date="2026-01-01T00:00:00+00:00",
    timezone="Europe/Berlin",
    tags=("a", "b"),
    params={"n": {"default": 1, "schema": {"type": "integer"}, "description": None}},
)


@pytest.mark.parametrize("spec", [DAG, DagSpec("empty", "e.py")])
def test_canonical_text_is_sorted_compact_json_without_the_defaults_of_tasks(spec: DagSpec) -> None:
    data = asdict(spec)
    defaults = asdict(TaskSpec("", ""))
    for task in data["tasks"]:
        for name in [name for name, value in task.items() if name not in ("task_id", "operator")]:
            if task[name] == defaults[name]:
                del task[name]
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    assert canonical(spec) == text
    assert spec_hash(spec) == text_hash(text) == hashlib.sha256(text.encode()).hexdigest()
    assert set(plain(spec)) == {item.name for item in fields(DagSpec)}


def test_canonical_text_leads_back_to_the_same_spec() -> None:
    assert dag_from_json(json.loads(canonical(DAG))) == DAG
    assert dag_from_json(to_json(DAG)) == DAG
    assert json.dumps(to_json(FULL)) == json.dumps(plain(FULL))


def test_nan_has_no_canonical_text() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(DagSpec("d", "d.py", params={"x": float("nan")}))


def test_json_of_a_spec_is_a_copy() -> None:
    copied = to_json(FULL)
    copied["arguments"]["parameters"]["a"] = "changed"
    assert FULL.arguments["parameters"]["a"] == 0.1


@pytest.mark.parametrize(
    "change", [{"colour": 1}, {"format": 2}, {"tasks": [{"task_id": "t", "operator": "X", "colour": 1}]}]
)
def test_what_is_not_known_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unknown keys|format"):
        dag_from_json({**to_json(DAG), **change})
