"""The panel: what needs attention, what runs, all DAGs; a person finds, acts, and the database agrees."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
SLOW = 60_000
expect.set_options(timeout=20_000)


def row(page: Page, dag_id: str) -> str:
    return f".jp-flow-dag[data-dag-id={dag_id}]"


def test_a_failure_is_seen_and_a_run_is_ended(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    failed = lab.run_to_end("forecast", {"conf": {"fail": True, "rows": 3}})
    assert failed["state"] == "failed"
    tab = open_lab()
    page = tab.page
    tab.open_panel()
    attention = page.get_by_role("region", name="Needs attention")
    item = attention.locator("[data-kind=failed]")
    expect(item).to_contain_text("forecast ▸ fit")
    expect(item).to_contain_text("the data are bad: 3 rows")
    expect(attention.locator("[data-kind=import]")).to_contain_text("broken.py:2")
    counts = page.locator(row(page, "forecast")).get_by_role("group", name="Tasks of the last run")
    expect(counts.get_by_role("button")).to_have_text(["success2", "failed1", "upstream failed1"])
    expect(counts.get_by_role("button", name="1 failed")).to_be_visible()
    tab.screenshot("sidebar-light")

    run = lab.post("/dags/forecast/runs", {"conf": {"rows": 4}})
    running = page.locator(f".jp-flow-running-run[data-run-id='{run['run_id']}']")
    expect(running).to_contain_text("of 4 tasks")
    expect(running.get_by_role("progressbar")).to_have_attribute("aria-valuemax", "4")
    tab.screenshot("sidebar-running")
    running.get_by_role("button", name="Cancel the run of forecast").click()
    expect(running).to_have_count(0, timeout=SLOW)
    assert lab.get(f"/dags/forecast/runs/{run['run_id']}")["state"] == "cancelled"
    expect(page.get_by_role("region", name="Running")).to_contain_text("Nothing runs.")


def test_a_failure_opens_at_its_task(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    failed = lab.run_to_end("forecast", {"conf": {"fail": True, "rows": 5}})
    tab = open_lab("dark")
    tab.open_panel()
    page = tab.page
    page.locator("[data-kind=failed] button").click()
    page.wait_for_selector(f".jp-flow-run-page[data-run-id='{failed['run_id']}']")
    expect(page.locator(".jp-flow-run-task")).to_contain_text("fit")
    tab.screenshot("sidebar-dark")


def test_filters_favourites_and_the_menu(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    tab = open_lab()
    page = tab.page
    tab.open_panel()
    lab.patch("/dags/forecast", {"is_paused": False})
    page.get_by_label("Show paused (1)").uncheck()
    expect(page.locator(".jp-flow-dag")).to_have_count(1)
    page.get_by_label("Show paused (1)").check()
    page.get_by_label("Tag").select_option("house")
    expect(page.locator(".jp-flow-dag")).to_have_count(1)
    page.get_by_label("Tag").select_option("")
    expect(page.locator(row(page, "cleanup"))).to_contain_text("At 04:00, only on Monday")
    page.get_by_role("button", name="Add to favourites: forecast").click()
    page.get_by_label("Favourites", exact=True).check()
    expect(page.locator(".jp-flow-dag")).to_have_count(1)
    page.get_by_label("Favourites", exact=True).uncheck()

    page.locator(row(page, "cleanup")).click(button="right", position={"x": 40, "y": 50})
    page.locator(".jp-flow-menu").get_by_text("Unpause").click()
    expect(page.locator(row(page, "cleanup"))).to_have_attribute("data-paused", "false")
    assert lab.get("/dags/cleanup")["is_paused"] is False
    page.get_by_role("switch", name="Schedule of cleanup").click()
    wait_for(lambda: lab.get("/dags/cleanup")["is_paused"], "cleanup is paused again")


def test_the_home_page(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    lab.run_to_end("forecast", {"conf": {"fail": True, "rows": 6}})
    for theme in ("light", "dark"):
        tab = open_lab(theme)
        page = tab.page
        tab.open_panel()
        page.get_by_role("button", name="Home", exact=True).click()
        home = page.locator(".jp-flow-home")
        expect(home.locator(".jp-flow-tile-host")).to_have_text("Scheduler is running")
        expect(home.get_by_role("region", name="Last failures")).to_contain_text("the data are bad")
        expect(home.get_by_role("region", name="DAG files that do not load")).to_contain_text("broken.py:2")
        expect(home.get_by_role("meter", name="default_pool")).to_have_attribute("aria-valuemax", re.compile(r"\d+"))
        expect(home.locator(".jp-flow-day-run[data-dag-id=forecast]").last).to_be_visible()
        tab.screenshot(f"home-{theme}")
    page.locator(".jp-flow-day-run[data-state=failed]").last.click()
    page.wait_for_selector(".jp-flow-run-page")
