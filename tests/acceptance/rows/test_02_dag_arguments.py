"""Row 2: the arguments of DAG, both ways to bind tasks, old names, and an id that another file has."""

from __future__ import annotations

from support.houses import House, states_of
from support.waiting import wait_for


def test_arguments_are_shown_by_every_door_and_both_styles_of_binding_work(house: House) -> None:
    house.write_dag(
        """
        from datetime import datetime, timedelta
        from jupyter_flow import DAG, BashOperator, EmptyOperator, Label, Param, TaskGroup

        dag = DAG(
            dag_id="arguments",
            dag_display_name="All arguments",
            description="what a DAG takes",
            schedule="0 2 * * *",
            start_date=datetime(2026, 1, 1),
            catchup=timedelta(days=3),
            default_args={"owner": "ann", "retries": 1, "retry_delay": timedelta(seconds=0)},
            tags=["training", "nightly"],
            params={"n": Param(3, type="integer")},
            owner_links={"ann": "https://example.org/ann"},
            access_control={"ops": {"can_read"}},
            max_active_runs=2,
            max_active_tasks=4,
            max_consecutive_failed_dag_runs=5,
            dagrun_timeout=timedelta(hours=1),
            dag_retries=1,
            fail_fast=False,
            allowed_run_types=["manual", "scheduled"],
            doc_md="# Arguments",
            is_paused_upon_creation=True,
        )
        first = BashOperator(task_id="first", bash_command="echo {{ params.n }}", dag=dag, priority_weight=2)
        with dag:
            with TaskGroup("work", tooltip="the work"):
                second = BashOperator(
                    task_id="second", bash_command="true", task_display_name="The second", pool_slots=1,
                    pre_execute=lambda context: print("before", context["ti"].task_id),
                    post_execute=lambda context, result: print("after", result),
                )
            third = EmptyOperator(task_id="third", weight_rule="absolute", priority_weight=7)
        first >> Label("then") >> second >> third
        """,
        "arguments.py",
    )
    house.wait_for_dag("arguments")
    shown = house.cli_json("dags", "show", "arguments")
    expected = {
        "dag_display_name": "All arguments",
        "description": "what a DAG takes",
        "schedule": "0 2 * * *",
        "catchup": True,
        "catchup_window": 259_200.0,
        "owner": "ann",
        "owner_links": {"ann": "https://example.org/ann"},
        "tags": ["training", "nightly"],
        "max_active_runs": 2,
        "max_active_tasks": 4,
        "max_consecutive_failed_dag_runs": 5,
        "dagrun_timeout": 3600.0,
        "dag_retries": 1,
        "fail_fast": False,
        "allowed_run_types": ["manual", "scheduled"],
        "doc_md": "# Arguments",
        "is_paused": True,
        "groups": [{"group_id": "work", "parent": None, "label": "work", "tooltip": "the work", "is_mapped": False}],
        "labels": [{"upstream": "first", "downstream": "work.second", "label": "then"}],
        "warnings": [],
    }
    assert {name: shown[name] for name in expected} == expected
    tasks = {task["task_id"]: task for task in shown["tasks"]}
    assert {name: task["priority_weight"] for name, task in tasks.items()} == {
        "first": 10,
        "work.second": 8,
        "third": 7,
    }
    assert (tasks["work.second"]["task_display_name"], tasks["work.second"]["group"]) == ("The second", "work")
    run = house.run_dag("arguments")
    assert set(states_of(run).values()) == {"success"}
    log = house.cli("tasks", "log", "arguments", run["run_id"], "work.second").out
    assert "before work.second" in log
    assert "after" in log


def test_old_names_work_with_one_note_each(house: House) -> None:
    house.write_dag(
        """
        from datetime import datetime
        from jupyter_flow import DAG, EmptyOperator

        with DAG("old_names", schedule_interval="@daily", start_date=datetime(2026, 1, 1), concurrency=3):
            EmptyOperator(task_id="a", task_concurrency=1)
        """,
        "old_names.py",
    )
    shown = house.wait_for_dag("old_names")
    assert (shown["schedule"], shown["max_active_tasks"]) == ("@daily", 3)
    assert shown["warnings"] == [
        "DAG 'old_names': schedule_interval is the old name of schedule: write schedule=",
        "DAG 'old_names': concurrency is the old name of max_active_tasks: write max_active_tasks=",
        "task 'a': task_concurrency is the old name of max_active_tis_per_dag: write max_active_tis_per_dag=",
    ]


def test_a_dag_id_that_another_file_has_is_an_import_error(house: House) -> None:
    text = "from jupyter_flow import DAG, EmptyOperator\nwith DAG('taken'):\n    EmptyOperator(task_id='a')\n"
    house.write_dag(text, "taken_first.py")
    house.wait_for_dag("taken")
    house.write_dag(text, "taken_second.py")

    def refused() -> list[str]:
        return [item["message"] for item in house.call("dags.errors") if item["file"] == "taken_second.py"]

    (message,) = wait_for(refused, "the import error of the second file", 30)
    assert "taken" in message
    assert "taken_first.py" in message
