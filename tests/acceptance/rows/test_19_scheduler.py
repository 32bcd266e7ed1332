"""Row 19: the scheduler is always on: the command alone, one leader, heartbeat and health, a new one after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError, NoHost

DAG_FILE = """
from jupyter_flow import DAG, BashOperator

with DAG("ticking", schedule="* * * * * */2", max_active_runs=2):
    BashOperator(task_id="one", bash_command="true") >> BashOperator(task_id="two", bash_command="true")
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose host is the command ``jupyter flow scheduler``."""
    made = House(tmp_path_factory.mktemp("house"))
    begin(made)
    try:
        yield made
    finally:
        made.close()


def begin(house: House) -> None:
    command = [sys.executable, "-m", "jupyter_flow", "scheduler", "--home", str(house.home), "--dags", str(house.dags)]
    with open(house.base / "scheduler.out", "ab") as output:
        house.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=house.env,
            cwd=house.base,
            start_new_session=True,
        )
    wait_for(lambda: state(house) == "healthy", "the scheduler answers", 60)


def state(house: House) -> str:
    try:
        return str(house.call("host.status", timeout=5)["state"])
    except (NoHost, FlowError, OSError):
        return "stopped"


def ended(house: House, since: datetime, count: int) -> Callable[[], Any]:
    def runs() -> Any:
        found = house.call("runs.list", dag_id="ticking")["runs"]
        late = [run for run in found if run["end_date"] and datetime.fromisoformat(run["run_after"]) > since]
        return late if len(late) >= count else None

    return runs


def test_it_finds_dag_files_creates_runs_and_runs_their_tasks_by_itself(house: House) -> None:
    house.write_dag(DAG_FILE, "ticking.py")
    house.wait_for_dag("ticking")
    began = datetime.now(UTC)
    house.call("dags.unpause", dag_id="ticking")
    runs = wait_for(ended(house, began, 2), "two runs end by themselves", 30)
    assert all(run["state"] == "success" and run["triggered_by"] == "schedule" for run in runs)
    assert states_of(house.run("ticking", runs[0]["run_id"])) == {"one": "success", "two": "success"}


def test_there_is_one_leader_however_many_are_started(house: House) -> None:
    second = house.cli("scheduler", timeout=60)
    assert second.code == 2
    assert f"pid {house.pid}" in second.err
    assert second.err.strip().count("\n") == 0
    assert state(house) == "healthy"
    (row,) = house.rows("SELECT pid FROM host WHERE ended_at IS NULL")
    assert row["pid"] == house.pid


def test_health_and_heartbeat_tell_that_it_lives(house: House) -> None:
    def beaten() -> Any:
        health = house.call("host.status")
        return health if health["host"]["heartbeat_at"] > health["host"]["started_at"] else None

    health = wait_for(beaten, "the heartbeat goes on", 30, 0.2)
    assert health["host"]["pid"] == house.pid
    assert datetime.now(UTC) - datetime.fromisoformat(health["host"]["heartbeat_at"]) < timedelta(seconds=15)
    assert house.cli_json("status")["state"] == "healthy"


def test_after_a_kill_the_next_one_goes_on_where_it_was_without_a_date_twice(house: House) -> None:
    house.kill(signal.SIGKILL)
    told = house.cli("status")
    assert told.code == 3
    assert "stopped" in told.out
    began = datetime.now(UTC)
    begin(house)
    wait_for(ended(house, began, 2), "runs go on", 30)
    dates = [row["logical_date"] for row in house.rows("SELECT logical_date FROM dag_run WHERE dag_id = 'ticking'")]
    assert len(dates) == len(set(dates))
    left = house.rows("SELECT run_id FROM dag_run WHERE dag_id = 'ticking' AND state = 'failed'")
    assert left == []


def test_it_ends_when_it_is_asked_to_and_leaves_its_socket_to_nobody(house: House) -> None:
    done = house.cli("stop", "--tasks")
    assert done.code == 0, str(done)
    assert house.process is not None
    assert house.process.wait(30) == 0
    assert not Path(house.socket).exists()
    assert house.cli("status").code == 3
