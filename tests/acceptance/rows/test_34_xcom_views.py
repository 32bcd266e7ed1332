"""Row 34: XComs as people look at them: of a task, of a run, of a DAG; previews, types, sizes; delete."""

from __future__ import annotations

from typing import Any

import pytest
from support.houses import House

PUSHES = """
from datetime import date

from jupyter_flow import DAG, PythonOperator


def push(ti):
    ti.xcom_push("text", "x" * 1000)
    ti.xcom_push("day", date(2026, 1, 31))
    return {"a": 1, "b": [1, 2]}


def frame():
    import pandas

    return pandas.DataFrame({"a": [1, 2, 3]})


with DAG("pushes"):
    PythonOperator(task_id="push", python_callable=push)
    PythonOperator(task_id="frame", python_callable=frame)
"""


@pytest.fixture(scope="module")
def run(house: House) -> dict[str, Any]:
    house.write_dag(PUSHES, "pushes.py")
    house.run_dag("pushes", run_id="one")
    return house.run_dag("pushes", run_id="two")


def test_the_xcoms_of_a_task(house: House, run: dict[str, Any]) -> None:
    found = {item["key"]: item for item in house.cli_json("tasks", "xcom", "pushes", "two", "push")}
    assert set(found) == {"text", "day", "return_value"}
    value = found["return_value"]
    assert (value["value"], value["type"], value["length"], value["size"]) == ({"a": 1, "b": [1, 2]}, "dict", 2, 21)
    assert value["preview"] == '{"a": 1, "b": [1, 2]}'
    assert value["created_at"] >= run["start_date"]
    assert (found["text"]["length"], found["text"]["size"], len(found["text"]["preview"])) == (None, 1002, 200)
    assert (found["day"]["type"], found["day"]["preview"]) == ("date", 'date "2026-01-31"')
    table = house.cli("tasks", "xcom", "pushes", "two", "frame", env={"COLUMNS": "400"}).out  # so that no path folds
    assert "dataframe 3 x 1 in file://" in table


def test_the_xcoms_of_a_run_and_of_a_dag(house: House, run: dict[str, Any]) -> None:
    of_run = house.cli_json("xcoms", "list", "pushes", "two")
    assert sorted((item["task_id"], item["key"]) for item in of_run) == [
        ("frame", "return_value"),
        ("push", "day"),
        ("push", "return_value"),
        ("push", "text"),
    ]
    assert all("value" not in item for item in of_run)
    of_dag = house.cli_json("xcoms", "list", "pushes", "--task", "push", "--key", "day")
    assert [item["run_id"] for item in of_dag] == ["two", "one"]
    assert len(house.cli_json("xcoms", "list", "pushes", "--limit", "3")) == 3
    refused = house.cli("xcoms", "list", "pushes", "--limit", "0")
    assert (refused.code, refused.err) == (2, "error: limit 0 must be a number from 1 to 1000\n")


def test_one_is_deleted_with_its_file(house: House, run: dict[str, Any]) -> None:
    before = {path.name for path in (house.home / "xcoms").iterdir()}
    assert house.cli("xcoms", "delete", "pushes", "one", "frame", "return_value").code == 0
    assert len(before - {path.name for path in (house.home / "xcoms").iterdir()}) == 1
    assert house.call("tasks.xcom", dag_id="pushes", run_id="one", task_id="frame")["xcoms"] == []
    again = house.cli("xcoms", "delete", "pushes", "one", "frame", "return_value")
    assert (again.code, again.err) == (2, "error: task 'frame' has no XCom 'return_value'\n")
    audited = house.rows("SELECT outcome FROM audit WHERE verb = 'xcoms.delete' ORDER BY id")
    assert [row["outcome"] for row in audited] == ["ok", "not_found"]


def test_a_new_try_forgets_what_the_one_before_pushed(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, PythonOperator


        def work(ti):
            ti.xcom_push(f"try_{ti.try_number}", 1)
            if ti.try_number == 1:
                raise ValueError("again")


        with DAG("retried"):
            PythonOperator(task_id="work", python_callable=work, retries=1, retry_delay=0)
        """,
        "retried.py",
    )
    house.run_dag("retried", run_id="one")
    found = house.call("tasks.xcom", dag_id="retried", run_id="one", task_id="work")["xcoms"]
    assert [item["key"] for item in found] == ["try_2"]
