"""What dies beside a running attempt on Dask, and what becomes of the attempt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.census import attempt_processes, census, wait_until_gone
from support.houses import House
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)

DAG = """
from jupyter_flow import DAG, BashOperator

with DAG("wait", default_args={{"retries": 0}}):
    wait = "echo $JUPYTER_FLOW_ATTEMPT >>{journal}; while [ ! -e {go} ]; do sleep 0.1; done"
    BashOperator(task_id="t", bash_command=wait)
"""


class Case:
    """A house on a cluster of its own in which one attempt runs that waits for the file ``go``."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.go, self.journal = house.base / "go", house.base / "journal"
        house.write_dag(DAG.format(go=self.go, journal=self.journal))
        house.start(*self.options)
        self.run_id = house.trigger("wait")["run_id"]
        self.attempt = self.begun(1)

    options = ("--set", "executor=dask", "--set", "worker_num_max=1", "--set", "polling_interval=0.5")

    def begun(self, count: int) -> str:
        """Wait until ``count`` attempts have begun and return the last."""
        lines = lambda: self.journal.read_text().split() if self.journal.exists() else []  # noqa: E731
        wait_for(lambda: len(lines()) >= count, lambda: f"{count} attempts begin; {self.said()}", 100)
        return str(lines()[count - 1])

    def said(self) -> str:
        log = self.house.home / "bridge.log"
        return self.house.output()[-2000:] + (log.read_text()[-2000:] if log.exists() else "")

    def pids(self, what: str) -> list[int]:
        return [found.pid for found in census(self.house.tag) if what in found.command]

    def kill(self, what: str) -> None:
        found = self.pids(what)
        assert found, what
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not set(found) & set(self.pids(what)), f"{what} ends")

    def finish(self) -> dict[str, Any]:
        self.go.touch()
        run = self.house.wait_for_run("wait", self.run_id, 100)
        assert run["state"] == "success", self.house.story("wait", self.run_id)
        return run

    def attempts(self) -> list[dict[str, Any]]:
        return self.house.rows("SELECT * FROM attempt ORDER BY attempt_number")


@pytest.fixture
def case(houses: Callable[[], House]) -> Iterator[Case]:
    case = Case(houses())
    yield case
    case.go.touch()


def test_a_killed_bridge_loses_nothing(case: Case) -> None:
    case.kill("-m jupyter_flow.bridge")
    case.finish()
    assert [row["outcome"] for row in case.attempts()] == ["success"]
    assert case.journal.read_text().split() == [case.attempt]


def test_a_killed_host_and_bridge_lose_nothing(case: Case) -> None:
    case.house.kill()
    case.kill("-m jupyter_flow.bridge")
    case.house.start(*case.options)
    case.finish()
    assert [row["outcome"] for row in case.attempts()] == ["success"]
    assert case.journal.read_text().split() == [case.attempt]


def test_a_killed_outpost_takes_its_attempt_along_and_it_is_begun_again(case: Case) -> None:
    case.kill("-m jupyter_flow.execution.outpost")
    killed_at = time.monotonic()
    assert case.begun(2) != case.attempt
    noticed = time.monotonic() - killed_at
    assert not attempt_processes(case.attempt)
    case.finish()
    rows = case.attempts()
    assert [row["outcome"] for row in rows][1:] == ["success"]
    assert noticed < 60


def test_a_killed_worker_leaves_its_attempt_running(case: Case) -> None:
    case.kill("multiprocessing.spawn import spawn_main")
    assert attempt_processes(case.attempt)
    case.finish()
    assert [row["outcome"] for row in case.attempts()] == ["success"]
    assert case.journal.read_text().split() == [case.attempt]


def test_a_guard_ends_attempts_whose_lease_is_over(tmp_path: Path) -> None:
    attempt = "ab" * 16
    env = {**os.environ, "JUPYTER_FLOW_ATTEMPT": attempt}
    sleeper = subprocess.Popen(["setsid", "sleep", "600"], env=env)
    guard = subprocess.Popen([sys.executable, "-m", "jupyter_flow.execution.guard"], stdin=subprocess.PIPE)
    assert guard.stdin is not None
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    guard.stdin.write(f"+{attempt}\nlease {now + 600}\n".encode())
    guard.stdin.flush()
    wait_for(lambda: census(attempt), "the process runs")
    guard.stdin.write(f"lease {now + 0.1}\n".encode())
    guard.stdin.flush()
    assert sleeper.wait(20) == -signal.SIGKILL
    guard.stdin.write(b"end\n")
    guard.stdin.close()
    assert guard.wait(20) == 0
    assert not wait_until_gone(attempt, timeout=30)


def test_a_guard_whose_outpost_is_gone_ends_its_attempts() -> None:
    attempt = "cd" * 16
    env = {**os.environ, "JUPYTER_FLOW_ATTEMPT": attempt}
    sleeper = subprocess.Popen(["setsid", "sleep", "600"], env=env)
    guard = subprocess.Popen([sys.executable, "-m", "jupyter_flow.execution.guard"], stdin=subprocess.PIPE)
    assert guard.stdin is not None
    guard.stdin.write(f"+{attempt}\nlease 0\n".encode())
    guard.stdin.close()
    assert sleeper.wait(20) == -signal.SIGKILL
    assert guard.wait(20) == 0


def test_a_scheduler_off_this_machine_without_tls_is_refused_in_one_line(house: House) -> None:
    refused = house.cli("scheduler", "--set", "executor=dask", "--set", "dask_address=tcp://192.0.2.7:8786")
    assert refused.code == 2
    words = (
        "dask_address 'tcp://192.0.2.7:8786' is refused: off this machine a scheduler needs tls:// and dask_security"
    )
    assert refused.err.strip().splitlines() == [words]
    assert not (house.home / "bridge.json").exists()
