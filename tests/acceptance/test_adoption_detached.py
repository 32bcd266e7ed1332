"""Tasks that run on without a host: said, ended, adopted, and judged when what they left cannot be used."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from support import journal
from support.census import attempt_processes, wait_until_gone
from support.houses import House, states_of, task_of
from support.waiting import wait_for

GATED = """
from jupyter_flow import DAG, BashOperator

with DAG("gated") as dag:
    BashOperator(task_id="t", bash_command="echo started; while [ ! -e {gate} ]; do sleep 0.1; done", **{options})
"""


def running(house: House, **options: Any) -> tuple[dict[str, str], str, int]:
    """Start the task ``t`` of ``gated``; return its ids, attempt id and runner's pid."""
    house.write_dag(GATED.format(gate=house.base / "gate", options=options), "gated.py")
    house.start("--kill-grace", "1")
    run = house.trigger("gated")
    house.wait_for_task("gated", run["run_id"], "t", "running")
    ids = {"dag_id": "gated", "run_id": run["run_id"], "task_id": "t"}
    log = wait_for(lambda: house.call("tasks.log", **ids)["lines"], "it has started")
    assert log
    (row,) = house.rows("select id, pid from attempt")
    return ids, row["id"], row["pid"]


def change(house: House, sql: str, *values: Any) -> None:
    """Change a row behind the house's back (no host runs)."""
    with closing(sqlite3.connect(house.home / "flow.db")) as database, database:
        database.execute(sql, values)


def test_what_runs_without_a_host_is_listed_and_ended(house: House) -> None:
    journal.write_tasks(house)
    house.write_dag("from jupyter_flow import DAG, EmptyOperator\nwith DAG('other'):\n    EmptyOperator(task_id='t')\n")
    house.start("--kill-grace", "1")
    run = house.trigger("journal", conf={"run_name": "a"})
    house.wait_for_dag("other")
    wait_for(lambda: len(journal.entries(house, "a")) == 3, "all three run", 90)
    assert house.cli_json("status")["detached"] == []
    house.kill()
    change(house, "update dag set is_paused = 0")

    found = house.cli("status", "--json")
    assert found.code == 3
    tasks = found.json["detached"]
    assert {task["task_id"] for task in tasks} == {"python", "bash", "notebook"}
    assert found.json["running"] == 3
    known = {row["task_id"]: row["pid"] for row in house.rows(
        "select t.task_id, a.pid from attempt a join task_instance t on t.attempt_id = a.id")}  # fmt: skip
    assert {task["task_id"]: task["pid"] for task in tasks} == known
    text = house.cli("status").out
    assert "3 tasks run on without a host" in text
    assert f"journal/{run['run_id']}/bash  pid {known['bash']}, since" in text
    assert "`jupyter flow stop --tasks` ends them" in text
    refused = house.cli("stop")
    assert (refused.code, "3 tasks run on without a host" in refused.err) == (3, True)

    begun = time.monotonic()
    done = house.cli("stop", "--tasks")
    assert (done.code, done.out.strip()) == (0, "3 tasks that ran without a host were cancelled"), str(done)
    assert time.monotonic() - begun < 60
    states = {row["task_id"]: row["state"] for row in house.rows("select task_id, state from task_instance")}
    assert states == dict.fromkeys(("python", "bash", "notebook"), "cancelled")
    assert [row["state"] for row in house.rows("select state from dag_run")] == ["cancelled"]
    for row in house.rows("select id from attempt"):
        assert wait_until_gone(f"JUPYTER_FLOW_ATTEMPT={row['id']}", timeout=30) == []
    after = house.cli("status", "--json").json
    assert (after["state"], after["detached"]) == ("stopped", [])
    assert house.cli("stop", "--tasks").code == 3


def test_without_a_database_nothing_is_detached(house: House) -> None:
    found = house.cli("status", "--json")
    assert (found.code, found.json["detached"]) == (3, [])


def test_a_timeout_counts_from_the_start_whoever_the_host_is(house: House) -> None:
    ids, attempt_id, runner = running(house, execution_timeout=6.0)
    begun = time.monotonic()
    os.kill(runner, signal.SIGSTOP)  # it will not see its own alarm
    house.kill()
    wait_for(lambda: time.monotonic() - begun > 6, "the timeout is over, without a host", 30)
    house.start("--kill-grace", "0.3")
    again = datetime.now(UTC)
    run = house.wait_for_run("gated", ids["run_id"], 60)
    assert str(task_of(run, "t")["reason"]["text"]) == "timeout: not finished after 6 s"
    task = house.call("tasks.show", **ids)
    assert task["duration"] >= 6
    # its processes are killed at once (after two graces and the margin of its runner), not after another timeout
    assert (datetime.fromisoformat(task["end_date"]) - again).total_seconds() < 9
    assert "killed by the house (SIGKILL)" in house.call("tasks.log", **ids)["lines"][-2]["text"]
    assert wait_until_gone(f"JUPYTER_FLOW_ATTEMPT={attempt_id}", timeout=30) == []


def test_a_reused_pid_is_neither_adopted_nor_signalled(house: House) -> None:
    ids, _, runner = running(house)
    house.kill()
    os.kill(runner, signal.SIGKILL)
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        change(house, "update attempt set pid = ?, start_ticks = start_ticks + 100000", stranger.pid)
        assert house.cli("status", "--json").json["detached"] == []
        house.start("--kill-grace", "1")
        wait_for(lambda: house.call("tasks.show", **ids)["attempt_number"] == 2, "it is attempted again", 60)
        house.call("runs.cancel", dag_id="gated", run_id=ids["run_id"])
        house.wait_for_run("gated", ids["run_id"])
        outcomes = [item["outcome"] for item in house.call("tasks.show", **ids)["attempts"]]
        assert outcomes == ["lost", "cancelled"]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def torn(house: House, attempt_id: str) -> None:
    (house.home / "spool" / attempt_id / "result.json").write_text('{"attempt_id": "')


def huge(house: House, attempt_id: str) -> None:
    (house.home / "spool" / attempt_id / "result.json").write_text(" " * 1_100_000)


def link(house: House, attempt_id: str) -> None:
    (house.home / "spool" / attempt_id / "result.json").symlink_to("/etc/passwd")


def removed(house: House, attempt_id: str) -> None:
    shutil.rmtree(house.home / "spool" / attempt_id)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (torn, "the result of the attempt is unusable: result.json is not JSON"),
        (huge, "the result of the attempt is unusable: result.json has more than 1048576 bytes"),
        (link, "the result of the attempt is unusable: result.json cannot be opened"),
        (removed, "the result of the attempt is unusable: its spool folder"),
    ],
)
def test_what_cannot_be_used_is_one_clear_reason(
    house: House, spoil: Callable[[House, str], None], reason: str
) -> None:
    ids, attempt_id, _ = running(house)
    house.kill()
    spoil(house, attempt_id)
    assert attempt_processes(attempt_id)
    if spoil is removed:  # else whatever pretends to be its result ends it
        (house.base / "gate").touch()
    house.start("--kill-grace", "1")
    run = house.wait_for_run("gated", ids["run_id"], 60)
    task = task_of(run, "t")
    assert (task["state"], task["attempt_number"]) == ("failed", 1)
    assert task["reason"]["text"].startswith(reason)
    assert "\n" not in task["reason"]["text"]
    assert wait_until_gone(f"JUPYTER_FLOW_ATTEMPT={attempt_id}", timeout=30) == []
    assert states_of(run) == {"t": "failed"}
