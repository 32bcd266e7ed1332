"""The ETL example, run for real, and that its shell never sees a param as code."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing

import pytest
from support.examples import EXAMPLES, copy_example, without_schedule
from support.houses import House, states_of

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.service.offline import parse_folders


def test_the_etl_loads_adds_up_and_reports(house: House) -> None:
    folder = without_schedule(copy_example("etl", house.dags))
    house.start()
    run = house.run_dag("etl", timeout=90, logical_date="2026-03-01", conf={"orders": 50})
    assert states_of(run) == dict.fromkeys(("extract", "load", "transform", "report"), "success")

    database = next((folder / "data").glob("*/orders.db"))
    with open(database.with_name("orders.csv"), newline="") as file:
        orders = list(csv.DictReader(file))
    assert len(orders) == 50
    assert {order["day"] for order in orders} == {"2026-03-01"}
    expected = round(sum(int(order["quantity"]) * float(order["unit_price"]) for order in orders), 2)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT SUM(orders), SUM(revenue) FROM revenue").fetchone() == (
            50,
            pytest.approx(expected),
        )
    pushed = house.call("tasks.xcom", dag_id="etl", run_id=run["run_id"], task_id="report", key="revenue")
    assert pushed["xcoms"][0]["value"] == pytest.approx(expected)


def test_the_command_runs_the_etl_without_a_host(house: House) -> None:
    folder = copy_example("etl", house.dags)
    run = house.cli_json("run", str(folder / "etl.py"), "--logical-date", "2026-03-01", "--conf", '{"orders": 20}')
    assert run["state"] == "success"
    assert states_of(run) == dict.fromkeys(("extract", "load", "transform", "report"), "success")
    assert next((folder / "data").glob("*/orders.csv")).read_text().count("\n") == 21


def test_no_example_builds_a_shell_line_from_a_template(house: House) -> None:
    parsed = parse_folders(FlowConfig(home=house.home, dag_folders=(EXAMPLES,)))
    assert [problem for file in parsed for problem in file.problems] == []
    dags = {dag.dag_id: dag for file in parsed for dag in file.dags}
    assert set(dags) == {"training", "retraining", "training_notebook", "etl"}
    commands = [
        task.arguments["bash_command"] for dag in dags.values() for task in dag.tasks if "Bash" in task.operator
    ]
    assert len(commands) == 1
    assert all("{{" not in command and "{%" not in command for command in commands)


def test_a_hostile_param_stays_data(house: House) -> None:
    folder = copy_example("etl", house.dags)
    house.start()
    house.wait_for_dag("etl")
    refused = house.cli("dags", "trigger", "etl", "--conf", '{"orders": "1; touch owned"}')
    assert refused.code == 2
    assert "orders" in refused.err
    hostile = "a; touch owned"
    odd = house.cli("dags", "trigger", "etl", "--run-id", hostile, "--unpause")
    assert odd.code == 2
    assert not list(folder.rglob("owned"))
