"""What a person does: open the panel, run with params, watch, read the log, open the notebook, see the failing cell."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
FAILED = ".jp-flow-node[data-task-id=fit][data-state=failed]"


def trigger(tab: LabPage, rows: str, fail: bool) -> str:
    """Run the DAG from its row in the panel; return the id of the run."""
    page = tab.page
    page.click(".jp-flow-dag[data-dag-id=forecast] button[aria-label='Run forecast']")
    page.wait_for_selector(".jp-Dialog .jp-flow-trigger")
    page.fill(".jp-Dialog #root_rows", rows)
    if fail:
        page.check(".jp-Dialog #root_fail")
    page.click(".jp-Dialog button.jp-mod-accept")
    page.wait_for_selector(".jp-flow-dag-page[data-dag-id=forecast]")
    run = wait_for(lambda: newest(tab.server, rows), f"the run with rows={rows}")
    page.wait_for_selector(f".jp-flow-table tr[data-run-id='{run['run_id']}'][aria-selected=true]")
    return str(run["run_id"])


def newest(server: LabServer, rows: str) -> Any:
    runs = server.get("/dags/forecast/runs?limit=5")["runs"]
    return next((run for run in runs if run["conf"].get("rows") == int(rows)), None)


def run_document(server: LabServer, run_id: str) -> Any:
    return server.get(f"/dags/forecast/runs/{quote(run_id, safe='')}")


def test_from_the_panel_to_the_failing_cell(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    tab = open_lab()
    page = tab.page
    page.evaluate("window.neverReloaded = true")
    tab.open_panel()
    expect(page.locator(".jp-flow-host")).to_have_text("Scheduler is running")
    problems = page.locator(".jp-flow-problems")
    expect(problems).to_contain_text("broken.py:2")
    expect(problems).to_contain_text("not_installed_here")
    expect(page.locator(".jp-flow-dag[data-dag-id=cleanup]")).to_contain_text("paused")

    run_id = trigger(tab, "7", fail=True)
    seen: set[str] = set()
    node = page.locator(".jp-flow-node[data-task-id=fit]")

    def has_failed() -> bool:
        seen.add(node.get_attribute("data-state") or "")
        return "failed" in seen

    wait_for(has_failed, "the graph turns", 90, 0.02)
    assert {"waiting", "running", "failed"} <= seen
    page.wait_for_selector(".jp-flow-node[data-task-id=report][data-state=upstream_failed]")
    expect(page.locator(".jp-flow-dag[data-dag-id=forecast] .jp-flow-bar").last).to_have_attribute(
        "aria-label", re.compile("failed")
    )
    tab.screenshot("dag-page-light")

    page.click(FAILED)
    page.wait_for_selector(f".jp-flow-run-page[data-run-id='{run_id}'][data-state=failed]")
    page.click(".jp-flow-tab[data-tab=log]")
    log = page.locator(".jp-flow-log-room .cm-content")
    expect(log).to_contain_text("step 5 of 7")
    expect(log).to_contain_text("ValueError")
    expect(page.locator(".jp-flow-log-state")).to_have_text("complete")
    expect(page.locator(".jp-flow-run-task .jp-flow-reason")).to_contain_text("the data are bad: 7 rows")
    tab.screenshot("run-page-light")

    page.click(".jp-flow-task-head >> text=Open notebook at failing cell")
    cell = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    expect(cell).to_contain_text("raise ValueError", timeout=30_000)
    expect(cell.locator(".jp-OutputArea")).to_contain_text("the data are bad: 7 rows")
    expect(cell).to_be_in_viewport()
    tab.screenshot("notebook-light")
    assert page.evaluate("[...window.jupyterapp.serviceManager.sessions.running()].length") == 0
    assert page.evaluate("window.neverReloaded"), "nothing may reload the page"


def test_the_log_is_live(open_lab: Callable[..., LabPage]) -> None:
    tab = open_lab()
    page = tab.page
    tab.open_panel()
    run_id = trigger(tab, "8", fail=False)
    page.wait_for_selector(".jp-flow-node[data-task-id=fit][data-state=running]")
    page.click(".jp-flow-node[data-task-id=fit]")
    page.click(".jp-flow-tab[data-tab=log]")
    log = page.locator(".jp-flow-log-room .cm-content")
    expect(log).to_contain_text("step 1 of 8", timeout=60_000)
    assert page.locator(f".jp-flow-run-page[data-run-id='{run_id}']").get_attribute("data-state") == "running"
    expect(page.locator(".jp-flow-log-state")).to_have_text("complete", timeout=60_000)
    expect(page.locator(f".jp-flow-run-page[data-run-id='{run_id}']")).to_have_attribute("data-state", "success")
    page.click("tr[data-task-id=prepare] button")
    page.click(".jp-flow-tab[data-tab=values]")
    expect(page.locator(".jp-flow-pairs").first).to_contain_text("42")


def test_pausing_and_searching(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    tab = open_lab()
    page = tab.page
    tab.open_panel()
    row = page.locator(".jp-flow-dag[data-dag-id=cleanup]")
    row.get_by_role("switch").click()
    expect(row).to_have_attribute("data-paused", "false")
    assert lab.get("/dags/cleanup")["is_paused"] is False
    row.get_by_role("switch").click()
    expect(row).to_have_attribute("data-paused", "true")
    page.get_by_label("Search DAGs").fill("house")
    expect(page.locator(".jp-flow-dag")).to_have_count(1)
    page.get_by_label("Search DAGs").fill("")
    expect(page.locator(".jp-flow-dag")).to_have_count(2)


def test_in_the_dark(open_lab: Callable[..., LabPage]) -> None:
    tab = open_lab("dark")
    tab.open_panel()
    run_id = trigger(tab, "9", fail=True)
    tab.page.wait_for_selector(FAILED, timeout=90_000)
    tab.screenshot("dag-page-dark")
    tab.page.click(FAILED)
    tab.page.wait_for_selector(f".jp-flow-run-page[data-run-id='{run_id}'] [data-notebook=done]")
    tab.screenshot("run-page-dark")
    background = tab.page.evaluate(
        "getComputedStyle(document.querySelector('.jp-flow-sidebar').parentElement).backgroundColor"
    )
    assert max(int(part) for part in re.findall(r"\d+", background)[:3]) < 60
