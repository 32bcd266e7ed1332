"""Resource groups on a living host: admission, priority, limits on a task's processes; samples of what tasks use."""

from __future__ import annotations

import json
import os

from support.houses import House, states_of
from support.waiting import wait_for

DAGS = """
import os, subprocess, sys, time
from jupyter_flow import DAG, PythonOperator

def note(word):
    with open(JOURNAL, "ab", buffering=0) as journal:
        journal.write((word + "\\n").encode())

def work(name):
    note(f"start {name}")
    time.sleep(0.2)
    note(f"end {name}")

def hungry(megabytes):
    held = bytearray(megabytes * 1_000_000)
    held[::4096] = b"x" * len(held[::4096])
    note("full")
    while not os.path.exists(GATE):
        time.sleep(0.02)

def cores():
    child = [sys.executable, "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(child)
    while len(os.sched_getaffinity(process.pid)) > 1:
        time.sleep(0.02)
    process.kill()

with DAG("gpus"):
    for n in range(4):
        PythonOperator(task_id=f"t{n}", python_callable=work, op_args=[f"t{n}"], resource_group="train",
                       resources={"GPU": 1})
with DAG("order", max_active_tasks=8):
    PythonOperator(task_id="slow", python_callable=work, op_args=["slow"], resource_group="batch", pool="one")
    PythonOperator(task_id="quick", python_callable=work, op_args=["quick"], resource_group="urgent", pool="one")
with DAG("hungry"):
    PythonOperator(task_id="t", python_callable=hungry, op_args=[400], resource_group="small")
with DAG("fits"):
    PythonOperator(task_id="t", python_callable=hungry, op_args=[40], resource_group="small")
with DAG("cores"):
    PythonOperator(task_id="t", python_callable=cores, resource_group="one_core")
with DAG("unknown"):
    PythonOperator(task_id="t", python_callable=work, op_args=["u"], resource_group="nowhere")
"""
GROUPS = {
    "train": {"gpu": 2},
    "batch": {},
    "urgent": {"priority": 10},
    "small": {"task_memory": 200_000_000},
    "one_core": {"task_cpu": 1},
}


def start(house: House) -> None:
    journal = house.base / "journal.txt"
    head = f"JOURNAL, GATE = {str(journal)!r}, {str(house.base / 'gate')!r}\n"
    house.write_dag(head + DAGS, "groups.py")
    house.start("--set", f"resource_groups={json.dumps(GROUPS)}", "--set", "resource_sampling=0.2")


def lines(house: House) -> list[str]:
    path = house.base / "journal.txt"
    return path.read_text().splitlines() if path.exists() else []


def samples(house: House) -> list[list[float]]:
    (attempt,) = house.call("tasks.show", dag_id="fits", run_id="f", task_id="t")["attempts"]
    return attempt["samples"]


def test_tasks_wait_until_their_group_has_what_they_ask_for(house: House) -> None:
    start(house)
    assert house.run_dag("gpus")["state"] == "success"
    running = most = 0
    for line in lines(house):
        running += 1 if line.startswith("start") else -1
        most = max(most, running)
    assert most == 2
    house.trigger("unknown", run_id="u")
    why = wait_for(lambda: house.call("tasks.why", dag_id="unknown", run_id="u", task_id="t")["reasons"], "a reason")
    assert why[0]["text"] == "resource group nowhere is not one of this host: add it to resource_groups"


def test_the_priority_of_a_group_counts(house: House) -> None:
    start(house)
    house.cli("pools", "set", "one", "1")
    house.run_dag("order")
    assert [line for line in lines(house) if line.startswith("start")] == ["start quick", "start slow"]


def test_a_task_over_the_memory_of_its_group_fails_with_that_reason(house: House) -> None:
    start(house)
    run = house.run_dag("hungry")
    reason = run["tasks"][0]["reason"]["text"]
    assert reason.startswith("its processes held ")
    assert reason.endswith(" MB, resource group small allows 200 MB to a task")


def test_processes_are_confined_to_the_cores_of_their_group(house: House) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        return  # nothing to confine to
    start(house)
    assert states_of(house.run_dag("cores")) == {"t": "success"}


def test_what_a_task_uses_is_sampled_stored_and_shown(house: House) -> None:
    start(house)
    house.trigger("fits", run_id="f")
    wait_for(lambda: "full" in lines(house), "the task holds its memory")
    wait_for(lambda: samples(house), "samples are written while it runs", 30)
    (house.base / "gate").touch()
    house.wait_for_run("fits", "f")
    (attempt,) = house.call("tasks.show", dag_id="fits", run_id="f", task_id="t")["attempts"]
    assert len(samples(house)) >= 2
    seconds, cpu, memory, processes = (max(column) for column in zip(*attempt["samples"], strict=True))
    assert seconds > 0
    assert cpu > 0
    assert memory > 40_000_000
    assert processes >= 1
    table = house.cli("tasks", "show", "fits", "f", "t").out
    assert f"{max(attempt['peak_rss'], memory) / 1e6:.0f} MB" in table
