"""The page is live without asking: no calls when idle, nothing lost when the socket is cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)
IDLE = 30.0
CUTS = 20


def wait_until_quiet(tab: LabPage, seconds: float = 3.0) -> None:
    """Wait until the page has asked for nothing in ``seconds``."""
    last = (len(tab.calls), time.monotonic())

    def is_quiet() -> bool:
        nonlocal last
        tab.page.wait_for_timeout(200)
        if len(tab.calls) != last[0]:
            last = (len(tab.calls), time.monotonic())
        return time.monotonic() - last[1] > seconds

    wait_for(is_quiet, "the page comes to rest")


def shown(tab: LabPage) -> dict[str, Any]:
    """What the panel, the DAG page and the run page say."""
    return tab.page.evaluate(
        """() => {
          const all = selector => [...document.querySelectorAll(selector)];
          return {
            runs: all('.jp-flow-dag-page tr[data-run-id]').map(
              row => [row.dataset.runId, row.querySelector('.jp-flow-state').dataset.state]),
            tasks: all('.jp-flow-node').map(node => [node.dataset.taskId, node.dataset.state]).sort(),
            bars: all('.jp-flow-dag[data-dag-id=forecast] .jp-flow-bar .jp-flow-state').map(mark => mark.dataset.state),
            paused: all('.jp-flow-dag').map(row => [row.dataset.dagId, row.dataset.paused]).sort(),
          };
        }"""
    )


def true(lab: LabServer) -> dict[str, Any]:
    """The same from REST."""
    runs = lab.get("/dags/forecast/runs?limit=25")["runs"]
    newest = lab.get(f"/dags/forecast/runs/{quote(runs[0]['run_id'], safe='')}")
    dags = lab.get("/dags")["dags"]
    (forecast,) = [dag for dag in dags if dag["dag_id"] == "forecast"]
    return {
        "runs": [[run["run_id"], run["state"]] for run in runs],
        "tasks": sorted([task["task_id"], task["state"]] for task in newest["tasks"]),
        "bars": [run["state"] for run in forecast["recent_runs"]],
        "paused": sorted([dag["dag_id"], str(dag["is_paused"]).lower()] for dag in dags),
    }


def test_an_idle_page_asks_for_nothing(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    lab.run_to_end("forecast")
    tab = open_lab()
    tab.open_panel()
    tab.run("jupyter-flow:open-dag", {"dag_id": "forecast"})
    tab.page.wait_for_selector(".jp-flow-node[data-state=success]")
    wait_until_quiet(tab)
    before = list(tab.calls)
    assert before
    tab.page.wait_for_timeout(IDLE * 1000)
    assert tab.calls == before
    assert shown(tab) == true(lab)


def test_twenty_cuts_and_the_page_is_still_right(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    tab = open_lab()
    tab.open_panel()
    tab.run("jupyter-flow:open-dag", {"dag_id": "forecast"})
    tab.page.wait_for_selector(".jp-flow-node")
    run = None
    for cut in range(CUTS):
        if cut % 5 == 0:
            run = lab.post("/dags/forecast/runs", {"unpause": True, "conf": {"fail": cut == 10}})
        count = tab.cut_socket()
        tab.page.wait_for_timeout(150)
        tab.page.wait_for_function(
            "count => window.flowSockets.length > count && window.flowSockets.at(-1).readyState === 1", arg=count
        )
    assert run is not None
    path = f"/dags/forecast/runs/{quote(run['run_id'], safe='')}"
    wait_for(lambda: lab.get(path)["state"] in ("success", "failed"), "the last run ends", 120)
    wait_for(lambda: all(state not in ("queued", "running") for _, state in true(lab)["runs"]), "all runs end", 120)
    wait_until_quiet(tab, 1.5)
    assert shown(tab) == true(lab)
