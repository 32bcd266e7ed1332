"""``tasks why``: each refusal of the scheduler is a sentence, in order, the same by CLI and house.sock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.houses import House
from support.waiting import wait_for

DAGS = """
from datetime import datetime
from jupyter_flow import DAG, BashOperator, task

gate = "until test -e {{ params.gate }}; do sleep 0.05; done"
with DAG("line", params={"gate": "x"}, max_active_runs=1):
    first = BashOperator(task_id="first", bash_command=gate)
    first >> BashOperator(task_id="second", bash_command="true")

with DAG("narrow", params={"gate": "x"}, max_active_tasks=1):
    BashOperator(task_id="holds", bash_command=gate, priority_weight=9)
    BashOperator(task_id="waits", bash_command="true", pool="tiny", pool_slots=2)

with DAG("ends"):
    bad = BashOperator(task_id="bad", bash_command="exit 3")
    bad >> BashOperator(task_id="after", bash_command="true")
    bad >> BashOperator(task_id="relief", bash_command="true", trigger_rule="all_failed")
    again = BashOperator(task_id="again", bash_command="exit 1", retries=1, retry_delay=3600)

    @task.branch
    def choose():
        return "left"
    choose() >> [BashOperator(task_id="left", bash_command="true"), BashOperator(task_id="right", bash_command="true")]

with DAG("old", schedule="@daily", start_date=datetime(2026, 1, 1), params={"gate": "x"}):
    BashOperator(task_id="t", bash_command=gate)
"""


@pytest.fixture(scope="module", autouse=True)
def files(house: House) -> None:
    house.write_dag(DAGS)
    house.wait_for_dag("old")


def why(house: House, dag_id: str, run_id: str, task_id: str) -> tuple[str, list[str]]:
    found = house.call("tasks.why", dag_id=dag_id, run_id=run_id, task_id=task_id)
    assert found["reason"] == (found["reasons"][0] if found["reasons"] else None)
    return found["state"], [reason["text"] for reason in found["reasons"]]


def test_a_run_that_does_not_start_says_why(house: House, tmp_path: Path) -> None:
    paused = house.call("dags.trigger", dag_id="line", conf={"gate": str(tmp_path / "gate")})
    assert why(house, "line", paused["run_id"], "first") == ("waiting", ["DAG is paused"])
    text = house.cli("tasks", "why", "line", paused["run_id"], "second").out
    assert text == "second is waiting: DAG is paused\n  and: waits for first\n"
    house.call("dags.unpause", dag_id="line")
    house.wait_for_task("line", paused["run_id"], "first", "running")
    assert why(house, "line", paused["run_id"], "first") == ("running", [])
    held = house.call("dags.trigger", dag_id="line")
    said = ["max_active_runs: 1 of 1 runs of the DAG are active"]
    assert why(house, "line", held["run_id"], "first") == ("waiting", said)
    house.call("runs.cancel", dag_id="line", run_id=held["run_id"])
    (tmp_path / "gate").touch()
    house.wait_for_run("line", paused["run_id"])


def test_a_backfill_that_is_full_says_so(house: House, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    dates = {"dag_id": "old", "from_date": "2026-01-02", "to_date": "2026-01-03"}
    made = house.call("backfills.create", **dates, conf={"gate": str(gate)}, max_active_runs=1)
    number = made["backfill_id"]
    wait_for(lambda: house.call("backfills.show", backfill_id=number)["state"] == "completed", "the backfill ends")
    second, third = (f"backfill__2026-01-0{day}T00:00:00+00:00" for day in (2, 3))
    gate.unlink()
    house.call("runs.clear", dag_id="old", run_id=second)
    house.wait_for_task("old", second, "t", "running")
    house.call("runs.clear", dag_id="old", run_id=third)
    text = f"max_active_runs: 1 of 1 runs of backfill {number} are active"
    assert why(house, "old", third, "t") == ("waiting", [text])
    gate.touch()
    house.wait_for_run("old", third)


def test_slots_that_are_missing_are_all_named(house: House, tmp_path: Path) -> None:
    house.call("pools.set", name="tiny", slots=1)
    run = house.trigger("narrow", conf={"gate": str(tmp_path / "gate")})
    house.wait_for_task("narrow", run["run_id"], "holds", "running")
    house.wait_for_task("narrow", run["run_id"], "waits", "scheduled")
    assert why(house, "narrow", run["run_id"], "waits") == (
        "scheduled",
        [
            "max_active_tasks: 1 of 1 tasks of the DAG run are active",
            "pool tiny: 0 of 1 slots are in use, 2 needed",
        ],
    )
    (tmp_path / "gate").touch()
    house.call("pools.set", name="tiny", slots=2)
    house.wait_for_run("narrow", run["run_id"])


def test_what_has_ended_says_how(house: House) -> None:
    run = house.trigger("ends")
    ids: Any = ("ends", run["run_id"])
    house.wait_for_task(*ids, "again", "up_for_retry")
    house.wait_for_task(*ids, "left", "success")
    house.wait_for_task(*ids, "after", "upstream_failed")
    assert why(house, *ids, "bad") == ("failed", ["the command ended with exit code 3"])
    assert why(house, *ids, "after") == ("upstream_failed", ["upstream bad failed (trigger rule all_success)"])
    state, reasons = why(house, *ids, "right")
    assert state == "skipped"
    assert "choose" in reasons[0]
    state, reasons = why(house, *ids, "again")
    assert state == "up_for_retry"
    assert reasons[0].startswith("try 2 of 2 at 20")
    refused = house.cli("tasks", "why", *ids, "nothing")
    assert (refused.code, refused.err.count("\n")) == (2, 1)


def test_without_a_host_nothing_starts_and_that_is_said(house: House) -> None:
    house.call("dags.pause", dag_id="line")
    run = house.call("dags.trigger", dag_id="line")
    house.stop()
    out = house.cli("tasks", "why", "line", run["run_id"], "first").out
    assert out == (
        "first is waiting: no host runs: start JupyterLab or `jupyter flow scheduler`\n  and: DAG is paused\n"
    )
    house.start()
