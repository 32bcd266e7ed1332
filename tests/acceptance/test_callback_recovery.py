"""Hosts and callbacks that are killed: no change calls twice, and what may have been called is not called again."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from support.houses import House
from support.waiting import wait_for

DAGS = """
import os, time
from pathlib import Path
from jupyter_flow import DAG, EmptyOperator, PythonOperator

FOLDER = Path(__file__).parent

def write(*words):
    with open(FOLDER / "journal", "ab", buffering=0) as journal:
        journal.write((" ".join(map(str, words)) + "\\n").encode())

def call(context):
    name = f"{context['run_id']}/{context['ti'].task_id}/{context['ti'].try_number}"
    write("begin", name, os.getpid())
    while (FOLDER / "gate").exists():
        time.sleep(0.02)
    write("end", name, os.getpid())

def work():
    time.sleep(0.05)

with DAG("one", on_success_callback=call):
    EmptyOperator(task_id="only")

with DAG("many", on_success_callback=call, default_args={"on_success_callback": call, "on_retry_callback": call}):
    for number in range(10):
        PythonOperator(task_id=f"t{number}", python_callable=work)
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    made.write_dag(DAGS, "calls.py")
    made.start()
    try:
        yield made
    finally:
        (made.dags / "gate").unlink(missing_ok=True)
        made.close()


def journal(house: House) -> list[tuple[str, str, int]]:
    path = house.dags / "journal"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(word, name, int(pid)) for word, name, pid in (line.split() for line in lines)]


def rows_of(house: House, run: dict[str, Any]) -> list[dict[str, Any]]:
    sql = "SELECT c.* FROM callback c JOIN dag_run r ON r.id = c.dag_run_id WHERE r.run_id = ? AND r.dag_id = ?"
    return house.rows(sql + " ORDER BY c.id", run["run_id"], run["dag_id"])


def ended(house: House, run: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    def look() -> Any:
        rows = rows_of(house, run)
        return rows if len(rows) == count and all(row["outcome"] for row in rows) else None

    return wait_for(look, lambda: f"{count} callbacks have ended: {rows_of(house, run)}\n{house.output()}", 60)


def words(house: House, run: dict[str, Any]) -> Counter[str]:
    return Counter(word for word, name, _ in journal(house) if name.startswith(run["run_id"]))


def test_a_host_killed_again_and_again_calls_each_callback_once(house: House) -> None:
    run = house.trigger("many")
    # killed as soon as so many lines stand in the journal: while attempts end, callbacks begin, run and end
    for lines in (1, 6, 13):
        wait_for(lambda: sum(words(house, run).values()) >= lines, f"{lines} lines", 60)  # noqa: B023
        house.kill()
        house.start()
    assert house.wait_for_run("many", run["run_id"])["state"] == "success"
    rows = ended(house, run, 11)
    assert {row["outcome"] for row in rows} == {"success"}
    names = Counter(name for word, name, _ in journal(house) if word == "begin" and name.startswith(run["run_id"]))
    assert len(names) >= 10
    assert words(house, run) == {"begin": 11, "end": 11}


def test_a_host_killed_at_any_moment_after_a_change_leaves_the_callback_to_the_next(house: House) -> None:
    for pause in (0.0, 0.02, 0.06):
        run = house.trigger("one")
        time.sleep(pause)
        house.kill()
        house.start()
        house.wait_for_run("one", run["run_id"])
        (row,) = ended(house, run)
        assert (row["outcome"], words(house, run)) == ("success", {"begin": 1, "end": 1}), pause


def test_a_callback_that_runs_is_adopted(house: House) -> None:
    (house.dags / "gate").touch()
    run = house.trigger("one")
    wait_for(lambda: words(house, run)["begin"], "the callback has begun", 30)
    house.kill()
    house.start()
    (house.dags / "gate").unlink()
    (row,) = ended(house, run)
    assert (row["outcome"], row["starts"]) == ("success", 1)
    assert words(house, run) == {"begin": 1, "end": 1}


def test_a_callback_killed_while_it_runs_is_lost_and_not_called_again(house: House) -> None:
    (house.dags / "gate").touch()
    run = house.trigger("one")
    wait_for(lambda: words(house, run)["begin"], "the callback has begun", 30)
    (pid,) = (pid for _, name, pid in journal(house) if name.startswith(run["run_id"]))
    os.kill(pid, signal.SIGKILL)
    (row,) = ended(house, run)
    (house.dags / "gate").unlink()
    assert row["outcome"] == "lost"
    (call,) = house.call("tasks.callbacks", dag_id="one", run_id=run["run_id"])["callbacks"]
    assert call["reason"]["text"] == (
        "its process was ended by signal 9: it may have been called, and is not called again"
    )
    assert house.run("one", run["run_id"])["state"] == "success"
    assert words(house, run) == {"begin": 1}


def test_host_and_callback_killed_together(house: House) -> None:
    (house.dags / "gate").touch()
    run = house.trigger("one")
    wait_for(lambda: words(house, run)["begin"], "the callback has begun", 30)
    (pid,) = (pid for _, name, pid in journal(house) if name.startswith(run["run_id"]))
    house.kill()
    os.kill(pid, signal.SIGKILL)
    house.start()
    (row,) = ended(house, run)
    (house.dags / "gate").unlink()
    assert row["outcome"] == "lost"
    assert words(house, run) == {"begin": 1}


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a spec", "a taken ticket"])
def test_what_a_killed_host_left_of_a_start(house: House, left: str) -> None:
    """The moments between the commit that begins a callback and its first record, put together from their traces."""
    run = house.trigger("one")
    (row,) = ended(house, run)
    house.kill()
    spool = house.home / "spool"
    attempt_id = f"{row['id']:032x}"
    if left != "nothing":
        (spool / attempt_id).mkdir(mode=0o700)
    if left in ("a spec", "a taken ticket"):
        name = "spec.json" if left == "a spec" else "begun.json"
        shutil.copy(spool / row["attempt_id"] / "begun.json", spool / attempt_id / name)
    connection = sqlite3.connect(house.home / "flow.db", timeout=30)
    with connection:
        connection.execute(
            "UPDATE callback SET attempt_id = ?, starts = 1, pid = NULL, start_ticks = NULL, started_at = NULL,"
            " finished_at = NULL, outcome = NULL, reason = NULL, log_path = NULL WHERE id = ?",
            (attempt_id, row["id"]),
        )
    connection.close()
    house.start()
    (again,) = ended(house, run)
    if left == "a taken ticket":
        assert (again["outcome"], again["starts"], words(house, run)["begin"]) == ("lost", 1, 1)
    else:
        assert (again["outcome"], again["starts"], words(house, run)["begin"]) == ("success", 2, 2)
        assert left != "a spec" or (spool / attempt_id / "void.json").exists(), "a late process finds no ticket"
