"""Past dates of a DAG: what a backfill would do, how it goes, dates run again; and a year of runs day by day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
DAG = """
    from jupyter_flow import DAG, BashOperator, Param

    with DAG(
        "nightly",
        schedule="@daily",
        start_date="2026-01-01",
        params={{"region": Param("all", type="string", description="Which region is loaded")}},
    ):
        BashOperator(task_id="load", bash_command="until test -e {gate}; do sleep 0.1; done")
"""
WEEKLY = """
    from jupyter_flow import DAG, BashOperator

    with DAG(
        "weekly",
        schedule="30 2 * * 0",
        start_date="2026-01-01",
        timezone="Europe/Berlin",
        doc_md="# What it does\\nIt **sweeps**.<script>window.swept = 1</script>",
    ):
        BashOperator(task_id="sweep", bash_command="test {{ ds }} != 2026-02-15")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A server of its own: others count the runs that they find."""
    server = LabServer(tmp_path_factory.mktemp("backfills"))
    server.write_dag(DAG.format(gate=server.base / "gate"), "nightly.py")
    server.write_dag(WEEKLY, "weekly.py")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("nightly")
        server.wait_for_dag("weekly")
        yield server
    finally:
        server.close()


def backfill(lab: LabServer, number: int) -> Any:
    return lab.get(f"/backfills/{number}")


def latest(lab: LabServer) -> int:
    return int(lab.get("/backfills")["backfills"][0]["backfill_id"])


def fill(form: Locator, first: str, last: str, *, at_once: int) -> None:
    form.get_by_label("From").fill(f"{first}T00:00")
    form.get_by_label("To", exact=True).fill(f"{last}T23:59")
    form.get_by_label("Runs at once").fill(str(at_once))


def item(page: Page, number: int) -> Locator:
    return page.locator(f".jp-flow-backfill[data-backfill='{number}']")


def test_a_person_runs_past_dates(browser: Browser, lab: LabServer) -> None:
    gate = lab.base / "gate"
    tab = LabPage(browser, lab)
    page = tab.page
    tab.run("jupyter-flow:open-dag", {"dag_id": "nightly", "tab": "backfills"})
    expect(page.locator(".jp-flow-backfills")).to_contain_text("No backfills yet.")
    page.get_by_role("button", name="New backfill …").click()

    # what it would do stands there before anything is done
    form = page.get_by_role("region", name="New backfill")
    fill(form, "2026-03-01", "2026-03-05", at_once=2)
    form.get_by_label("Order").select_option("latest")
    form.get_by_text("Values of its runs").click()
    form.locator("#root_region").fill("north")
    expect(form.get_by_role("status").first).to_have_text("5 dates run.")
    expect(form.locator("[data-row]")).to_have_count(5)
    expect(form.locator("[data-row]").first).to_contain_text("Mar 5, 2026")
    tab.screenshot("backfill-form-light")
    assert lab.get("/backfills")["backfills"] == []  # so far
    form.get_by_role("button", name="Start").click()

    # it runs: two at once, the latest dates first, though the DAG is paused
    expect(form).to_have_count(0)
    shown = item(page, 1)
    bar = shown.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuetext", "2 running, 3 to come", timeout=60_000)
    found = backfill(lab, 1)
    assert (found["conf"], found["max_active_runs"], found["run_backwards"]) == ({"region": "north"}, 2, True)
    assert [date["state"] for date in found["dates"]] == ["running", "running", None, None, None]
    shown.get_by_role("button", name="Pause").click()
    expect(shown).to_have_attribute("data-state", "paused")
    gate.touch()
    expect(bar).to_have_attribute("aria-valuetext", "2 success, 3 to come", timeout=60_000)
    tab.screenshot("backfill-light")
    assert backfill(lab, 1)["state"] == "paused"

    # it goes on to its end, of which the page hears
    shown.get_by_role("button", name="Go on").click()
    expect(shown).to_have_attribute("data-state", "completed", timeout=60_000)
    expect(shown.locator("[data-row] [data-state=success]")).to_have_count(5)
    shown.locator("[data-row] .jp-flow-link").first.click()
    expect(page.locator(".jp-flow-run-page[data-run-id^='backfill__2026-03-05']")).to_be_visible()
    page.close()
    assert tab.errors == []


def test_a_person_runs_dates_again_and_cancels(browser: Browser, lab: LabServer) -> None:
    gate = lab.base / "gate"
    gate.touch()
    before = lab.post("/dags/nightly/backfills", {"from_date": "2026-04-04", "to_date": "2026-04-05"})["backfill_id"]
    wait_for(lambda: backfill(lab, before)["state"] == "completed", "two dates have runs")
    gate.unlink()
    tab = LabPage(browser, lab, "dark")
    page = tab.page
    tab.run("jupyter-flow:open-dag", {"dag_id": "nightly", "tab": "backfills:2026-04-04..2026-04-07"})
    form = page.get_by_role("region", name="New backfill")
    expect(form.get_by_role("status").first).to_have_text("2 dates run, 2 are left out.")
    fill(form, "2026-04-04", "2026-04-05", at_once=1)
    expect(form.get_by_role("status").first).to_have_text("0 dates run, 2 are left out.")
    expect(form.get_by_role("button", name="Start")).to_be_disabled()
    form.get_by_label("Runs at once").fill("0")
    expect(form.get_by_role("status").first).to_contain_text("from 1 to 1000")
    fill(form, "2026-04-04", "2026-04-07", at_once=1)
    form.get_by_label("Dates that have a run").select_option("completed")
    expect(form.get_by_role("status").first).to_have_text("4 dates run.")
    expect(form.locator("[data-row]").first).to_contain_text("runs again")
    tab.screenshot("backfill-form-dark")
    form.get_by_role("button", name="Start").click()

    number = wait_for(lambda: latest(lab) > before and latest(lab), "it is there")
    shown = item(page, number)
    expect(shown.get_by_role("progressbar")).to_have_attribute(
        "aria-valuetext", re.compile("1 running, 3 to come"), timeout=60_000
    )
    shown.get_by_role("button", name="Cancel …").click()
    tab.screenshot("backfill-dark")
    shown.get_by_role("button", name="Cancel backfill").click()
    expect(shown).to_have_attribute("data-state", "cancelled")
    gate.touch()
    expect(shown.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "1 success, 3 to come", timeout=60_000)
    assert [date["state"] for date in backfill(lab, number)["dates"]] == ["success", None, None, None]
    page.close()
    assert tab.errors == []


def test_a_person_finds_a_bad_day_and_runs_it_again(browser: Browser, lab: LabServer) -> None:
    (lab.base / "gate").touch()
    plan = {"from_date": "2026-05-01", "to_date": "2026-05-04"}
    number = lab.post("/dags/nightly/backfills", plan)["backfill_id"]
    wait_for(lambda: backfill(lab, number)["state"] == "completed", "the dates have runs")
    run_id = backfill(lab, number)["dates"][2]["run_id"]
    tab = LabPage(browser, lab)
    page = tab.page
    tab.run("jupyter-flow:open-dag", {"dag_id": "nightly", "tab": "calendar"})
    year = page.locator(".jp-flow-calendar-year")
    today = page.locator("[aria-current=date]")
    expect(today).to_be_visible()
    for _ in range(int(year.inner_text()) - 2026):
        page.get_by_role("button", name="Year before").click()
    expect(year).to_have_text("2026")
    day = page.locator("[data-day='2026-05-03']")
    expect(day).to_have_attribute("data-state", "success")

    # a run that turns out bad is seen there without a reload
    lab.post(f"/dags/nightly/runs/{quote(run_id, safe='')}/mark", {"state": "failed"})
    expect(day).to_have_attribute("data-state", "failed")
    expect(day).to_have_attribute("aria-label", "May 3, 2026: 1 failed")
    day.click()
    details = page.get_by_role("complementary", name="Selected days")
    expect(details.locator(f"[data-run-id='{run_id}']")).to_be_visible()

    # by keyboard: the day before, and three days on from there
    page.keyboard.press("ArrowLeft")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("[data-day='2026-05-05']")).to_be_focused()
    expect(page.locator(".jp-flow-calendar-day[aria-selected=true]")).to_have_count(4)
    expect(details.locator("h2")).to_have_text("May 2, 2026 – May 5, 2026")
    expect(details).to_contain_text("2 success")
    expect(details.locator(".jp-flow-calendar-runs li")).to_have_count(3)
    tab.screenshot("calendar-light")
    shown = lab.get("/dags/nightly/calendar?start=2026-05-02&end=2026-05-05")["days"]
    assert [item["states"] for item in shown] == [{"success": 1}, {"failed": 1}, {"success": 1}]

    # and these days are run again where they failed
    details.get_by_role("button", name="Backfill …").click()
    form = page.get_by_role("region", name="New backfill")
    form.get_by_label("Dates that have a run").select_option("failed")
    expect(form.get_by_role("status").first).to_have_text("2 dates run, 2 are left out.")
    form.get_by_role("button", name="Start").click()
    expect(item(page, latest(lab))).to_have_attribute("data-state", "completed", timeout=60_000)
    page.locator(".jp-flow-dag-page [data-tab=calendar]").click()
    expect(day).to_have_attribute("data-state", "success")
    page.close()
    assert tab.errors == []


def test_the_calendar_in_the_dark(browser: Browser, lab: LabServer) -> None:
    tab = LabPage(browser, lab, "dark")
    tab.run("jupyter-flow:open-dag", {"dag_id": "nightly", "tab": "calendar"})
    tab.page.locator(".jp-flow-calendar").get_by_role("button", name="Today").click()
    expect(tab.page.locator("[aria-current=date]")).to_have_attribute("aria-selected", "true")
    tab.screenshot("calendar-dark")
    tab.page.close()
    assert tab.errors == []


def test_a_person_sees_how_long_runs_take_and_when_the_next_ones_come(browser: Browser, lab: LabServer) -> None:
    number = lab.post("/dags/weekly/backfills", {"from_date": "2026-02-01", "to_date": "2026-03-02"})["backfill_id"]
    wait_for(lambda: backfill(lab, number)["state"] == "completed", "five dates have runs")
    tab = LabPage(browser, lab)
    page = tab.page
    tab.run("jupyter-flow:open-dag", {"dag_id": "weekly", "tab": "overview"})
    trends = page.get_by_role("region", name="Durations", exact=True)
    bars = trends.locator(".jp-flow-trend-run")
    expect(bars).to_have_count(5)
    expect(trends.locator(".jp-flow-trend-run[data-state=failed]")).to_have_count(1)
    expect(trends).to_contain_text("80 %")

    # the author's own words, of which scripts are left out
    expect(page.locator(".jp-flow-markdown h1")).to_contain_text("What it does")
    expect(page.locator(".jp-flow-markdown strong")).to_have_text("sweeps")
    assert page.evaluate("window.swept") is None

    # what daylight saving does to the schedule stands beside it
    rows = page.get_by_role("table", name="Next runs").locator("tbody tr")
    expect(rows).to_have_count(5)
    tab.screenshot("overview-light")
    page.get_by_role("button", name="More", exact=True).click()
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="More", exact=True).click()
    expect(rows).to_have_count(80)
    expect(page.get_by_role("cell", name=re.compile("clocks have gone forward 60 min"))).not_to_have_count(0)
    expect(page.get_by_role("cell", name="this time comes twice: the first time")).not_to_have_count(0)
    assert rows.last.get_attribute("data-run-after") == lab.get("/dags/weekly/next?count=80")[-1]["run_after"]

    # of one task; a click opens it in its run
    trends.get_by_label("Durations of", exact=True).select_option("sweep")
    shown = lab.get("/dags/weekly/durations?task_id=sweep")
    failed = next(run for run in shown["runs"] if run["state"] == "failed")
    bar = trends.locator(f".jp-flow-trend-run[data-run-id='{failed['run_id']}']")
    expect(bar).to_have_attribute("data-state", "failed")
    bar.click()
    expect(page.locator(f".jp-flow-run-page[data-run-id='{failed['run_id']}']")).to_be_visible()
    page.close()
    assert tab.errors == []


def test_the_overview_in_the_dark(browser: Browser, lab: LabServer) -> None:
    tab = LabPage(browser, lab, "dark")
    tab.run("jupyter-flow:open-dag", {"dag_id": "weekly", "tab": "overview"})
    expect(tab.page.locator(".jp-flow-markdown h1")).to_be_visible()
    tab.screenshot("overview-dark")
    tab.page.close()
    assert tab.errors == []
