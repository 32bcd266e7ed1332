"""A disk that fills up: the host says so, nothing new starts, running tasks go on and end, and all goes on after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of
from support.small_disk import MB, Filler, small_disk
from support.waiting import wait_for

from jupyter_flow.model.errors import DatabaseAway

DAG = """
import os, time
from jupyter_flow import DAG, PythonOperator

def work(gate):
    n = 0
    while not os.path.exists(gate):
        print("waiting", n, "." * 2000, flush=True)
        n += 1
        time.sleep(0.05)

with DAG("patient"):
    PythonOperator(task_id="work", python_callable=work, op_args=[GATE])
with DAG("quick", max_active_runs=9):
    PythonOperator(task_id="work", python_callable=print, op_args=["hello"])
"""


@pytest.fixture
def disk(house: House) -> Iterator[Filler]:
    """The house on a disk of 64 MB."""
    with small_disk(house.home, 64 * MB) as is_mounted:
        if not is_mounted:
            pytest.skip("this user may not mount a disk of its own; the same with fault points is tested below")
        house.write_dag(DAG.replace("GATE", repr(str(house.base / "gate"))))
        house.start("--unpaused")
        yield Filler(house.home)
        house.close()


def trouble_of(house: House) -> dict[str, dict[str, Any]]:
    return {item["kind"]: item for item in house.call("host.status")["trouble"]}


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_full_disk_pauses_dispatch_and_loses_nothing(house: House, disk: Filler) -> None:
    run = house.trigger("patient")
    house.wait_for_task("patient", run["run_id"], "work", "running")
    disk.fill()
    wait_for(lambda: "disk_full" in trouble_of(house), "the host says that the disk is full", 30)
    with pytest.raises(DatabaseAway, match=r"the disk of .* is full \(0 of 64 MB free\): free space; running tasks go"):
        house.call("dags.trigger", dag_id="quick")
    health = house.call("host.status")
    assert health["state"] == "degraded"
    assert health["message"].startswith(f"the disk of {house.home} is full (0 of 64 MB free): free space")
    assert house.cli("status").out.startswith(f"degraded: the disk of {house.home} is full")
    refused = house.cli("dags", "trigger", "quick")
    assert (refused.code, refused.err.count("\n")) == (3, 1), str(refused)

    (house.base / "gate").touch()  # the task ends, and its result has to wait
    spool = next(path for path in (house.home / "spool").iterdir() if (path / "spec.json").exists())
    assert not (spool / "result.json").exists()
    disk.free()
    ended = house.wait_for_run("patient", run["run_id"], 30)
    assert states_of(ended) == {"work": "success"}
    assert [task["attempt_number"] for task in ended["tasks"]] == [1]
    wait_for(lambda: house.call("host.status")["state"] == "healthy", "the host is well again", 30)
    assert states_of(house.run_dag("quick")) == {"work": "success"}
    assert lines_of(spool / "log.jsonl")[-1]["text"].startswith("success")
    assert house.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert "Traceback" not in house.output()


def test_nothing_new_starts_when_there_is_hardly_room(house: House, disk: Filler) -> None:
    house.wait_for_dag("quick")
    disk.fill(leave=5 * MB)
    low = wait_for(lambda: trouble_of(house).get("disk_low"), "the host says that the disk is almost full", 30)
    assert not low["pauses_dispatch"]
    assert "almost full (5 of 64 MB free): free space before nothing new can start" in low["message"]
    assert states_of(house.run_dag("quick")) == {"work": "success"}

    disk.fill(leave=2 * MB)
    wait_for(lambda: "disk_full" in trouble_of(house), "the host says that the disk is full", 30)
    run = house.trigger("quick")
    why = house.call("tasks.why", dag_id="quick", run_id=run["run_id"], task_id="work")
    assert "is full" in json.dumps(why)
    house.wait_for_task("quick", run["run_id"], "work", "scheduled")
    disk.free()
    assert states_of(house.wait_for_run("quick", run["run_id"], 30)) == {"work": "success"}
    assert trouble_of(house) == {}


def test_a_runner_waits_for_room(house: House) -> None:
    """Without a disk of our own: the runner is told that there is no room, four times for its log and its result."""
    house.write_dag(DAG.replace("GATE", repr(str(house.base / "gate"))))
    (house.base / "gate").touch()
    faults = "result.before_write=raise:ENOSPC@1-2;lines.before_write=raise:ENOSPC@1-2"
    house.start("--unpaused", env={"JUPYTER_FLOW_FAULTS": faults})
    run = house.run_dag("quick")
    assert states_of(run) == {"work": "success"}
    texts = [line["text"] for line in lines_of(house.home / "spool" / spool_of(house) / "log.jsonl")]
    assert texts[0] == "hello"
    assert texts[-1].startswith("success")


def test_what_cannot_begin_waits_for_room(house: House) -> None:
    """Without a disk of our own: one spool cannot be written. Nothing is begun again at once, and all ends well."""
    house.write_dag(DAG.replace("GATE", repr(str(house.base / "gate"))))
    house.start("--unpaused", "--infra-retries", "1", env={"JUPYTER_FLOW_FAULTS": "spec.before_write=raise:ENOSPC@1"})
    run = house.trigger("quick")
    full = wait_for(lambda: trouble_of(house).get("disk_full"), "the host says that the disk is full", 30)
    assert full["pauses_dispatch"]
    (task,) = house.run("quick", run["run_id"])["tasks"]
    assert (task["state"], task["attempt_number"]) == ("scheduled", 1)
    (ended,) = house.wait_for_run("quick", run["run_id"], 30)["tasks"]
    assert (ended["state"], ended["attempt_number"]) == ("success", 2)
    assert trouble_of(house) == {}


def test_a_host_that_cannot_write_tries_again(house: House) -> None:
    """Without a disk of our own: commits of the host fail for want of room."""
    house.write_dag(DAG.replace("GATE", repr(str(house.base / "gate"))))
    hits = house.base / "hits"
    house.start("--unpaused", env={"JUPYTER_FLOW_FAULTS": f"count={hits};heartbeat.before_commit=raise:ENOSPC@2-5"})
    full = wait_for(lambda: trouble_of(house).get("database_full"), "the host says that it cannot write", 30)
    assert full["message"].startswith(f"the disk of {house.home} is full (")
    wait_for(lambda: trouble_of(house) == {}, "the host is well again", 30)
    assert states_of(house.run_dag("quick")) == {"work": "success"}
    assert "Traceback" not in house.output()


def spool_of(house: House) -> str:
    (row,) = house.rows("SELECT id FROM attempt")
    return str(row["id"])
