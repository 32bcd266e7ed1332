"""Workers in network namespaces of their own, without shared files: cuts, delays, stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.dask_houses import DaskHouse, overlaps
from support.houses import House
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def make(houses: Callable[[], House]) -> Iterator[Callable[..., DaskHouse]]:
    made: list[DaskHouse] = []

    def build(**options: Any) -> DaskHouse:
        made.append(DaskHouse(houses(), **options))
        return made[-1]

    yield build
    for dask in made:
        dask.close()


def attempts_of(dask: DaskHouse, run_id: str) -> list[dict[str, object]]:
    query = "SELECT a.*, t.task_id FROM attempt a JOIN task_instance t ON t.id = a.task_instance_id WHERE t.run_id = ?"
    return dask.house.rows(f"{query} ORDER BY a.attempt_number", run_id)


def test_a_short_cut_is_survived_and_a_long_one_is_fenced(make: Callable[..., DaskHouse]) -> None:
    dask = make()
    dask.write_pulse_dag(3 * dask.lost_after)
    dask.start()
    run = dask.house.trigger("pulse")
    first = dask.running_attempt()
    place = dask.place_of(first).place
    place.cut()
    time.sleep(dask.lease / 3)  # a cut has a length
    place.mend()
    seen = len(dask.pulses()["t0"][first])
    wait_for(lambda: len(dask.pulses()["t0"][first]) > seen + 3, "it goes on after a short cut", 30)
    place.cut()
    wait_for(lambda: len(dask.pulses()["t0"]) == 2, lambda: f"it is begun elsewhere; {dask.said()}", 60)
    ended = dask.house.wait_for_run("pulse", run["run_id"], 60)
    place.mend()
    assert ended["state"] == "success", dask.house.story("pulse", run["run_id"])
    rows = attempts_of(dask, run["run_id"])
    assert [row["outcome"] for row in rows][1:] == ["success"]
    assert rows[0]["outcome"] != "success"
    assert dask.place_of(str(rows[1]["id"])).place is not place
    assert not overlaps(dask.pulses()["t0"]), dask.pulses()
    # back again: what it brings is refused, and it can be given work again
    assert dask.house.run("pulse", run["run_id"])["state"] == "success"


def test_a_stopped_worker_ends_its_attempt_when_it_wakes_up(make: Callable[..., DaskHouse]) -> None:
    dask = make()
    dask.write_pulse_dag(2 * dask.lost_after)
    dask.start()
    run = dask.house.trigger("pulse")
    first = dask.running_attempt()
    dask.freeze(dask.place_of(first))
    wait_for(lambda: len(dask.pulses()["t0"]) == 2, lambda: f"it is begun elsewhere; {dask.said()}", 60)
    lines = len(dask.pulses()["t0"][first])
    dask.thaw()
    assert dask.house.wait_for_run("pulse", run["run_id"], 60)["state"] == "success"
    assert len(dask.pulses()["t0"][first]) <= lines + 3  # ending it is the first thing that its guard does
    assert [row["outcome"] for row in attempts_of(dask, run["run_id"])][1:] == ["success"]


def test_a_slow_network_changes_nothing(make: Callable[..., DaskHouse]) -> None:
    dask = make(slow=True)
    dask.write_pulse_dag(dask.lease)
    dask.start()
    for worker in dask.workers:
        worker.place.delay(0.3)
    run = dask.house.trigger("pulse")
    assert dask.house.wait_for_run("pulse", run["run_id"], 90)["state"] == "success", dask.said()
    assert [row["outcome"] for row in attempts_of(dask, run["run_id"])] == ["success"]


RICH = """
from jupyter_flow import DAG, BashOperator, NotebookOperator, task
import helper

with DAG("rich"):

    @task(queue="big", resources={"GPU": 1})
    def make():
        import os
        print(os.environ["DASK_HOUSE_PLACE"])
        open("beside", "w").write("a file of its own")
        return {"n": helper.N, "blob": "x" * 400_000}

    @task
    def look(given):
        print(given["n"], len(given["blob"]))
        return given["n"] + 1

    look(make()) >> NotebookOperator(task_id="book", notebook="book.ipynb", parameters={"a": 2})
"""


def test_bundles_values_and_notebooks_travel_by_a_store(make: Callable[..., DaskHouse], tmp_path: Path) -> None:
    store = tmp_path / "store"
    dask = make(shared_store=store.as_uri())
    dask.house.write_dag(RICH, "rich.py")
    dask.house.write_dag("N = 41\n", "helper.py")
    dask.house.write_notebook(["a = 1", "print(a * 21)"], "book.ipynb")
    dask.start("--queue", "big=4", resources=[None, "GPU=1 queue:big=1"])
    run = dask.house.run_dag("rich", 120)
    assert run["state"] == "success", dask.house.story("rich", run["run_id"]) + dask.said()
    rows = {row["task_id"]: row for row in attempts_of(dask, run["run_id"])}
    assert f" {dask.network.places[1].name}#" in str(rows["make"]["worker"])
    shown = dask.house.call("tasks.log", dag_id="rich", run_id=run["run_id"], task_id="look")
    assert "41 400000" in [line["text"] for line in shown["lines"]]
    document = dask.house.call("tasks.notebook", dag_id="rich", run_id=run["run_id"], task_id="book")
    assert document["notebook"]["cells"]
    assert list((store / "bundles").glob("*.zip"))
    assert list((store / "xcoms").rglob("*")), "a large value went to the store"
