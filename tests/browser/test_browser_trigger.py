"""Before a run: values of an earlier one, values as JSON, and a refusal that loses nothing of what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for


def test_a_person_takes_over_values_and_types_json(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    earlier = lab.post("/dags/forecast/runs", {"conf": {"rows": 77}, "unpause": True})
    tab = open_lab()
    page = tab.page
    tab.run("jupyter-flow:open-dag", {"dag_id": "forecast"})
    page.locator(".jp-flow-dag-page").get_by_role("button", name="Run …").click()
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_label("Values", exact=True).select_option(earlier["run_id"])
    expect(dialog.locator("#root_rows")).to_have_value("77")
    dialog.locator("#root_rows").fill("78")
    dialog.get_by_role("tab", name="JSON").click()
    json = dialog.get_by_label("Values as JSON")
    expect(json).to_have_value(re.compile('"rows": 78'))
    tab.screenshot("trigger-json-light")
    json.fill('{"rows": ')
    expect(dialog.get_by_text("This is no JSON object")).to_be_visible()
    json.fill('{"rows": 0}')
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("param 'rows'")  # in the server's words
    expect(json).to_have_value('{"rows": 0}')
    json.fill('{"rows": 79}')
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog).to_have_count(0)

    def started() -> Any:
        runs = lab.get("/dags/forecast/runs?limit=5")["runs"]
        return next((run for run in runs if run["conf"] == {"rows": 79}), None)

    assert wait_for(started, "the run is there")["run_id"] != earlier["run_id"]
