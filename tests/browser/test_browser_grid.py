"""The grid of a DAG: find the failed cell by keyboard, see its Gantt, open it; and 1,000 tasks × 100 runs in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from support import browser_measures, browser_scenes
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)
TASKS, RUNS = 1000, 100
FIRST_PAINT_MS, HOVER_MS = 1000, 16


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("wide"))
    browser_scenes.wide(server, TASKS, RUNS)
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("wide")
        yield server
    finally:
        server.close()


def open_wide(browser: Browser, server: LabServer, theme: str = "light") -> LabPage:
    tab = LabPage(browser, server, theme)
    tab.run("jupyter-flow:open-dag", {"dag_id": "wide"})
    tab.page.wait_for_selector(".jp-flow-dag-page[data-dag-id=wide] .jp-flow-tab")
    return tab


def test_a_thousand_tasks_and_a_hundred_runs(browser: Browser, wide: LabServer) -> None:
    tab = open_wide(browser, wide)
    page = tab.page
    paint = browser_measures.grid_ms(tab)
    assert paint < FIRST_PAINT_MS, f"the first paint takes {paint:.0f} ms"
    hover = browser_measures.hover_ms(tab)
    assert hover < HOVER_MS, f"hover takes {hover:.1f} ms"
    grid = page.get_by_role("treegrid", name="Tasks and runs")
    expect(grid).to_have_attribute("aria-rowcount", str(TASKS + TASKS // 100 + 1))
    assert page.locator(".jp-flow-cell").count() < 5000, "only what can be seen is drawn"
    page.locator(".jp-flow-tools select").select_option("25")
    expect(grid).to_have_attribute("aria-colcount", "26")
    page.locator(".jp-flow-tools select").select_option("100")
    page.get_by_role("button", name="Fold all", exact=True).click()
    expect(grid).to_have_attribute("aria-rowcount", str(TASKS // 100 + 1))
    page.get_by_label("Find tasks").fill("part_3.task_77")
    expect(page.locator(".jp-flow-grid-row")).to_have_count(2)
    page.get_by_label("Find tasks").fill("")
    page.locator(".jp-flow-grid-row[data-row-id=part_2] .jp-flow-grid-name").click()
    expect(grid).to_have_attribute("aria-rowcount", str(TASKS // 100 + 100 + 1))
    page.locator(".jp-flow-grid-run").last.click()
    expect(page.locator(".jp-flow-gantt-bar").first).to_be_visible()
    tab.screenshot("grid-wide-light")

    # what was chosen is kept, beyond a reload of the whole page
    folded = [f"part_{part}" for part in range(TASKS // 100) if part != 2]
    wait_for(lambda: sorted(tab.kept("dag:wide").get("folded", [])) == folded, "the choice is saved")
    page.goto(f"{wide.url}/lab?flow-dag=wide")
    page.wait_for_selector(".jp-flow-dag-page[data-dag-id=wide] [data-shown-tab=grid]")
    expect(page.locator(".jp-flow-grid")).to_have_attribute("aria-rowcount", str(TASKS // 100 + 100 + 1))
    page.close()
    assert tab.errors == []


def test_in_the_dark(browser: Browser, wide: LabServer) -> None:
    tab = open_wide(browser, wide, "dark")
    tab.page.click("[data-tab=grid]")
    tab.page.wait_for_selector(".jp-flow-cell")
    tab.page.locator(".jp-flow-grid-run").last.click()
    tab.page.locator(".jp-flow-cell[data-state=failed]").last.click()
    tab.page.wait_for_selector("[data-selected-task]")
    tab.screenshot("grid-wide-dark")
    tab.page.close()
    assert tab.errors == []


def test_a_person_finds_the_failed_cell(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    tab = open_lab()
    page = tab.page
    run_id = lab.post("/dags/forecast/runs", {"conf": {"rows": 3, "fail": True}, "unpause": True})["run_id"]
    tab.run("jupyter-flow:open-dag", {"dag_id": "forecast"})
    page.click(".jp-flow-dag-page [data-tab=grid]")
    head = page.locator(f".jp-flow-grid-run[data-run-id='{run_id}']")
    expect(head).to_have_attribute("data-state", "failed", timeout=60_000)
    column = head.get_attribute("data-column")
    head.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    details = page.locator(".jp-flow-aside")
    expect(details.locator("[data-selected-task]")).to_be_visible()
    cell = page.locator(f".jp-flow-grid-row[data-row-id=fit] .jp-flow-cell[data-column='{column}']")
    expect(cell).to_have_attribute("data-state", "failed")
    cell.click()
    expect(details.locator("[data-selected-task=fit]")).to_contain_text("the data are bad: 3 rows")
    bar = page.locator(".jp-flow-grid-row[data-row-id=fit] .jp-flow-gantt-bar")
    expect(bar).to_have_attribute("data-state", "failed")
    tab.screenshot("grid-light")
    page.keyboard.press("Enter")
    expect(page.locator(f".jp-flow-run-page[data-run-id='{run_id}']")).to_be_visible()
    shown = lab.get("/dags/forecast/grid?limit=5")
    place = shown["tasks"].index("fit")
    assert next(run for run in shown["runs"] if run["run_id"] == run_id)["states"][place] == "f"
