"""What holds tasks and runs up, and what ends them early, in a running house."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.houses import House, states_of, task_of
from support.waiting import wait_for

DAGS = """
from datetime import datetime, timedelta
from jupyter_flow import DAG, BashOperator, task
from jupyter_flow.authoring.trigger_rule import TriggerRule

gate = "until test -e {{ params.gate }}; do sleep 0.05; done"

def shell(name, command="true", **more):
    return BashOperator(task_id=name, bash_command=command, **more)

with DAG("rules"):
    good, bad, none = shell("good"), shell("bad", "exit 1"), shell("none", "exit 99")
    for rule in TriggerRule:
        [good, bad, none] >> shell(f"mixed_{rule}", trigger_rule=rule)
        good >> shell(f"good_{rule}", trigger_rule=rule)
        none >> shell(f"none_{rule}", trigger_rule=rule)

with DAG("past", schedule="@daily", start_date=datetime(2026, 1, 1), end_date=datetime(2026, 1, 2), catchup=True):
    first = "test {{ ds }} != 2026-01-01 || test -e {{ params.gate }}"
    shell("load", first, depends_on_past=True, params={"gate": "GATE"})
    shell("free")

with DAG("fast", fail_fast=True, params={"gate": "x"}):
    shell("slow", "sleep 60")
    shell("bad", gate + "; exit 1") >> shell("after")

with DAG("again", dag_retries=1):
    shell("ok") >> shell("flaky", "test -e flaky || { touch flaky; exit 1; }", cwd="DAGS")

with DAG("failing", max_consecutive_failed_dag_runs=2):
    shell("bad", "exit 1")

with DAG("queued"):
    shell("here", queue="near")
    shell("elsewhere", queue="gpu")

with DAG("scheduled_only", allowed_run_types=["scheduled"]):
    shell("a")

with DAG("torn", params={"gate": "x"}):
    up, work, down = shell("up").as_setup(), shell("work", gate), shell("down").as_teardown()
    up >> work >> down
    up >> down
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house")).start("--queue", "near=1")
    try:
        made.write_dag(DAGS.replace("GATE", str(made.base / "past")).replace("DAGS", str(made.base)))
        made.wait_for_dag("torn")
        yield made
    finally:
        made.close()


def test_every_trigger_rule(house: House) -> None:
    states = states_of(house.run_dag("rules"))
    found = {
        first: {name.partition("_")[2]: state for name, state in states.items() if name.startswith(f"{first}_")}
        for first in ("mixed", "good", "none")
    }
    runs = {first: sorted(rule for rule, state in of.items() if state == "success") for first, of in found.items()}
    assert runs == {
        "mixed": ["all_done", "all_done_setup_success", "always", "one_done", "one_failed", "one_success"],
        "good": [
            *("all_done", "all_done_min_one_success", "all_done_setup_success", "all_success", "always"),
            *("none_failed", "none_failed_min_one_success", "none_skipped", "one_done", "one_success"),
        ],
        "none": ["all_done", "all_done_setup_success", "all_skipped", "always", "none_failed"],
    }
    failed = sorted(rule for rule, state in found["mixed"].items() if state == "upstream_failed")
    assert set(failed) >= {"none_failed", "none_failed_min_one_success"}


def test_a_task_waits_for_itself_in_the_run_before(house: House) -> None:
    house.wait_for_dag("past")
    house.call("dags.unpause", dag_id="past")
    wait_for(lambda: len(house.call("runs.list", dag_id="past")["runs"]) == 2, "both runs exist")
    second, first = (run["run_id"] for run in house.call("runs.list", dag_id="past")["runs"])
    assert house.wait_for_run("past", first)["state"] == "failed"
    waits = house.wait_for_task("past", second, "free", "success") and task_of(house.run("past", second), "load")
    assert waits["state"] == "waiting"
    assert waits["reason"]["text"] == f"depends_on_past: load is failed in the run before, {first}"
    (house.base / "past").touch()
    house.call("tasks.clear", dag_id="past", run_id=first, task_id="load")
    assert house.wait_for_run("past", first)["state"] == "success"
    assert house.wait_for_run("past", second)["state"] == "success"


def test_the_first_failure_ends_the_others(house: House) -> None:
    gate = house.base / "fast"
    run = house.trigger("fast", conf={"gate": str(gate)})
    house.wait_for_task("fast", run["run_id"], "slow", "running")
    gate.touch()
    ended = house.wait_for_run("fast", run["run_id"])
    assert (ended["state"], states_of(ended)) == ("failed", {"slow": "failed", "bad": "failed", "after": "skipped"})
    assert task_of(ended, "slow")["reason"]["text"] == "fail_fast: bad failed"


def test_a_failed_run_has_its_failed_tasks_run_again(house: House) -> None:
    ended = house.run_dag("again")
    assert (ended["state"], states_of(ended)) == ("success", {"ok": "success", "flaky": "success"})
    assert (task_of(ended, "ok")["attempt_number"], task_of(ended, "flaky")["attempt_number"]) == (1, 2)
    told = house.rows("SELECT reason FROM event WHERE dag_id = 'again' AND kind = 'run_state' AND state_to = 'queued'")
    assert "dag_retry" in told[0]["reason"]


def test_a_dag_that_keeps_failing_is_paused(house: House) -> None:
    assert house.run_dag("failing")["state"] == "failed"
    assert house.call("dags.show", dag_id="failing")["is_paused"] is False
    assert house.run_dag("failing")["state"] == "failed"
    assert house.call("dags.show", dag_id="failing")["is_paused"] is True
    [told] = house.rows("SELECT reason FROM event WHERE dag_id = 'failing' AND kind = 'dag_changed' AND reason <> ''")
    assert "max_consecutive_failed_dag_runs" in told["reason"]


def test_a_queue_that_nobody_serves_says_what_to_set(house: House) -> None:
    run = house.trigger("queued")
    house.wait_for_task("queued", run["run_id"], "here", "success")
    waits = house.call("tasks.why", dag_id="queued", run_id=run["run_id"], task_id="elsewhere")
    assert waits["reason"]["text"] == (
        "queue gpu is not served by this host: add it to queues, e.g. queues = {'gpu': 2}"
    )
    house.call("runs.cancel", dag_id="queued", run_id=run["run_id"])
    house.wait_for_run("queued", run["run_id"])


def test_runs_of_other_types_are_refused(house: House) -> None:
    house.wait_for_dag("scheduled_only")
    refused = house.cli("dags", "trigger", "scheduled_only")
    assert refused.code != 0
    assert "does not allow manual runs: its allowed_run_types are scheduled" in refused.err


def test_a_cancelled_run_tears_down_what_was_set_up(house: House) -> None:
    run = house.trigger("torn", conf={"gate": str(house.base / "never")})
    house.wait_for_task("torn", run["run_id"], "work", "running")
    house.call("runs.cancel", dag_id="torn", run_id=run["run_id"])
    ended = house.wait_for_run("torn", run["run_id"])
    assert (ended["state"], states_of(ended)) == (
        "cancelled", {"up": "success", "work": "cancelled", "down": "success"}
    )  # fmt: skip
    again = house.call("tasks.clear", dag_id="torn", run_id=run["run_id"], task_id="work", downstream=False)
    assert again["task_id"] == "work"
    wait_for(lambda: states_of(house.run("torn", run["run_id"]))["up"] == "success", "the setup ran again")
    assert task_of(house.run("torn", run["run_id"]), "up")["attempt_number"] == 2
    house.call("runs.cancel", dag_id="torn", run_id=run["run_id"])
    house.wait_for_run("torn", run["run_id"])
