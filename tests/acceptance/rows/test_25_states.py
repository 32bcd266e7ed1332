"""Row 25: states, in one place, and the way of a task through them."""

from __future__ import annotations

from support.houses import House, states_of, task_of


def test_a_task_goes_from_waiting_over_scheduled_queued_and_running_to_its_end(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("states"):
            good = BashOperator(task_id="good", bash_command="true")
            once = "test -e tried || { touch tried; exit 1; }"
            bad = BashOperator(task_id="bad", bash_command=once, retries=1, retry_delay=0)
            good >> bad
        """,
        "states.py",
    )
    run = house.run_dag("states")
    assert states_of(run) == {"good": "success", "bad": "success"}
    steps = house.rows(
        "SELECT state_from, state_to FROM event WHERE dag_id = 'states' AND task_id = 'bad' ORDER BY id",
    )
    walked = [steps[0]["state_from"], *(step["state_to"] for step in steps)]
    began = ["waiting", "scheduled", "queued"]
    assert [state for state in walked if state != "running"] == [
        *began,
        "up_for_retry",
        "scheduled",
        "queued",
        "success",
    ]


def test_every_end_of_a_task_has_its_state_and_says_why(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("ends"):
            names = {"fine": "true", "bad": "exit 1", "left_out": "exit 99", "asked": "sleep 60"}
            made = {name: BashOperator(task_id=name, bash_command=command) for name, command in names.items()}
            made["bad"] >> BashOperator(task_id="after_bad", bash_command="true")
            made["left_out"] >> BashOperator(task_id="after_left_out", bash_command="true")
            made["asked"] >> BashOperator(task_id="after_asked", bash_command="true")
        """,
        "ends.py",
    )
    run = house.trigger("ends")["run_id"]
    house.wait_for_task("ends", run, "asked", "running")
    for name in ("after_bad", "after_left_out", "fine"):
        house.wait_for_task("ends", run, name, "upstream_failed", "skipped", "success")
    house.call("runs.cancel", dag_id="ends", run_id=run)
    ended = house.wait_for_run("ends", run)
    assert (ended["state"], ended["reason"]["text"]) == ("cancelled", "the DAG run was cancelled by test")
    assert states_of(ended) == {
        "fine": "success",
        "bad": "failed",
        "left_out": "skipped",
        "asked": "cancelled",
        "after_bad": "upstream_failed",
        "after_left_out": "skipped",
        "after_asked": "cancelled",
    }
    assert task_of(ended, "after_bad")["reason"]["text"] == "upstream bad failed (trigger rule all_success)"
    assert task_of(ended, "after_left_out")["reason"]["text"] == "upstream left_out skipped (trigger rule all_success)"
    assert task_of(ended, "after_asked")["reason"]["text"] == "the DAG run was cancelled by test"


def test_a_cleared_task_and_what_comes_after_it_run_again(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("clearing"):
            first, other = (BashOperator(task_id=name, bash_command="true") for name in ("first", "other"))
            first >> BashOperator(task_id="second", bash_command="true")
        """,
        "clearing.py",
    )
    run = house.run_dag("clearing")["run_id"]
    house.call("tasks.clear", dag_id="clearing", run_id=run, task_id="first")
    ended = house.wait_for_run("clearing", run)
    attempts = {task["task_id"]: task["attempt_number"] for task in ended["tasks"]}
    assert (ended["state"], attempts) == ("success", {"first": 2, "second": 2, "other": 1})
