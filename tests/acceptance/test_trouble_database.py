"""A database that goes away: the host lives, says so, running work goes on, and all is caught up when it is back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.houses import House, states_of
from support.postgres import Postgres, a_server
from support.waiting import wait_for

from jupyter_flow.model.errors import DatabaseAway

DAG = """
import os, time
from jupyter_flow import DAG, PythonOperator, Variable

def work(gate):
    while not os.path.exists(gate):
        time.sleep(0.05)

def ask(gate, asked):
    work(gate)
    open(asked, "w").close()
    Variable.set("answer", "42")
    return Variable.get("answer")

with DAG("patient"):
    PythonOperator(task_id="first", python_callable=work, op_args=[GATE]) >> PythonOperator(
        task_id="second", python_callable=print, op_args=["after"]
    )
    PythonOperator(task_id="asks", python_callable=ask, op_args=[GATE, ASKED])
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of this file's own, to be killed: it is not the one that other tests use."""
    with a_server() as own:
        yield own


@pytest.fixture
def server(postgres: Postgres, house: House) -> Iterator[tuple[Postgres, str]]:
    """A server with an empty database, running again at the end."""
    name = postgres.create_database()
    house.env["JUPYTER_FLOW_DB_URL"] = postgres.url(name)
    yield postgres, name
    for process in postgres.processes():
        process.resume()
    postgres.start()
    house.close()
    postgres.drop_database(name)


def write_dag(house: House) -> None:
    gate, asked = house.base / "gate", house.base / "asked"
    house.write_dag(DAG.replace("GATE", repr(str(gate))).replace("ASKED", repr(str(asked))))


def kinds(house: House) -> list[str]:
    return [item["kind"] for item in house.call("host.status")["trouble"]]


def begin(house: House) -> dict[str, Any]:
    write_dag(house)
    house.start("--unpaused")
    run = house.trigger("patient")
    house.wait_for_task("patient", run["run_id"], "first", "running")
    house.wait_for_task("patient", run["run_id"], "asks", "running")
    return run


def end(house: House, run: dict[str, Any], within: float = 60.0) -> None:
    ended = house.wait_for_run("patient", run["run_id"], within)
    assert states_of(ended) == {"first": "success", "second": "success", "asks": "success"}
    assert {task["attempt_number"] for task in ended["tasks"]} == {1}
    assert "Traceback" not in house.output()


@pytest.mark.parametrize("how", ["stopped", "killed", "hung"])
def test_a_server_that_goes_away(house: House, server: tuple[Postgres, str], how: str) -> None:
    postgres, _ = server
    run = begin(house)
    if how == "stopped":
        postgres.stop()
    elif how == "killed":
        postgres.kill()
    else:
        for process in postgres.processes():
            process.suspend()
    (house.base / "gate").touch()
    wait_for(lambda: (house.base / "asked").exists(), "a task asks the host in vain")
    wait_for(lambda: kinds(house) == ["database_away"], "the host says that the database is away", 60)
    answers = []
    for _ in range(5):
        asked = time.monotonic()
        health = house.call("host.status")
        answers.append(time.monotonic() - asked)
    assert min(answers) < 1, "it answers without its database"
    assert health["state"] == "degraded"
    assert "does not answer since" in health["message"]
    assert "dispatch pauses" in health["message"]
    assert health["host"]["pid"] == house.pid
    with pytest.raises(DatabaseAway, match="does not answer since"):
        house.call("runs.list", dag_id="patient")
    line = house.cli("runs", "list", "patient")
    assert (line.code, line.err.count("\n")) == (3, 1), str(line)
    status = house.cli("status")
    assert (status.code, status.out.split(":")[0]) == (0, "degraded"), str(status)

    for process in postgres.processes():
        process.resume()
    postgres.start()
    wait_for(lambda: house.call("host.status")["state"] == "healthy", "the host is well again", 30)
    end(house, run, 20)


def test_a_host_that_begins_without_its_server_waits(house: House, server: tuple[Postgres, str]) -> None:
    postgres, _ = server
    write_dag(house)
    (house.base / "gate").touch()
    postgres.stop()
    house.spawn("--unpaused")
    wait_for(lambda: house.socket.exists(), house.output, 60)
    health = house.call("host.status")
    assert health["message"].startswith("the host waits: database "), health
    assert "does not answer" in health["message"]
    refused = house.cli("dags", "list")
    assert (refused.code, refused.err.count("\n")) == (3, 1), str(refused)
    postgres.start()
    wait_for(house.answers, house.output, 60)
    end(house, house.trigger("patient"))
    assert house.output().count("waits") == 1


def test_a_wrong_address_of_the_database_is_refused(house: House, server: tuple[Postgres, str]) -> None:
    postgres, _ = server
    house.env["JUPYTER_FLOW_DB_URL"] = postgres.url("nowhere")
    process = house.spawn()
    assert process.wait(60) == 2
    (line,) = house.output().strip().splitlines()
    assert 'database "nowhere" does not exist' in line


def test_a_file_that_another_program_has_locked(house: House) -> None:
    run = begin(house)
    other = sqlite3.connect(house.home / "flow.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        (house.base / "gate").touch()
        wait_for(lambda: kinds(house) == ["database_locked"], "the host says that its database is locked", 30)
        message = house.call("host.status")["message"]
        assert "is locked by another program since" in message
        assert "close that program; dispatch pauses" in message
        other.execute("ROLLBACK")
    finally:
        other.close()
    wait_for(lambda: kinds(house) == [], "the host is well again", 30)
    end(house, run, 30)


def test_a_file_that_is_taken_away_and_put_back(house: House) -> None:
    run = begin(house)
    (house.home / "flow.db").rename(house.home / "flow.away")
    wait_for(lambda: "database_removed" in kinds(house), "the host says that its database is gone", 30)
    assert "was removed or renamed while the host runs: put it back" in house.call("host.status")["message"]
    (house.home / "flow.away").rename(house.home / "flow.db")
    (house.base / "gate").touch()
    end(house, run)
    assert kinds(house) == []
