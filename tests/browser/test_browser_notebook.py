"""Flow inside a notebook: a live run that can be cancelled, and what is left of it when the notebook is saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
DAGS = """
    from jupyter_flow import DAG, BashOperator

    with DAG("nightly", schedule=None):
        fetch = BashOperator(task_id="fetch", bash_command="echo fetched")
        train = BashOperator(task_id="train", bash_command="for i in 1 2 3; do echo epoch $i; done; exec sleep 600")
        fetch >> train >> BashOperator(task_id="report", bash_command="echo report")

    with DAG("drawn", schedule=None):
        BashOperator(task_id="first", bash_command="true") >> BashOperator(task_id="second", bash_command="exit 3")
"""
KERNEL_IS_IDLE = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
RUNS = ["from jupyter_flow import flow\nrun = flow.run('nightly', unpause=True)", "run.wait().state"]
CELLS = [
    "%load_ext jupyter_flow",
    "%%dag cells",
    "%%task load --outputs rows\nrows = [1, 2]",
    "%%task lookup --outputs names\nnames = {}",
    "%%task fit\nif len(rows) < 3:\n    raise ValueError('too few rows')",
]
GRAPH = [
    "%load_ext jupyter_flow",
    "%%dag drawn\nfirst = BashOperator(task_id='first', bash_command='true')\n"
    "second = BashOperator(task_id='second', bash_command='exit 3')\nfirst >> second",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("notebook"))
    server.write_dag(DAGS, "nightly.py")
    for name, cells in {"runs": RUNS, "cells": CELLS, "graph": GRAPH}.items():
        server.write_notebook(cells, f"{name}.ipynb")
    (server.dags / "graph.ipynb").rename(server.root / "graph.ipynb")  # in a DAG folder it would define the DAG twice
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("nightly")
        server.wait_for_dag("cells")
        yield server
    finally:
        server.close()


@pytest.fixture
def open_notebook(lab: LabServer, browser: Browser) -> Iterator[Callable[..., LabPage]]:
    """``open_notebook(path, theme="light")`` opens a notebook with a kernel in a fresh tab."""
    opened: list[LabPage] = []

    def open_page(path: str, theme: str = "light") -> LabPage:
        tab = LabPage(browser, lab, theme)
        opened.append(tab)
        tab.run("docmanager:open", {"path": path, "factory": "Notebook"})
        tab.page.wait_for_function(KERNEL_IS_IDLE)
        return tab

    yield open_page
    errors = [error for tab in opened for error in tab.errors]
    for tab in opened:
        tab.page.close()
    assert not errors


def cell(page: Page, number: int) -> Locator:
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-CodeCell").nth(number)


def run_cell(page: Page, number: int) -> None:
    """Run a cell as a person does."""
    cell(page, number).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def test_a_run_is_watched_and_cancelled_in_the_notebook(lab: LabServer, open_notebook: Callable[..., LabPage]) -> None:
    tab = open_notebook("dags/runs.ipynb")
    page = tab.page
    run_cell(page, 0)
    output = cell(page, 0).locator(".jp-OutputArea")
    train = output.locator("tr[data-task=train]")
    expect(train).to_contain_text("running", timeout=60_000)
    expect(output).to_contain_text("epoch 3", timeout=60_000)
    output.locator("select").select_option("fetch")
    expect(output).to_contain_text("log of fetch", timeout=60_000)
    tab.screenshot("notebook-run-light")
    run_cell(page, 1)
    expect(cell(page, 1).locator(".jp-InputPrompt")).to_have_text("[*]:")
    output.get_by_role("button", name="Cancel run").click()  # while a cell waits for the run
    expect(train).to_contain_text("cancelled", timeout=60_000)
    expect(cell(page, 1).locator(".jp-OutputArea")).to_contain_text("cancelled")
    expect(output.locator("select")).to_have_count(0)
    (run,) = lab.get("/dags/nightly/runs")["runs"]
    assert run["state"] == "cancelled"
    page.keyboard.press("Control+s")
    path = lab.dags / "runs.ipynb"
    wait_for(lambda: "text/html" in path.read_text(), "the notebook is saved")
    data = json.loads(path.read_text())["cells"][0]["outputs"][0]["data"]
    assert set(data) == {"text/plain", "text/html"}
    again = open_notebook("dags/runs.ipynb", "dark")
    expect(again.page.locator(".jp-OutputArea tr[data-task=train]")).to_contain_text("cancelled")
    again.screenshot("notebook-run-dark")


def test_task_cells_show_their_state_and_take_their_options(
    lab: LabServer, open_notebook: Callable[..., LabPage]
) -> None:
    lab.run_to_end("cells")
    tab = open_notebook("dags/cells.ipynb")
    page = tab.page
    badge = cell(page, 4).locator(".jp-flow-task-badge")
    expect(badge.locator("[data-state]")).to_have_attribute("data-state", "failed", timeout=60_000)
    expect(cell(page, 2).locator(".jp-flow-task-badge [data-state]")).to_have_attribute("data-state", "success")
    expect(page.locator(".jp-flow-task-badge")).to_have_count(3)

    cell(page, 4).locator(".cm-line").first.click()
    page.get_by_role("tab", name="Property Inspector").click()
    form = page.get_by_role("form", name="%%task fit")
    form.get_by_label("Retries").fill("0")
    form.get_by_label("Retries").press("Enter")
    expect(cell(page, 4).locator(".cm-line").first).to_have_text("%%task fit --retries 0")
    cell(page, 4).locator(".cm-line").first.click()
    page.keyboard.press("End")
    page.keyboard.type(" --after lo")
    page.keyboard.press("Tab")
    offered = page.locator(".jp-Completer")
    expect(offered).to_contain_text("lookup", timeout=60_000)
    tab.screenshot("notebook-cells-light")
    offered.get_by_text("lookup").click()
    expect(cell(page, 4).locator(".cm-line").first).to_have_text("%%task fit --retries 0 --after lookup")
    expect(form.get_by_label("Depends on")).to_have_value("lookup")
    page.keyboard.press("Control+s")

    def upstream() -> bool:
        (fit,) = [task for task in lab.get("/dags/cells")["tasks"] if task["task_id"] == "fit"]
        return set(fit["upstream"]) == {"load", "lookup"}

    wait_for(upstream, "the house has read the saved notebook")
    run = lab.run_to_end("cells")

    def offers_the_run() -> bool:
        page.get_by_role("button", name="Jupyter Flow: Belongs to 1 DAG").click()
        words = page.locator(".lm-Menu").inner_text()
        page.keyboard.press("Escape")
        return "Open its last run (failed)" in words

    expect(badge).to_have_attribute("title", f"Open fit in run {run['run_id']}")
    wait_for(offers_the_run, "the menu knows the end of the run")
    badge.click()
    expect(page.locator(f".jp-flow-run-page[data-run-id='{run['run_id']}']")).to_be_visible()
    expect(page.locator(".jp-flow-task-head h2")).to_have_text("fit")


def test_a_dag_cell_shows_a_live_graph(lab: LabServer, open_notebook: Callable[..., LabPage]) -> None:
    tab = open_notebook("graph.ipynb")
    page = tab.page
    run_cell(page, 0)
    run_cell(page, 1)
    graph = page.locator(".jp-flow-dag-output")
    expect(graph.locator(".react-flow__node")).to_have_count(2, timeout=60_000)
    expect(graph).to_contain_text("has not run yet")
    lab.run_to_end("drawn")
    expect(graph.locator(".jp-flow-node[data-state=failed]")).to_have_count(1, timeout=60_000)
    tab.screenshot("notebook-graph-light")
    page.keyboard.press("Control+s")
    path = lab.root / "graph.ipynb"
    wait_for(lambda: "jupyter-flow.dag" in path.read_text(), "the notebook is saved")
    data = json.loads(path.read_text())["cells"][1]["outputs"][0]["data"]
    assert {"text/plain", "text/html"} <= set(data)
    again = open_notebook("graph.ipynb", "dark")
    expect(again.page.locator(".jp-flow-node[data-state=failed]")).to_have_count(1, timeout=60_000)
    again.screenshot("notebook-graph-dark")
