"""Hosts that are killed: nothing lost, nothing doubled, and stale reports refused. The witness is a journal file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.houses import House, states_of
from support.waiting import wait_for

JOURNAL = """
import os, time
from pathlib import Path
from jupyter_flow import DAG, EmptyOperator, PythonOperator, get_current_context

def write(word, name):
    with open(JOURNAL, "ab", buffering=0) as journal:
        journal.write(f"{word} {name} {os.getpid()}\\n".encode())

def work(name, seconds=0.0, gate=None):
    write("start", name)
    time.sleep(seconds)
    while gate is not None and not os.path.exists(gate):
        time.sleep(0.02)
    write("end", name)
"""


def journal_dag(house: House, body: str) -> Path:
    journal = house.base / "journal.txt"
    house.write_dag(
        JOURNAL + f"\nJOURNAL = {str(journal)!r}\nGATE = {str(house.base / 'gate')!r}\n" + body, "journal.py"
    )
    return journal


def entries(journal: Path) -> list[tuple[str, str, str]]:
    if not journal.exists():
        return []
    return [tuple(line.split()) for line in journal.read_text().splitlines()]  # type: ignore[misc]


def count(journal: Path, word: str) -> int:
    return sum(entry[0] == word for entry in entries(journal))


def test_a_new_host_adopts_what_runs(house: House) -> None:
    journal = journal_dag(
        house,
        """
with DAG("adopt") as dag:
    tasks = [PythonOperator(task_id=f"t{n}", python_callable=work, op_args=[f"t{n}", 0.0, GATE]) for n in range(4)]
    tasks >> PythonOperator(task_id="last", python_callable=work, op_args=["last"])
""",
    )
    house.start()
    run = house.trigger("adopt")
    wait_for(lambda: count(journal, "start") == 4, "four tasks have started", 60)
    house.kill()
    house.start()
    assert house.run("adopt", run["run_id"])["state"] == "running"
    (house.base / "gate").touch()
    done = house.wait_for_run("adopt", run["run_id"])
    assert set(states_of(done).values()) == {"success"}
    assert {task["attempt_number"] for task in done["tasks"]} == {1}
    assert sorted(entry[:2] for entry in entries(journal)) == sorted(
        (word, name) for word in ("start", "end") for name in ("t0", "t1", "t2", "t3", "last")
    )


def test_results_that_came_while_no_host_lived_are_taken(house: House) -> None:
    journal = journal_dag(
        house,
        """
with DAG("alone") as dag:
    PythonOperator(task_id="t", python_callable=work, op_args=["t", 0.0, GATE])
""",
    )
    house.start()
    run = house.trigger("alone")
    wait_for(lambda: count(journal, "start") == 1, "the task has started", 60)
    house.kill()
    (house.base / "gate").touch()
    wait_for(lambda: list(house.home.glob("spool/*/result.json")), "the runner leaves its result", 60)
    house.start()
    done = house.wait_for_run("alone", run["run_id"])
    assert states_of(done) == {"t": "success"}
    assert count(journal, "start") == 1


def test_a_runner_lost_with_its_host_runs_again_in_the_same_try(house: House) -> None:
    journal = journal_dag(
        house,
        """
with DAG("lost") as dag:
    PythonOperator(task_id="t", python_callable=work, op_args=["t", 0.0, GATE])
""",
    )
    house.start()
    run = house.trigger("lost")
    wait_for(lambda: count(journal, "start") == 1, "the task has started", 60)
    house.kill()
    os.kill(int(entries(journal)[0][2]), signal.SIGKILL)
    (house.base / "gate").touch()
    house.start()
    done = house.wait_for_run("lost", run["run_id"])
    (task,) = done["tasks"]
    assert (task["state"], task["try_number"], task["attempt_number"]) == ("success", 1, 2)
    shown = house.call("tasks.show", dag_id="lost", run_id=run["run_id"], task_id="t")
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["lost", "success"]


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_attempt_that_was_fenced_off_without_a_host_is_closed_by_the_next(house: House, is_gone: bool) -> None:
    journal = journal_dag(
        house,
        """
with DAG("stray") as dag:
    PythonOperator(task_id="t", python_callable=work, op_args=["t", 0.0, GATE])
""",
    )
    house.start("--kill-grace", "1")
    run = house.trigger("stray")
    wait_for(lambda: count(journal, "start") == 1, "the task has started", 60)
    house.kill()
    marked = house.cli("runs", "mark", "stray", run["run_id"], "success")
    assert marked.code == 0, str(marked)
    if is_gone:
        os.kill(int(entries(journal)[0][2]), signal.SIGKILL)
    house.start("--kill-grace", "1")
    wait_for(lambda: not house.rows("select id from attempt where finished_at is null"), "the attempt is closed", 30)
    ((outcome,),) = [tuple(row.values()) for row in house.rows("select outcome from attempt")]
    assert outcome in (("lost",) if is_gone else ("lost", "stale"))
    assert states_of(house.wait_for_run("stray", run["run_id"])) == {"t": "success"}


def test_a_task_marked_and_cleared_while_it_runs_ends_its_attempt_and_refuses_its_report(house: House) -> None:
    journal = journal_dag(
        house,
        """
with DAG("fence") as dag:
    PythonOperator(task_id="t", python_callable=work, op_args=["t", 0.0, GATE])
""",
    )
    house.start("--kill-grace", "1")
    run = house.trigger("fence")
    ids = {"dag_id": "fence", "run_id": run["run_id"], "task_id": "t"}
    wait_for(lambda: count(journal, "start") == 1, "the task has started", 60)
    house.call("tasks.mark", **ids, state="success")
    house.wait_for_run("fence", run["run_id"])
    house.call("tasks.clear", **ids)
    wait_for(lambda: count(journal, "start") == 2, "the second attempt has started", 60)
    (house.base / "gate").touch()
    done = house.wait_for_run("fence", run["run_id"])
    assert states_of(done) == {"t": "success"}
    wait_for(lambda: not house.rows("select id from attempt where finished_at is null"), "all attempts are closed", 30)
    outcomes = [row["outcome"] for row in house.rows("select outcome from attempt order by attempt_number")]
    assert outcomes[1] == "success"
    assert outcomes[0] in ("stale", "lost")


def test_a_second_host_on_the_same_home_is_refused_with_the_pid(house: House) -> None:
    house.start()
    second = subprocess.run(
        [sys.executable, "-m", "jupyter_flow.service", "--home", str(house.home), "--dags", str(house.dags)],
        env=house.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2
    lines = [line for line in second.stderr.splitlines() if line]
    assert len(lines) == 1
    assert f"pid {house.pid}" in lines[0]
    assert house.call("host.status")["state"] == "healthy"


def test_a_home_that_cannot_be_written_is_one_line(house: House) -> None:
    place = house.base / "file"
    place.write_text("not a folder")
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_flow.service", "--home", str(place / "home"), "--dags", str(house.dags)],
        env=house.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "not writable" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_host_and_leaves_its_tasks(house: House, number: signal.Signals) -> None:
    journal = journal_dag(
        house,
        """
with DAG("detached") as dag:
    PythonOperator(task_id="t", python_callable=work, op_args=["t", 0.0, GATE])
""",
    )
    house.start()
    run = house.trigger("detached")
    wait_for(lambda: count(journal, "start") == 1, "the task has started", 60)
    house.kill(number)
    assert house.process is not None
    assert house.process.returncode == 0, house.output()
    assert not house.socket.exists()
    (house.base / "gate").touch()
    wait_for(lambda: count(journal, "end") == 1, "the task goes on to its end", 60)
    house.start()
    assert states_of(house.wait_for_run("detached", run["run_id"])) == {"t": "success"}


def test_stop_with_finish_waits_for_running_tasks_and_resume_takes_it_back(house: House) -> None:
    journal = journal_dag(
        house,
        """
with DAG("drain") as dag:
    first = PythonOperator(task_id="t", python_callable=work, op_args=["t", 0.0, GATE])
    first >> PythonOperator(task_id="next", python_callable=work, op_args=["next"])
""",
    )
    house.start()
    run = house.trigger("drain")
    wait_for(lambda: count(journal, "start") == 1, "the task has started", 60)
    house.call("host.stop", finish=True)
    status = house.call("host.status")
    assert (status["state"], status["running"]) == ("degraded", 1)
    assert "stopping" in status["message"]
    assert house.call("host.resume")["state"] == "healthy"
    house.call("host.stop", finish=True)
    (house.base / "gate").touch()
    assert house.process is not None
    house.process.wait(60)
    states = {row["task_id"]: row["state"] for row in house.rows("select task_id, state from task_instance")}
    assert states["t"] == "success"
    assert states["next"] in ("waiting", "scheduled")
    house.start()
    house.wait_for_run("drain", run["run_id"])


WIDE = """
def noop():
    write("task", f"{os.getpid()}-{os.getsid(0)}")

with DAG("wide", max_active_tasks=16) as dag:
    first = PythonOperator(task_id="first", python_callable=noop)
    middle = [PythonOperator(task_id=f"m{n}", python_callable=noop) for n in range(200)]
    first >> middle >> PythonOperator(task_id="last", python_callable=noop)
"""


def test_one_to_200_to_one_is_on_disk_when_the_host_is_killed_right_after(house: House) -> None:
    journal = journal_dag(house, WIDE)
    house.start()
    run = house.trigger("wide")
    with house.client() as notices:
        notices.call("events.subscribe")
        pushes = notices.pushes()
        while house.run("wide", run["run_id"])["state"] != "success":
            next(pushes)
    house.kill()
    rows = house.rows("select state, count(*) as n from task_instance group by state")
    assert rows == [{"state": "success", "n": 202}]
    seen = [name for _, name, _ in entries(journal)]
    assert len(seen) == len(set(seen)) == 202
    pids = {name.split("-")[0] for name in seen}
    sessions = {name.split("-")[1] for name in seen}
    assert len(pids) == len(sessions) == 202
    sequence = [row["seq"] for row in house.rows("select seq from event where run_id is not null order by seq")]
    assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))


def test_kill_9_of_the_host_again_and_again_loses_and_doubles_nothing(house: House) -> None:
    journal = journal_dag(
        house,
        """
with DAG("storm", max_active_tasks=8) as dag:
    for n in range(40):
        PythonOperator(task_id=f"t{n}", python_callable=work, op_args=[f"t{n}", 0.3])
""",
    )
    house.start()
    run = house.trigger("storm")
    for kills in range(1, 4):
        wait_for(lambda kills=kills: count(journal, "start") >= 10 * kills, f"{10 * kills} tasks have started", 60)
        house.kill()
        house.start()
    done = house.wait_for_run("storm", run["run_id"], timeout=120)
    assert set(states_of(done).values()) == {"success"}
    starts = [name for word, name, _ in entries(journal) if word == "start"]
    ends = [name for word, name, _ in entries(journal) if word == "end"]
    assert sorted(starts) == sorted(f"t{n}" for n in range(40)), "a task ran twice or never"
    assert sorted(ends) == sorted(starts)


def test_a_start_that_was_never_recorded_is_found_by_the_census(house: House) -> None:
    journal = journal_dag(
        house,
        """
with DAG("unrecorded") as dag:
    PythonOperator(task_id="t", python_callable=work, op_args=["t", 0.0, GATE])
""",
    )
    house.start()
    run = house.trigger("unrecorded")
    wait_for(lambda: count(journal, "start") == 1, "the task has started", 60)
    house.wait_for_task("unrecorded", run["run_id"], "t", "running")
    house.kill()
    with sqlite3.connect(house.home / "flow.db") as database:  # as if the host had died right before the record
        database.execute("update attempt set pid = null, start_ticks = null, boot_id = null, started_at = null")
        database.execute("update task_instance set state = 'queued', start_date = null")
    database.close()
    house.start()
    house.wait_for_task("unrecorded", run["run_id"], "t", "running")
    (house.base / "gate").touch()
    (task,) = house.wait_for_run("unrecorded", run["run_id"])["tasks"]
    assert (task["state"], task["attempt_number"], count(journal, "start")) == ("success", 1, 1)
