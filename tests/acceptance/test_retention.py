"""Retention on a living house: old runs and their files really go, and what still runs stays."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from support.houses import House
from support.waiting import wait_for

DAGS = """
import os, time
from jupyter_flow import DAG, PythonOperator

def work(fail):
    print("x" * 20_000)
    if fail:
        raise ValueError("no")

def wait(gate):
    while not os.path.exists(gate):
        time.sleep(0.02)

with DAG("quick"):
    PythonOperator(task_id="t", python_callable=work, op_args=[False])
with DAG("broken"):
    PythonOperator(task_id="t", python_callable=work, op_args=[True])
with DAG("long"):
    PythonOperator(task_id="t", python_callable=wait, op_args=[GATE])
"""


def spools(house: House) -> set[str]:
    return {path.name for path in (house.home / "spool").iterdir() if len(path.name) == 32}


def bundles(house: House) -> set[str]:
    return {path.name for path in (house.home / "bundles").iterdir()}


def attempt_of(house: House, dag_id: str, run_id: str) -> Path:
    task = house.call("tasks.show", dag_id=dag_id, run_id=run_id, task_id="t")
    return Path(task["attempts"][0]["log_path"]).parent


def test_old_runs_go_with_their_files_while_the_host_works(house: House) -> None:
    gate = house.base / "gate"
    house.write_dag(DAGS.replace("GATE", repr(str(gate))), "all.py")
    house.start()
    for number in range(3):
        house.run_dag("quick", run_id=f"q{number}")
    house.trigger("long", run_id="open")
    wait_for(lambda: house.run("long", "open")["tasks"][0]["state"] == "running", "the long task runs")
    last = attempt_of(house, "quick", "q2")

    plan = house.cli_json("db", "prune", "--dry-run", "--days", "0", "--runs", "1")
    assert (plan["runs"], [run["run_id"] for run in plan["names"]]) == (2, ["q0", "q1"])
    assert len(house.call("runs.list", dag_id="quick")["runs"]) == 3

    said = house.cli("db", "prune", "--days", "0", "--runs", "1")
    assert said.out.startswith("2 runs, files of 2 attempts, "), str(said)
    assert [run["run_id"] for run in house.call("runs.list", dag_id="quick")["runs"]] == ["q2"]
    assert last.name in spools(house)
    assert len(spools(house)) == 2  # and that of the task that runs
    gate.touch()
    assert house.wait_for_run("long", "open")["state"] == "success"


def test_too_many_bytes_let_the_oldest_files_go_and_failed_ones_last(house: House) -> None:
    house.write_dag(DAGS.replace("GATE", "''"), "all.py")
    house.start()
    house.run_dag("broken", run_id="b0")
    for number in range(2):
        house.run_dag("quick", run_id=f"q{number}")
    failed, first, second = (attempt_of(house, *run) for run in (("broken", "b0"), ("quick", "q0"), ("quick", "q1")))
    house.stop()
    with closing(sqlite3.connect(house.home / "flow.db")) as database:
        for folder, days in ((failed, 15), (first, 10), (second, 5)):  # those 15 days count as seven and a half
            ended = f"datetime(finished_at, '-{days} days') || '.000000'"
            database.execute(f"UPDATE attempt SET finished_at = {ended} WHERE id = ?", (folder.name,))
        database.commit()
    found = house.cli_json("db", "prune", "--bytes", "60000")
    assert (found["runs"], found["attempts"]) == (0, 1)
    assert found["bytes"] > 20_000
    assert [folder.is_dir() for folder in (failed, first, second)] == [True, False, True]
    house.start()
    gone = house.call("tasks.show", dag_id="quick", run_id="q0", task_id="t")["attempts"][0]
    assert (gone["log_path"], gone["outcome"]) == (None, "success")
    assert house.cli_json("tasks", "log", "quick", "q0", "t")["lines"] == []
    assert house.run("quick", "q0")["state"] == "success"


def test_a_finished_run_is_deleted_by_hand(house: House) -> None:
    house.write_dag(DAGS.replace("GATE", repr(str(house.base / "gate"))), "all.py")
    house.start()
    house.run_dag("quick", run_id="q0")
    house.trigger("long", run_id="open")
    refused = house.cli("runs", "delete", "long", "open")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "cancel it first" in refused.err
    folder = attempt_of(house, "quick", "q0")
    assert house.cli("runs", "delete", "quick", "q0", "--yes").out == "quick/q0 is deleted\n"
    assert not folder.exists()
    assert house.cli("runs", "show", "quick", "q0").code == 2
    (house.base / "gate").touch()


def test_without_a_host_it_works_under_the_lease(house: House) -> None:
    house.write_dag(DAGS.replace("GATE", "''"), "all.py")
    house.start()
    for number in range(2):
        house.run_dag("quick", run_id=f"q{number}")
    house.stop()
    (used,) = bundles(house)
    for name, age in (("a" * 64, 2), ("b" * 64, 0.5), (used, 2)):
        folder = house.home / "bundles" / name
        folder.mkdir(exist_ok=True)
        os.utime(folder, (time.time() - age * 86_400,) * 2)
    found = house.cli_json("db", "prune", "--days", "0", "--runs", "1")
    assert (found["runs"], found["bundles"]) == (1, 1)
    assert len(spools(house)) == 1
    assert bundles(house) == {used, "b" * 64}  # what no record names goes when it is a day old


def test_numbers_that_mean_nothing_are_refused_in_one_line(house: House) -> None:
    house.start()
    refused = house.cli("db", "prune", "--days", "-1")
    assert refused.code == 2
    assert "-1" in refused.err


def test_a_host_prunes_by_itself(house: House) -> None:
    house.write_dag(DAGS.replace("GATE", "''"), "all.py")
    house.start("--set", "keep_runs=1", "--set", "prune_interval=0.5")
    for number in range(3):
        house.run_dag("quick", run_id=f"q{number}")
    wait_for(lambda: len(house.call("runs.list", dag_id="quick")["runs"]) == 1, "only the last run is left", 30)
    wait_for(lambda: len(spools(house)) == 1, "only its files are left", 30)
