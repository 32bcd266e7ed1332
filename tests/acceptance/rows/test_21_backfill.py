"""Row 21, backfill: past dates run by the scheduler, each once, within a limit of their own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.houses import House
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError

DAGS = """
from datetime import datetime
from jupyter_flow import DAG, BashOperator, EmptyOperator

day = "{{ ds }} {{ params.word }}"
with DAG("daily", schedule="@daily", start_date=datetime(2026, 1, 1), params={"word": "plain"}, max_active_runs=1):
    BashOperator(task_id="say", bash_command=f"echo {day}")

with DAG("held", schedule="@daily", start_date=datetime(2026, 1, 1)):
    wait = "until test -e {{ params.gate }}; do sleep 0.05; done"
    BashOperator(task_id="wait", bash_command=wait, params={"gate": "x"})

with DAG("fails", schedule="@daily", start_date=datetime(2026, 1, 1)):
    BashOperator(task_id="t", bash_command="test '{{ ds }}' != 2026-01-02 || test '{{ params.mend }}' = yes",
                 params={"mend": "no"})

with DAG("quick", schedule="@hourly", start_date=datetime(2026, 1, 1)):
    EmptyOperator(task_id="t")

with DAG("manual"):
    EmptyOperator(task_id="t")
"""


@pytest.fixture(scope="module", autouse=True)
def files(house: House) -> None:
    house.write_dag(DAGS)
    house.wait_for_dag("manual")


def create(house: House, dag_id: str, *options: str, first: str = "2026-01-01", last: str = "2026-01-03") -> Any:
    return house.cli_json("backfill", "create", dag_id, "--from", first, "--to", last, *options)


def ended(house: House, backfill: Any) -> dict[str, Any]:
    def over() -> Any:
        found = house.call("backfills.show", backfill_id=backfill["backfill_id"])
        return found if found["state"] != "running" else None

    return wait_for(over, f"backfill {backfill['backfill_id']} ends", 60)


def states(backfill: Any) -> dict[str, str]:
    return {item["logical_date"][:10]: item["skipped"] or item["state"] for item in backfill["dates"]}


def test_each_date_runs_once_with_its_conf_though_the_dag_is_paused(house: House) -> None:
    dry = create(house, "daily", "--dry-run")
    assert [item["logical_date"] for item in dry["dates"]] == [f"2026-01-0{day}T00:00:00+00:00" for day in (1, 2, 3)]
    assert house.call("runs.list", dag_id="daily")["runs"] == [], "a dry run writes nothing"

    made = create(house, "daily", "--conf", '{"word": "special"}')
    done = ended(house, made)
    assert done["state"] == "completed"
    assert done["progress"] == {"total": 3, "skipped": 0, "pending": 0, "active": 0, "finished": 3}
    runs = house.call("runs.list", dag_id="daily")["runs"]
    assert [run["run_id"] for run in runs] == [f"backfill__2026-01-0{day}T00:00:00+00:00" for day in (3, 2, 1)]
    assert {(run["run_type"], run["state"], run["triggered_by"]) for run in runs} == {
        ("backfill", "success", "backfill")
    }
    assert house.call("dags.show", dag_id="daily")["is_paused"], "a backfill leaves the DAG paused"
    log = house.cli("tasks", "log", "daily", runs[0]["run_id"], "say")
    assert "2026-01-03 special" in log.out, "a run of a backfill has its date and conf"

    again = ended(house, create(house, "daily", last="2026-01-04"))
    assert states(again) == {
        "2026-01-01": "already exists",
        "2026-01-02": "already exists",
        "2026-01-03": "already exists",
        "2026-01-04": "success",
    }
    assert len(house.call("runs.list", dag_id="daily")["runs"]) == 4
    listed = house.cli("backfill", "list", "--dag", "daily")
    assert "3 left out" in listed.out
    assert "already exists" in house.cli("backfill", "show", str(again["backfill_id"])).out


def test_failed_or_completed_dates_are_reprocessed_in_place(house: House) -> None:
    first = ended(house, create(house, "fails"))
    assert states(first) == {"2026-01-01": "success", "2026-01-02": "failed", "2026-01-03": "success"}
    second = ended(house, create(house, "fails", "--reprocess", "failed", "--conf", '{"mend": "yes"}'))
    assert states(second) == {"2026-01-01": "already exists", "2026-01-02": "success", "2026-01-03": "already exists"}
    assert second["dates"][1]["run_id"] == first["dates"][1]["run_id"], "the run of the date is cleared"
    third = ended(house, create(house, "fails", "--reprocess", "completed"))
    assert states(third) == {"2026-01-01": "success", "2026-01-02": "success", "2026-01-03": "success"}
    attempts = house.rows(
        "select t.run_id, t.attempt_count n from task_instance t where t.dag_id = 'fails' order by t.run_id"
    )
    assert [row["n"] for row in attempts] == [2, 3, 2], "each reprocessed date ran again once"


def test_at_most_max_active_runs_run_and_backwards_begins_with_the_latest(house: House, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    options = ("--max-active-runs", "2", "--run-backwards", "--conf", f'{{"gate": "{gate}"}}')
    made = create(house, "held", *options, last="2026-01-05")
    number = made["backfill_id"]

    def two_running() -> Any:
        found = house.call("backfills.show", backfill_id=number)
        return found if [item["state"] for item in found["dates"]].count("running") == 2 else None

    found = wait_for(two_running, "two runs of the backfill run")
    assert [item["logical_date"][:10] for item in found["dates"]] == [f"2026-01-0{day}" for day in (5, 4, 3, 2, 1)]
    assert [item["state"] for item in found["dates"]] == ["running", "running", None, None, None]
    refused = house.cli("backfill", "create", "held", "--from", "2026-01-01", "--to", "2026-01-02")
    assert refused.code == 2
    assert refused.err == (
        f"error: backfill {number} of DAG 'held' is active: "
        f"wait for its end, or `jupyter flow backfill cancel {number}`\n"
    )

    house.call("backfills.pause", backfill_id=number)
    gate.touch()
    wait_for(
        lambda: house.call("backfills.show", backfill_id=number)["progress"]["finished"] == 2, "the running ones end"
    )
    paused = house.call("backfills.show", backfill_id=number)
    assert (paused["state"], paused["progress"]["pending"]) == ("paused", 3), "a paused backfill makes no run"

    gate.unlink()
    house.call("backfills.unpause", backfill_id=number)
    wait_for(two_running, "it goes on")
    cancelled = house.cli_json("backfill", "cancel", str(number))
    assert cancelled["state"] == "cancelled"
    gate.touch()
    wait_for(lambda: house.call("backfills.show", backfill_id=number)["progress"]["active"] == 0, "what ran goes on")
    left = house.call("backfills.show", backfill_id=number)
    assert [item["state"] for item in left["dates"]] == ["success"] * 4 + [None], "a cancelled one starts nothing more"


def test_a_date_that_is_in_flight_is_left_out(house: House, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    run = house.trigger("held", logical_date="2026-02-01T00:00:00Z", conf={"gate": str(gate)}, unpause=False)
    made = create(house, "held", "--reprocess", "completed", "--conf", f'{{"gate": "{gate}"}}',
                  first="2026-02-01", last="2026-02-02")  # fmt: skip
    assert made["dates"][0]["skipped"] == "in flight"
    gate.touch()
    assert states(ended(house, made)) == {"2026-02-01": "in flight", "2026-02-02": "success"}
    assert house.run("held", run["run_id"])["state"] == "queued", "the manual run still waits for its paused DAG"


def test_many_short_dates_survive_the_death_of_the_host(house: House) -> None:
    made = create(house, "quick", "--max-active-runs", "3", last="2026-01-06")
    house.kill()
    house.start()
    done = ended(house, made)
    assert done["progress"]["finished"] == 5 * 24 + 1
    dates = house.rows("select logical_date, count(*) n from dag_run where dag_id = 'quick' group by 1")
    assert len(dates) == 5 * 24 + 1
    assert {row["n"] for row in dates} == {1}


@pytest.mark.parametrize(
    ("dag_id", "first", "last", "more", "says"),
    [
        ("manual", "2026-01-01", "2026-01-02", {}, "has the schedule 'none'"),
        ("daily", "2026-01-03", "2026-01-02", {}, "is after to_date"),
        ("daily", "2999-01-01", "2999-01-02", {}, "is in the future"),
        ("daily", "2026-01-01T01:00", "2026-01-01T02:00", {}, "has no past date from"),
        ("daily", "yesterday", "2026-01-02", {}, "'yesterday' is not an ISO 8601 date"),
        ("nobody", "2026-01-01", "2026-01-02", {}, "DAG 'nobody' does not exist"),
        ("daily", "2026-01-01", "2026-01-02", {"max_active_runs": 0}, "from 1 to 1000"),
        ("daily", "2026-01-01", "2026-01-02", {"reprocess_behavior": "all"}, "one of none, failed, completed"),
        ("daily", "2026-01-01", "2026-01-02", {"conf": [1]}, "conf must be a JSON object"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    house: House, dag_id: str, first: str, last: str, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(FlowError, match=re.escape(says)) as refused:
        house.call("backfills.create", dag_id=dag_id, from_date=first, to_date=last, **more)
    assert "\n" not in str(refused.value)
