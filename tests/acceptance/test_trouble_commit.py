"""Commits whose answer is lost: the host does not know whether they were done, and does right in both cases."""

from __future__ import annotations

import json

import pytest
from support.houses import House, states_of
from support.waiting import wait_for

DAG = """
from jupyter_flow import DAG, PythonOperator

def note(context):
    print("called")

with DAG("chain", on_success_callback=note):
    before = PythonOperator(task_id="t0", python_callable=print, on_success_callback=note)
    for number in range(1, 3):
        after = PythonOperator(task_id=f"t{number}", python_callable=print)
        before >> after
        before = after
"""


@pytest.mark.parametrize("first", [2, 3])
def test_commits_of_turns_are_not_answered(house: House, first: int) -> None:
    house.write_dag(DAG)
    hits = house.base / "hits"
    patterns = [f"turn.after_{'commit'[:length]}*" for length in range(6, 0, -1)]  # each counts for itself
    rules = [f"{pattern}=raise:ENOSPC@{first + 2 * number}" for number, pattern in enumerate(patterns)]
    house.start("--unpaused", env={"JUPYTER_FLOW_FAULTS": f"count={hits};{';'.join(rules)}"})
    run = house.run_dag("chain", 60)
    assert states_of(run) == {"t0": "success", "t1": "success", "t2": "success"}
    assert [task["attempt_number"] for task in run["tasks"]] == [1, 1, 1], json.dumps(run["tasks"], indent=1)
    wait_for(lambda: house.rows("SELECT outcome FROM callback") == [{"outcome": "success"}] * 2, house.output)
    assert house.rows("SELECT sum(starts) AS n FROM callback") == [{"n": 2}]
    assert house.output().count("is full (") >= 3, "the faults were not met"
