"""The runs of a DAG as a table: find those of a state, see what an action would do to them, do it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
NOT_FOUND = 404


def test_a_person_clears_up_old_runs(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    ids = [str(lab.run_to_end("cleanup", {})["run_id"]) for _ in range(2)]
    lab.patch("/dags/cleanup", {"is_paused": True})  # as the other tests of this JupyterLab find it
    tab = open_lab()
    page = tab.page
    tab.run("jupyter-flow:open-dag", {"dag_id": "cleanup", "tab": "runs"})
    rows = [page.locator(f".jp-flow-runs-body [data-run-id='{run_id}']") for run_id in ids]
    expect(rows[0]).to_have_attribute("data-state", "success")

    page.locator(".jp-flow-runs-tab select").first.select_option("failed")
    expect(page.locator(".jp-flow-runs-tab")).to_contain_text("No such runs.")
    page.get_by_role("button", name="Show all").click()
    for row in rows:
        row.get_by_role("checkbox").click()
    expect(page.get_by_role("toolbar", name="Selected runs")).to_contain_text("2 selected")

    # a run that is so already is left out, and the list says so first
    page.get_by_role("button", name="Mark as success …").click()
    plan = page.locator(".jp-flow-plan")
    expect(plan).to_contain_text("0 of 2 runs")
    expect(plan.locator("li").first).to_contain_text("is so already")
    tab.screenshot("runs-light")
    plan.get_by_role("button", name="Back").click()

    page.get_by_role("button", name="Delete …").click()
    expect(plan).to_contain_text("2 of 2 runs")
    plan.get_by_role("button", name="Delete").click()
    for row in rows:
        expect(row).to_have_count(0)
    expect(plan).to_have_count(0)
    for run_id in ids:
        wait_for(partial(is_forgotten, lab, run_id), "the run is forgotten")


def is_forgotten(lab: LabServer, run_id: str) -> bool:
    return lab.request("GET", f"/dags/cleanup/runs/{quote(run_id, safe='')}").status_code == NOT_FOUND
