"""Row 25: states, in one place, and the way of a task through them."""

from __future__ import annotations

from support.houses import House, states_of


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
