"""Kernels of failed notebooks are kept for a while, held by their runner, and nothing of them is left afterwards."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import create_engine
from support.census import Found, attempt_processes
from support.houses import House
from support.mending import evaluate
from support.waiting import wait_for
from support.witnesses import leftover_processes

from jupyter_flow.model.errors import Conflict
from jupyter_flow.wire import kept, processes
from jupyter_flow.wire.kept import Kept

DAG = """
from jupyter_flow import DAG, EmptyOperator, NotebookOperator

with DAG("nightly") as dag:
    for name in ("a", "b", "c"):
        NotebookOperator(task_id=name, notebook="train.ipynb", env={env!r}, {more})
    EmptyOperator(task_id="after", trigger_rule="all_done") << dag.task_dict["a"]
"""
CELLS = ["answer = 42", "import subprocess\nchild = subprocess.Popen(['sleep', '600'])", "1 / 0", "never = 1"]


def write(house: House, more: str = "keep_kernel_on_failure=600", cold: bool = False) -> None:
    """Write the DAG; ``cold``: with a variable that a kernel has to be started with."""
    house.write_notebook(CELLS, "train.ipynb")
    house.write_dag(DAG.format(more=more, env={"PYTHONHASHSEED": "1"} if cold else {}))


def fail(house: House) -> dict[str, Any]:
    run = house.run_dag("nightly")
    assert {task["state"] for task in run["tasks"] if task["task_id"] != "after"} == {"failed"}
    return run


def notes(house: House) -> list[Kept]:
    return [item for item in kept.read_all(house.home) if item.is_held]


def of_tevaluate(house: House, run: dict[str, Any], task_id: str = "a") -> Kept:
    (found,) = (item for item in notes(house) if (item.run_id, item.task_id) == (run["run_id"], task_id))
    return found


def left_of(item: Kept) -> list[Found]:
    return attempt_processes(item.attempt_id)


def is_alive(item: Kept) -> bool:
    found = processes.look(item.pid)
    return found is not None and found.start_ticks == item.start_ticks and found.is_alive


def leftovers(house: House, items: list[Kept]) -> set[str]:
    """Return of which of the attempts the census says that processes are left."""
    engine = create_engine(f"sqlite:///{house.home / 'flow.db'}")
    try:
        found = " ".join(leftover_processes(engine, house.home))
    finally:
        engine.dispose()
    return {item.attempt_id for item in items if item.attempt_id in found}


def wait_until_nothing_is_left(house: House, *items: Kept, timeout: float = 60.0) -> None:
    wait_for(lambda: not any(left_of(item) for item in items), lambda: f"gone: {[left_of(i) for i in items]}", timeout)
    names = {item.attempt_id for item in items}
    wait_for(lambda: not names & {item.attempt_id for item in kept.read_all(house.home)}, "no notes are left")


@pytest.mark.parametrize("cold", [False, True], ids=["forked", "cold"])
def test_a_failed_notebook_s_kernel_waits_while_the_run_goes_on(house: House, cold: bool) -> None:
    write(house, cold=cold)
    house.start("--kill-grace", "1")
    run = fail(house)
    assert run["state"] == "failed"
    item = of_tevaluate(house, run)
    assert item.cell == 2
    task = house.call("tasks.show", dag_id="nightly", run_id=run["run_id"], task_id="a")
    assert task["live_kernel"]["cell"] == 2
    assert task["live_kernel"]["until"] > task["end_date"]
    assert evaluate(item, "answer") == "42"
    time.sleep(1.5)  # the grace in which the runner of an attempt that is over has to end
    assert evaluate(item, "child.poll() is None") == "True"

    house.call("tasks.release_kernel", dag_id="nightly", run_id=run["run_id"], task_id="a")
    wait_until_nothing_is_left(house, item)
    task = house.call("tasks.show", dag_id="nightly", run_id=run["run_id"], task_id="a")
    assert task["live_kernel"] is None
    with pytest.raises(Conflict):
        house.call("tasks.open_kernel", dag_id="nightly", run_id=run["run_id"], task_id="a")
    told = "select task_id from event where kind = 'kernel_released'"
    assert [row["task_id"] for row in wait_for(lambda: house.rows(told), "it is told of")] == ["a"]


def test_its_time_ends(house: House) -> None:
    write(house, "keep_kernel_on_failure=2")
    house.start()
    fail(house)
    told = "select task_id from event where kind = 'kernel_released'"
    wait_for(lambda: sorted(row["task_id"] for row in house.rows(told)) == ["a", "b", "c"], "all are told of", 60)
    for row in house.rows("select id from attempt"):
        assert attempt_processes(row["id"]) == []
        assert "the kernel is kept for 2 s" in (house.home / "spool" / row["id"] / "log.jsonl").read_text()
    assert not kept.read_all(house.home)


def test_somebody_s_look_prolongs_it(house: House) -> None:
    write(house)
    house.start()
    run = fail(house)
    first, other = of_tevaluate(house, run, "a"), of_tevaluate(house, run, "b")
    opened = house.call("tasks.open_kernel", dag_id="nightly", run_id=run["run_id"], task_id="a")
    assert opened["attempt_id"] == first.attempt_id
    assert of_tevaluate(house, run, "a").until > first.until
    assert of_tevaluate(house, run, "b").until == other.until


def test_the_oldest_goes_when_there_are_too_many(house: House) -> None:
    write(house)
    house.start("--set", "kept_kernels_max=2", "--notebook-parallelism", "1")
    run = fail(house)
    wait_for(lambda: len(notes(house)) == 2, lambda: f"two are kept: {notes(house)}")
    ages = house.rows("select task_id from task_instance where run_id = ? order by end_date", run["run_id"])
    newest = [row["task_id"] for row in ages if row["task_id"] != "after"][1:]
    assert sorted(item.task_id for item in notes(house)) == sorted(newest)


def test_the_oldest_goes_when_they_are_too_large(house: House) -> None:
    write(house)
    house.start("--set", "kept_kernels_memory=1000000")
    run = fail(house)
    gone = [f"JUPYTER_FLOW_ATTEMPT={row['attempt_id']}" for row in house.rows("select attempt_id from task_instance")]
    assert gone
    wait_for(lambda: not notes(house), "none is kept")
    assert run["state"] == "failed"


def test_kept_kernels_outlive_a_killed_host_and_the_next_one_knows_them(house: House) -> None:
    write(house)
    house.start()
    run = fail(house)
    items = [of_tevaluate(house, run, name) for name in ("a", "b", "c")]
    house.kill()
    assert all(is_alive(item) for item in items)
    assert leftovers(house, items) == set()
    os.kill(items[2].keeper_pid, signal.SIGSTOP)
    kept.note(house.home, replace(items[2], until=time.time() - 2))
    assert leftovers(house, items) == {items[2].attempt_id}, "the census knows one that outlives its time"
    os.kill(items[2].keeper_pid, signal.SIGCONT)
    house.start()
    wait_until_nothing_is_left(house, items.pop())
    task = house.call("tasks.show", dag_id="nightly", run_id=run["run_id"], task_id="a")
    assert task["live_kernel"] is not None
    assert evaluate(items[0], "answer") == "42"
    house.call("tasks.clear", dag_id="nightly", run_id=run["run_id"], task_id="a", downstream=False)
    wait_until_nothing_is_left(house, items[0])
    house.wait_for_run("nightly", run["run_id"])
    house.call("runs.delete", dag_id="nightly", run_id=run["run_id"])
    wait_until_nothing_is_left(house, *items)
    assert not kept.read_all(house.home)


@pytest.mark.parametrize("cold", [False, True], ids=["forked", "cold"])
def test_a_killed_keeper_takes_its_kernel_along(house: House, cold: bool) -> None:
    write(house, cold=cold)
    house.start()
    item = of_tevaluate(house, fail(house))
    house.kill()  # nobody but Linux can end it now
    os.kill(item.keeper_pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(item), "the kernel has ended")
    house.start()
    wait_until_nothing_is_left(house, item)


def test_nothing_is_kept_of_a_task_that_is_tried_again_or_where_nobody_asked(house: House) -> None:
    write(house, "retries=1, retry_delay=0.1, keep_kernel_on_failure=600")
    house.start()
    run = fail(house)
    tries = {row["id"]: row["attempt_number"] for row in house.rows("select id, attempt_number from attempt")}
    assert sorted(tries[item.attempt_id] for item in notes(house)) == [2, 2, 2]
    (first,) = house.rows(
        "select a.id from attempt a join task_instance t on t.id = a.task_instance_id "
        "where t.task_id = 'a' and a.attempt_number = 1"
    )
    assert attempt_processes(first["id"]) == []
    write(house, "keep_kernel_on_failure=0")
    house.call("runs.delete", dag_id="nightly", run_id=run["run_id"])
    house.call("dags.reload", wait=True)
    wait_for(lambda: not notes(house), "those of the deleted run have ended")
    fail(house)
    assert not notes(house)


def test_a_host_that_ends_with_or_after_its_tasks_ends_kept_kernels(house: House) -> None:
    write(house)
    house.start()
    run = fail(house)
    items = [of_tevaluate(house, run, name) for name in ("a", "b", "c")]
    house.stop(tasks=True)
    wait_until_nothing_is_left(house, *items)
