"""Row 31: push and pull: one task, several, other runs and DAGs, mapped tasks, from notebooks; the size limit."""

from __future__ import annotations

from typing import Any

import pytest
from support.houses import House, states_of, task_of

XCOMS = """
from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator, flow, task


def push(ti):
    ti.xcom_push(key="a", value=1)
    flow.xcom_push("b", [1, 2])
    ti.xcom_push(key="a", value={"x": "last"})
    return "returned"


def pull(ti, **context):
    return {
        "one": ti.xcom_pull(task_ids="push"),
        "key": ti.xcom_pull(task_ids="push", key="a"),
        "list": ti.xcom_pull(task_ids=["push", "empty", "push"], key="b"),
        "missing": [ti.xcom_pull(task_ids="push", key="no"), ti.xcom_pull("push", key="no", default=5)],
        "own": ti.xcom_pull(key="mine"),
        "any": ti.xcom_pull(task_ids="push", key=None),
        "mapped": ti.xcom_pull(task_ids="each"),
        "index": [ti.xcom_pull("each", map_indexes=1), ti.xcom_pull("each", map_indexes=[2, 0, 9], default="-")],
        "slice": ti.xcom_pull("each", map_indexes=slice(1, None)),
        "two": ti.xcom_pull(task_ids=["push", "each"]),
        "flow": flow.xcom_pull("push", "a"),
        "other": ti.xcom_pull("far", dag_id="other"),
        "other_run": ti.xcom_pull("far", dag_id="other", run_id="special"),
        "no_dag": ti.xcom_pull("far", dag_id="nobody", default="none"),
        "prior": [ti.xcom_pull("sometimes"), ti.xcom_pull("sometimes", include_prior_dates=True)],
    }


def pull_and_push(ti):
    ti.xcom_push("mine", 7)
    return pull(ti)


def sometimes(ds):
    return ds if ds == "2026-01-01" else None


def far(run_id):
    return f"far {run_id}"


with DAG("xcoms") as dag:
    before = [
        PythonOperator(task_id="push", python_callable=push),
        PythonOperator(task_id="sometimes", python_callable=sometimes),
        PythonOperator(task_id="empty", python_callable=lambda: None),
    ]

    @task
    def each(x):
        return 10 * x

    before += [each.expand(x=[1, 2, 3])]
    before >> PythonOperator(task_id="pull", python_callable=pull_and_push)
    before >> NotebookOperator(task_id="book", notebook="book.ipynb")
    before >> BashOperator(
        task_id="template",
        bash_command="echo {{ ti.xcom_pull('push', key='a').x }} {{ ti.xcom_pull('each') | sum }} "
        "{{ ti.xcom_pull(task_ids=['push', 'sometimes']) }}",
    )

with DAG("other"):
    PythonOperator(task_id="far", python_callable=far)

with DAG("big"):
    PythonOperator(task_id="big", python_callable=lambda: "x" * 300_000)
"""
BOOK = """
from jupyter_flow import flow

flow.xcom_push("pulled", [
    flow.xcom_pull("push"),
    flow.xcom_pull(task_ids=["push", "empty"], key="b"),
    flow.xcom_pull("push", key="no", default="d"),
    flow.xcom_pull("each"),
    flow.xcom_pull("each", map_indexes=slice(0, 2)),
    flow.xcom_pull("each", map_indexes=2),
    flow.xcom_pull("far", dag_id="other"),
    flow.xcom_pull("sometimes", include_prior_dates=True),
    flow.context["ti"].xcom_pull(task_ids="push", key="a"),
])
"""


@pytest.fixture(scope="module")
def run(house: House) -> dict[str, Any]:
    house.write_notebook([BOOK], "book.ipynb")
    house.write_dag(XCOMS, "xcoms.py")
    house.run_dag("other", run_id="second")
    house.run_dag("other", run_id="special")
    house.run_dag("xcoms", run_id="first", logical_date="2026-01-01T00:00:00+00:00")
    return house.run_dag("xcoms", run_id="second", logical_date="2026-01-02T00:00:00+00:00")


def pushed(house: House, task_id: str, key: str = "return_value") -> Any:
    found = house.call("tasks.xcom", dag_id="xcoms", run_id="second", task_id=task_id, key=key)
    return found["xcoms"][0]["value"]


def test_every_way_to_pull(house: House, run: dict[str, Any]) -> None:
    assert set(states_of(run).values()) == {"success"}, house.story("xcoms", "second")
    assert pushed(house, "pull") == {
        "one": "returned",
        "key": {"x": "last"},
        "list": [[1, 2], None, [1, 2]],
        "missing": [None, 5],
        "own": 7,
        "any": "returned",
        "mapped": [10, 20, 30],
        "index": [20, [30, 10, "-"]],
        "slice": [20, 30],
        "two": ["returned", 10, 20, 30],
        "flow": {"x": "last"},
        "other": "far second",
        "other_run": "far special",
        "no_dag": "none",
        "prior": [None, "2026-01-01"],
    }


def test_pulling_in_a_template(house: House, run: dict[str, Any]) -> None:
    assert pushed(house, "template") == "last 60 [returned, None]"


def test_pulling_in_a_notebook(house: House, run: dict[str, Any]) -> None:
    assert pushed(house, "book", "pulled") == [
        "returned",
        [[1, 2], None],
        "d",
        [10, 20, 30],
        [10, 20],
        30,
        "far second",
        "2026-01-01",
        {"x": "last"},
    ]


def test_a_value_that_is_too_big_says_what_to_do(house: House, run: dict[str, Any]) -> None:
    ended = house.run_dag("big")
    assert task_of(ended, "big")["reason"]["text"] == (
        "XCom 'return_value' has 300002 bytes, more than 262144: write a file and push its path"
    )
