"""Row 65, pools: slots that tasks share, their doors, and what waits for them in which order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError

DAGS = """
from jupyter_flow import DAG, BashOperator

gate = "until test -e {{ params.gate }}; do sleep 0.05; done"
with DAG("shares", params={"gate": "x"}):
    for number in range(3):
        BashOperator(task_id=f"t{number}", bash_command=gate, pool="narrow")

with DAG("ranked", params={"gate": "x"}):
    BashOperator(task_id="holds", bash_command=gate, pool="one", priority_weight=100)
    for weight in (1, 5, 3):
        BashOperator(task_id=f"w{weight}", bash_command="true", pool="one", priority_weight=weight)

with DAG("wide"):
    BashOperator(task_id="heavy", bash_command="true", pool="heavy", pool_slots=3)

with DAG("lost"):
    BashOperator(task_id="t", bash_command="true", pool="nowhere")
"""


@pytest.fixture(scope="module", autouse=True)
def files(house: House) -> Path:
    path = house.write_dag(DAGS)
    house.wait_for_dag("lost")
    return path


def pool(house: House, name: str) -> dict[str, Any]:
    return {item["name"]: item for item in house.call("pools.list")["pools"]}[name]


def test_the_doors_of_pools(house: House, tmp_path: Path) -> None:
    assert house.cli("pools", "set", "night", "4", "for the night").out == "pool night has 4 slots\n"
    assert house.cli_json("pools", "set", "night", "5")["description"] == "for the night", "what is not said stays"
    assert house.cli("pools", "get", "night").out == "5\n"
    house.cli_json("pools", "export", str(tmp_path / "pools.json"))
    assert house.cli("pools", "delete", "night").code == 0
    assert "pool 'night' does not exist" in house.cli("pools", "get", "night").err
    assert house.cli("pools", "import", str(tmp_path / "pools.json")).code == 0
    assert next(item for item in house.cli_json("pools", "list") if item["name"] == "night") == {
        "name": "night",
        "slots": 5,
        "description": "for the night",
        "running_slots": 0,
        "queued_slots": 0,
        "scheduled_slots": 0,
        "occupied_slots": 0,
        "open_slots": 5,
    }
    assert house.cli_json("pools", "set", "default_pool", "64")["slots"] == 64
    refused = house.cli("pools", "delete", "default_pool")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "pool 'default_pool' cannot be deleted" in refused.err
    for op, arguments, says in (
        ("set", {"name": "night", "slots": -2}, "slots -2 must be a number from 0 on, or -1"),
        ("set", {"name": " night", "slots": 2}, "pool ' night' is not a valid name"),
        ("set", {"name": "new"}, "pool 'new' is new: say how many slots it has"),
        ("delete", {"name": "day"}, "pool 'day' does not exist"),
        ("import", {"pools_by_name": {"good": {"slots": 1}, "bad": {"slots": "many"}}}, "pool 'bad': slots 'many'"),
        ("import", {"pools_by_name": {"bad": {"slot": 1}}}, "pool 'bad': write"),
    ):
        with pytest.raises(FlowError, match=re.escape(says)):
            house.call(f"pools.{op}", **arguments)
    assert "good" not in {item["name"] for item in house.call("pools.list")["pools"]}, "all or nothing"


def test_no_more_tasks_run_than_a_pool_has_slots_and_a_wider_one_wakes_the_others(house: House, tmp_path: Path) -> None:
    house.call("pools.set", name="narrow", slots=1)
    run = house.trigger("shares", conf={"gate": str(tmp_path / "gate")})
    ids = ("shares", run["run_id"])

    def running(count: int) -> Any:
        return lambda: list(states_of(house.run(*ids)).values()).count("running") == count

    wait_for(running(1), "one task runs")
    found = pool(house, "narrow")
    assert [found[name] for name in ("running_slots", "scheduled_slots", "open_slots")] == [1, 2, 0]
    waiting = {task["task_id"]: task["reason"] for task in house.run(*ids)["tasks"] if task["state"] == "scheduled"}
    assert len(waiting) == 2
    assert {reason["text"] for reason in waiting.values()} == {"pool narrow: 1 of 1 slots are in use, 1 needed"}
    house.cli_json("pools", "set", "narrow", "2")
    wait_for(running(2), "the wider pool lets a second one run", timeout=30)
    house.cli_json("pools", "set", "narrow", "-1")
    wait_for(running(3), "a pool without bound lets all run", timeout=30)
    assert pool(house, "narrow")["open_slots"] is None
    (tmp_path / "gate").touch()
    assert house.wait_for_run(*ids)["state"] == "success"


def test_the_heaviest_weight_gets_the_free_slot(house: House, tmp_path: Path) -> None:
    house.call("pools.set", name="one", slots=1)
    run = house.trigger("ranked", conf={"gate": str(tmp_path / "gate")})
    house.wait_for_task("ranked", run["run_id"], "holds", "running")
    (tmp_path / "gate").touch()
    assert house.wait_for_run("ranked", run["run_id"])["state"] == "success"
    order = house.rows(
        "SELECT task_id FROM event WHERE dag_id = 'ranked' AND task_id > '' AND state_to = 'queued' ORDER BY id"
    )
    assert [row["task_id"] for row in order] == ["holds", "w5", "w3", "w1"]


def test_a_task_may_take_several_slots(house: House) -> None:
    house.call("pools.set", name="heavy", slots=2)
    run = house.trigger("wide")
    house.wait_for_task("wide", run["run_id"], "heavy", "scheduled")
    why = house.cli("tasks", "why", "wide", run["run_id"], "heavy").out
    assert "pool heavy: 0 of 2 slots are in use, 3 needed" in why
    house.call("pools.set", name="heavy", slots=3)
    assert house.wait_for_run("wide", run["run_id"])["state"] == "success"


def test_a_pool_that_does_not_exist_is_a_warning_and_a_reason(house: House, files: Path) -> None:
    text = (
        "DAG 'lost': pool 'nowhere' of task 't' does not exist, so it will wait: "
        "`jupyter flow pools set 'nowhere' SLOTS`"
    )
    assert house.call("dags.show", dag_id="lost")["warnings"] == [text]
    assert text in {item["message"] for item in house.cli_json("dags", "errors")}
    assert text in house.cli("check", str(files)).err
    run = house.trigger("lost")
    house.wait_for_task("lost", run["run_id"], "t", "scheduled")
    why = house.cli("tasks", "why", "lost", run["run_id"], "t").out
    assert "pool nowhere does not exist: create it" in why
    house.cli_json("pools", "set", "nowhere", "1")
    assert house.wait_for_run("lost", run["run_id"])["state"] == "success"
    assert house.call("dags.show", dag_id="lost")["warnings"] == []
