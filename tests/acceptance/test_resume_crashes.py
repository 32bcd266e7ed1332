"""Somebody is killed in the middle of a take-over: no cell is executed twice unasked, and no kernel stays for ever."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.houses import House
from support.mending import fail, kept_of, mended, resume, steps, wait_until_nothing_is_left, write_failing
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError
from jupyter_flow.wire import kept
from jupyter_flow.wire.armed_faults import FAULTS_VARIABLE

pytestmark = pytest.mark.timeout(240)
STAYS = ("success", ["failed", "lost", "success"], ["loaded", "saved"])
"""The keeper still has the kernel: the attempt is started again and takes it."""
LOST = ("failed", ["failed", "lost", "failed"], ["loaded"])
"""The kernel has ended with who held it."""
REFUSED = ("failed", ["failed", "failed"], ["loaded"])
TAKEN = ("success", ["failed", "success"], ["loaded", "saved"])
"""It is the heir's, unless the house sweeps up after the killed runner before the kernel has its new tag."""
POINTS = {
    "take.after_taken": (1, [LOST]),
    "keeper.after_hand_over": (2, [TAKEN, REFUSED]),
    "take.after_note": (3, [STAYS]),
    "take.before_note": (5, [STAYS]),
    "keeper.after_offer": (7, [REFUSED]),
    "keeper.before_offer": (8, [REFUSED]),
    "take.before_offer": (9, [STAYS]),
}
"""Where somebody is killed, at which hit -> what may come of it: state, outcomes of the attempts, what the cells did.

The points stand in the order against that in which a take-over passes them. So it is known how often each has been
passed before its own run: once by each run before it, and once more by each attempt that was started again.
"""


def test_whoever_is_killed_nothing_is_done_twice(house: House, tmp_path: Path) -> None:
    write_failing(house)
    faults = ";".join(f"{name}=crash@{hit}" for name, (hit, _) in POINTS.items())
    house.start("--set", "kept_kernels_max=9", env={FAULTS_VARIABLE: f"{faults};count={tmp_path / 'hits'}"})
    runs = {name: house.trigger("nightly", run_id=name)["run_id"] for name in POINTS}
    for run_id in runs.values():
        assert house.wait_for_run("nightly", run_id)["state"] == "failed"
    found = {}
    attempts = []
    for name, run_id in runs.items():
        task = {"dag_id": "nightly", "run_id": run_id, "task_id": "train"}
        resume(house, task, kept_of(house, run_id))
        state = house.wait_for_run("nightly", run_id)["state"]
        tries = house.call("tasks.show", **task)["attempts"]
        attempts += [item["attempt_id"] for item in tries]
        found[name] = (state, [item["outcome"] for item in tries], steps(house, run_id))
    assert [name for name, (_, allowed) in POINTS.items() if found[name] not in allowed] == [], found
    wait_until_nothing_is_left(house, *attempts)


@pytest.mark.parametrize("point", ["mended.before_rename", "resume.after_commit"])
def test_a_host_that_is_killed_leaves_a_failed_task_or_one_that_goes_on(house: House, point: str) -> None:
    write_failing(house)
    house.start(env={FAULTS_VARIABLE: f"{point}=crash"})
    task, note = fail(house)
    with pytest.raises((FlowError, OSError)):
        resume(house, task, note)
    assert house.process is not None
    assert house.process.wait(60) == -signal.SIGKILL
    house.start()
    if not point.endswith("after_commit"):
        assert house.run("nightly", task["run_id"])["state"] == "failed"
        resume(house, task, kept_of(house, task["run_id"]))
    assert house.wait_for_run("nightly", task["run_id"])["state"] == "success"
    assert steps(house, task["run_id"]) == ["loaded", "saved"]
    shown = house.call("tasks.show", **task)
    assert len(shown["attempts"]) == 2
    wait_until_nothing_is_left(house, *(item["attempt_id"] for item in shown["attempts"]))


@pytest.fixture
def stopped() -> Iterator[list[int]]:
    """Pids that are let go on at the end, whatever happens."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def test_a_kernel_that_is_gone_when_it_is_asked_for_fails_the_attempt(house: House, stopped: list[int]) -> None:
    write_failing(house)
    house.start()
    task, note = fail(house)
    cells = mended(house, task)
    stopped.append(note.keeper_pid)
    os.kill(note.keeper_pid, signal.SIGSTOP)  # the house still counts on it
    resume(house, task, note, cells=cells)
    os.kill(note.pid, signal.SIGKILL)
    os.kill(note.keeper_pid, signal.SIGCONT)
    run = house.wait_for_run("nightly", task["run_id"])
    assert run["state"] == "failed"
    assert steps(house, task["run_id"]) == ["loaded"]
    shown = house.call("tasks.show", **task)
    assert shown["attempts"][-1]["reason"]["code"] in ("kernel_start", "kernel_died")
    house.call("tasks.clear", **task, downstream=False)
    house.wait_for_run("nightly", task["run_id"])
    house.call("runs.delete", dag_id="nightly", run_id=task["run_id"])
    wait_until_nothing_is_left(house, *(item["attempt_id"] for item in shown["attempts"]))


def test_a_heir_that_is_killed_takes_the_kernel_along(house: House) -> None:
    write_failing(house)
    house.start()
    task, note = fail(house)
    gate = house.base / "gate"
    waiting = f"import time\nwhile not Path({str(gate)!r}).exists(): time.sleep(0.05)\ntotal = 1"
    resume(house, task, note, cells=mended(house, task, waiting))
    heir = wait_for(lambda: next((n for n in kept.read_all(house.home) if n.heir), None), "it has been taken over")
    os.kill(heir.keeper_pid, signal.SIGKILL)
    run = house.wait_for_run("nightly", task["run_id"])
    gate.touch()
    assert run["state"] == "failed"
    assert steps(house, task["run_id"]) == ["loaded"]
    shown = house.call("tasks.show", **task)
    assert [item["outcome"] for item in shown["attempts"]] == ["failed", "lost", "failed"]
    assert "not kept any more" in shown["reason"]["text"]
    wait_until_nothing_is_left(house, *(item["attempt_id"] for item in shown["attempts"]))
