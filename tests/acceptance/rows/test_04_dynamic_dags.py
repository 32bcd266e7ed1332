"""Row 4: DAGs made in loops, by factories and from data files; what goes becomes inactive and keeps its history."""

from __future__ import annotations

import json

from support.houses import House, states_of
from support.waiting import wait_for

FACTORY = """
    import json
    from pathlib import Path
    from jupyter_flow import DAG, BashOperator, EmptyOperator, get_parsing_context

    TABLES = json.loads((Path(__file__).parent / "tables.json").read_text())


    def make(name, steps):
        with DAG(f"load_{name}", tags=["made"]) as dag:
            before = EmptyOperator(task_id="begin")
            for step in range(steps):
                task = BashOperator(task_id=f"step_{step}", bash_command=f"echo {name} {step}")
                before >> task
                before = task
        return dag


    wanted = get_parsing_context().dag_id
    for name, steps in TABLES.items():
        if wanted in (None, f"load_{name}"):
            globals()[f"dag_{name}"] = make(name, steps)
    if wanted is None:
        EXPENSIVE = sum(range(10))
    """


def active(house: House) -> dict[str, bool]:
    rows = house.rows("SELECT dag_id, is_active FROM dag WHERE dag_id LIKE 'load_%'")
    return {row["dag_id"]: bool(row["is_active"]) for row in rows}


def test_dags_follow_their_data_file_and_keep_their_history(house: House) -> None:
    tables = house.dags / "tables.json"
    tables.write_text(json.dumps({"users": 2, "orders": 1}))
    house.write_dag(FACTORY, "factory.py")
    run = house.run_dag("load_users")
    assert states_of(run) == {"begin": "success", "step_0": "success", "step_1": "success"}
    assert house.wait_for_dag("load_orders")["tags"] == ["made"]

    tables.write_text(json.dumps({"orders": 3, "items": 1}))
    house.cli("dags", "reload")
    house.wait_for_dag("load_items")
    wait_for(lambda: active(house).get("load_users") is False, "load_users goes", 30)
    assert active(house) == {"load_users": False, "load_orders": True, "load_items": True}
    tasks = house.call("dags.show", dag_id="load_orders")["tasks"]
    assert [task["task_id"] for task in tasks] == ["begin", "step_0", "step_1", "step_2"]
    listed = {dag["dag_id"] for dag in house.cli_json("dags", "list")}
    assert "load_users" not in listed
    assert house.run("load_users", run["run_id"])["state"] == "success"

    tables.write_text(json.dumps({"users": 1}))
    house.cli("dags", "reload")
    wait_for(lambda: active(house).get("load_users"), "load_users comes back", 30)
    assert [item["run_id"] for item in house.cli_json("runs", "list", "load_users")] == [run["run_id"]]


def test_two_dags_of_one_name_in_a_loop_are_refused_with_both_lines(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator

        for name in ["a", "b"]:
            with DAG("always_the_same"):
                EmptyOperator(task_id=name)
        """,
        "twice.py",
    )

    def refused() -> list[str]:
        return [item["message"] for item in house.call("dags.errors") if item["file"] == "twice.py"]

    (message,) = wait_for(refused, "an import error", 30)
    assert message == "dag_id 'always_the_same' is taken by the DAG of line 4 of the same file"
