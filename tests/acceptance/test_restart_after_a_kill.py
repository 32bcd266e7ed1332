"""A host that follows a killed one starts what starts tasks while it still reads its own code."""

from __future__ import annotations

import os
import signal

from support.houses import House
from support.waiting import wait_for

from jupyter_flow.wire.armed_faults import FAULTS_VARIABLE

DAG = """
from jupyter_flow import DAG, EmptyOperator, PythonOperator

def nothing():
    pass

with DAG("one") as one:
    PythonOperator(task_id="task", python_callable=nothing)
"""
STOPPED = {FAULTS_VARIABLE: "look_at_schema.before_commit=stop"}


def is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


def forkservers(house: House) -> list[int]:
    return [item.pid for item in house.census() if "runner.forkserver" in item.command]


def test_the_forkserver_starts_before_the_database_is_looked_at(house: House) -> None:
    house.write_dag(DAG)
    first = house.spawn("--unpaused", env=STOPPED)
    wait_for(lambda: is_stopped(first.pid), "the first host looks at the schema", 60)
    assert forkservers(house) == []  # nothing waits for it
    house.kill()
    second = house.spawn("--unpaused", env=STOPPED)
    wait_for(lambda: is_stopped(second.pid), "the second host looks at the schema", 60)
    assert len(forkservers(house)) == 1
    os.kill(second.pid, signal.SIGCONT)
    wait_for(house.answers, "the second host answers", 60)
    assert house.run_dag("one")["state"] == "success"
    assert len(forkservers(house)) == 1


def test_a_host_that_is_killed_while_it_migrates_leaves_nobody_with_its_lease(house: House) -> None:
    faults = "migrate.after_fork=crash;migrate.before_commit=delay:30"
    first = house.spawn("--unpaused", env={FAULTS_VARIABLE: faults})
    wait_for(lambda: first.poll() is not None, "the first host is killed while its child migrates", 60)
    assert first.returncode == -signal.SIGKILL
    house.start("--unpaused")
    assert house.rows("select count(*) as n from dag_run")[0]["n"] == 0
