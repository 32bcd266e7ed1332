"""Row 3: default_args from DAG over task group to task, named profiles, and depends_on_past that really gates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.houses import House, states_of, task_of


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house")).start("--profile", "prod")
    try:
        yield made
    finally:
        made.close()


def test_defaults_are_merged_and_the_house_chooses_the_profile(house: House) -> None:
    house.write_dag(
        """
        import os
        from jupyter_flow import DAG, BashOperator, PythonOperator, TaskGroup

        with DAG(
            "defaults",
            default_args={"owner": "ann", "retries": 1, "pool": "default_pool", "priority_weight": 2},
            default_args_profiles={"dev": {"retries": 0}, "prod": {"retries": 4, "pool_slots": 2}},
        ):
            BashOperator(task_id="plain", bash_command="echo $JUPYTER_FLOW_PROFILE")
            with TaskGroup("group", default_args={"owner": "bob", "retries": 5}):
                BashOperator(task_id="inner", bash_command="true")
                PythonOperator(task_id="own", python_callable=lambda: os.environ["JUPYTER_FLOW_PROFILE"], retries=6)
        """,
        "defaults.py",
    )
    house.wait_for_dag("defaults")
    tasks = {task["task_id"]: task for task in house.cli_json("dags", "show", "defaults")["tasks"]}
    assert {name: (task["owner"], task["retries"], task["pool_slots"]) for name, task in tasks.items()} == {
        "plain": ("ann", 4, 2),
        "group.inner": ("bob", 5, 2),
        "group.own": ("bob", 6, 2),
    }
    run = house.run_dag("defaults")
    assert set(states_of(run).values()) == {"success"}
    for name in ("plain", "group.own"):
        assert [item["value"] for item in house.cli_json("tasks", "xcom", "defaults", run["run_id"], name)] == ["prod"]


def test_a_default_that_no_task_takes_is_pointed_out(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator

        with DAG("misspelt", default_args={"retires": 3}):
            EmptyOperator(task_id="a")
        """,
        "misspelt.py",
    )
    shown = house.wait_for_dag("misspelt")
    assert shown["warnings"] == [
        "DAG 'misspelt': default_args: no task has an argument 'retires': did you mean 'retries'?"
    ]


def test_depends_on_past_waits_for_the_same_task_of_the_run_before(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("past", default_args={"depends_on_past": True, "owner": "ann"}, start_date="2026-01-01"):
            BashOperator(task_id="step", bash_command='test "{{ params.ok }}" = yes', params={"ok": "yes"})
        """,
        "past.py",
    )
    first = house.trigger("past", logical_date="2026-02-01T00:00:00+00:00", conf={"ok": "no"})
    assert house.wait_for_run("past", first["run_id"])["state"] == "failed"
    second = house.trigger("past", logical_date="2026-02-02T00:00:00+00:00")
    house.wait_for_run("past", second["run_id"], states=["running"])
    waiting = house.wait_for_task("past", second["run_id"], "step", "waiting")
    assert waiting["state"] == "waiting"
    why = house.cli_json("tasks", "why", "past", second["run_id"], "step")
    assert "depends_on_past" in str(why)
    house.call("tasks.mark", dag_id="past", run_id=first["run_id"], task_id="step", state="success")
    done = house.wait_for_run("past", second["run_id"])
    assert task_of(done, "step")["state"] == "success"
