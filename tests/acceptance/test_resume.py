"""A failed notebook goes on: in its kept kernel at the mended cell, or from its start."""

from __future__ import annotations

import json

import pytest
from support.houses import House
from support.mending import (
    evaluate,
    fail,
    kept_of,
    mended,
    resume,
    steps,
    wait_until_nothing_is_left,
    write_failing,
)

from jupyter_flow.model.errors import Conflict


@pytest.mark.parametrize("cold", [False, True], ids=["forked", "cold"])
def test_a_task_goes_on_in_its_kernel(house: House, cold: bool) -> None:
    write_failing(house, cold)
    house.start()
    task, note = fail(house)
    cells = mended(house, task)
    evaluate(note, "1", "flow.xcom_push('early', 'tried out by hand'); flow.xcom_push('draft', 1)")
    resume(house, task, note, cells=cells)
    run = house.wait_for_run("nightly", task["run_id"])
    states = {item["task_id"]: item["state"] for item in run["tasks"]}
    assert states == {"train": "success", "after": "success"}, json.dumps(house.call("tasks.log", **task))
    assert steps(house, task["run_id"]) == ["loaded", "saved"], "what had succeeded was not done again"

    shown = house.call("tasks.show", **task)
    assert [item["outcome"] for item in shown["attempts"]] == ["failed", "success"]
    assert {item["key"]: item["value"] for item in shown["xcoms"]} == {"early": "from before", "total": 24}
    executed = house.call("tasks.notebook", **task)["notebook"]["cells"]
    assert ["".join(cell["source"]) for cell in executed] == [cell["source"] for cell in cells]
    counts = [cell.get("execution_count") for cell in executed if cell["cell_type"] == "code"]
    assert counts == [1, 2, 3, 5, 6], "the cells before are as they were recorded, the fourth execution failed"
    assert "total is 24" in json.dumps(executed[-1]["outputs"])
    assert executed[-2]["outputs"] == []
    after = house.call("tasks.log", **{**task, "task_id": "after"})
    assert "got 24" in json.dumps(after)
    wait_until_nothing_is_left(house, *(item["attempt_id"] for item in shown["attempts"]))


def test_it_fails_again_and_goes_on_again(house: House) -> None:
    write_failing(house, retries=1)
    house.start()
    task, first = fail(house)
    assert first.attempt_number == 2
    cells = mended(house, task, "total = sum(prices) / len(nothing)")
    resume(house, task, first, cells=cells)
    run = house.wait_for_run("nightly", task["run_id"])
    assert run["state"] == "failed"
    second = kept_of(house, task["run_id"])
    assert (second.attempt_number, second.pid, list(second.earlier)) == (3, first.pid, [first.attempt_id])
    with pytest.raises(Conflict, match="earlier attempt"):
        resume(house, task, first)
    resume(house, task, second)
    run = house.wait_for_run("nightly", task["run_id"])
    assert run["state"] == "success"
    assert steps(house, task["run_id"]) == ["loaded", "loaded", "saved"]
    shown = house.call("tasks.show", **task)
    wait_until_nothing_is_left(house, *(item["attempt_id"] for item in shown["attempts"]))


def test_without_its_kernel_the_mended_notebook_runs_from_its_start(house: House) -> None:
    write_failing(house)
    house.start()
    task, note = fail(house)
    cells = mended(house, task)
    house.call("tasks.release_kernel", **task)
    wait_until_nothing_is_left(house, note.attempt_id)
    with pytest.raises(Conflict, match="not kept any more"):
        resume(house, task, note, cells=cells)
    resume(house, task, note, cells=cells, with_kernel=False)
    run = house.wait_for_run("nightly", task["run_id"])
    assert run["state"] == "success"
    assert steps(house, task["run_id"]) == ["loaded", "loaded", "saved"]
    with pytest.raises(Conflict, match="success already"):
        resume(house, task, note, cells=cells)
    # who clears the task means the notebook of the DAG
    house.call("tasks.clear", **task)
    assert house.wait_for_run("nightly", task["run_id"])["state"] == "failed"
