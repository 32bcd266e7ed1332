"""The whole story of a person whose nightly training has failed: from the red mark in the panel to the green run.

They see the failure, its cell and what differs from the last success; open the kernel as it failed, mend the cell
and try it; then the task goes on from there, and what comes after it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import LabPage
from support.census import attempt_processes
from support.examples import EXAMPLES, TRAINING_TASKS, copy_example, without_schedule
from support.houses import states_of
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(420)
SLOW = 120_000
MENDED = """\
broken = {row["sample_id"] for row in bad}
delivery = delivery[~delivery["sample_id"].isin(broken)]
delivery.to_parquet(path, index=False)
print(f"{len(broken)} broken samples are left out")

flow.xcom_push("rows", len(delivery))
flow.log_metric("rows_validated", len(delivery))"""


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """The training example, with a success of the day before."""
    server = LabServer(tmp_path_factory.mktemp("training"))
    server.settings = ["c.JupyterFlow.keep_kernel_on_failure = 600"]
    without_schedule(copy_example("training", server.dags))
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("training")
        run = server.run_to_end("training", {"logical_date": "2026-03-01"}, timeout=180)
        assert states_of(run) == dict.fromkeys(TRAINING_TASKS, "success")
        yield server
    finally:
        server.close()


def path_of(run: dict[str, Any], task_id: str = "") -> str:
    path = f"/dags/training/runs/{quote(run['run_id'], safe='')}"
    return f"{path}/tasks/{task_id}" if task_id else path


def sources(server: LabServer, run: dict[str, Any], attempt: int) -> list[str]:
    """Return the cells of an executed notebook of ``validate``."""
    found = server.get(f"{path_of(run, 'validate')}/notebook?attempt={attempt}")
    return ["".join(cell["source"]) for cell in found["notebook"]["cells"]]


def open_failure(page: Page, run: dict[str, Any]) -> None:
    """Click what needs attention."""
    item = page.get_by_role("region", name="Needs attention").locator("[data-kind=failed]")
    expect(item).to_contain_text("training ▸ validate")
    expect(item).to_contain_text("values out of range")
    item.get_by_role("button").first.click()
    expect(page.locator(f".jp-flow-run-page[data-run-id='{run['run_id']}']")).to_be_visible()


def test_from_red_to_green(browser: Browser, training: LabServer) -> None:
    run = training.run_to_end("training", {"logical_date": "2026-03-02", "conf": {"corrupt_rows": 3}}, timeout=180)
    assert states_of(run)["validate"] == "failed"
    tab = LabPage(browser, training)
    page = tab.page
    tab.open_panel()

    # what failed, and where
    open_failure(page, run)
    card = page.locator(".jp-flow-diagnosis")
    expect(card).to_contain_text("validate failed in cell")
    expect(card.locator(".jp-flow-excerpt-line[data-failing=true]")).to_contain_text("raise ValueError")
    failed_cell = page.locator(".jp-flow-notebook [data-cell-state=failed]")
    expect(failed_cell).to_be_in_viewport()
    outputs = failed_cell.locator(".jp-OutputArea")
    expect(outputs).to_contain_text("3 values out of range")
    expect(outputs).to_be_in_viewport()
    tab.screenshot("story-1-failed-light")

    # what differs from the last success
    page.get_by_role("button", name="Compare with last success").click()
    table = page.get_by_role("table", name="Runs side by side")
    rows = table.locator("[data-section=params] [data-name=corrupt_rows]")
    expect(rows).to_have_attribute("data-differs", "true")
    expect(rows.locator("td").last).to_have_text("3")
    tab.screenshot("story-2-compare-light")

    # the kernel as it failed
    open_failure(page, run)
    page.locator(".jp-flow-live").get_by_text("Open live").click()
    cell = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    expect(cell).to_contain_text("raise ValueError", timeout=SLOW)
    button = page.get_by_role("button", name="Continue as task")
    expect(button).to_be_visible()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(MENDED)
    page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("3 broken samples are left out", timeout=SLOW)
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first).to_be_visible(timeout=SLOW)
    tab.screenshot("story-3-mended-light")

    # the task goes on from there
    button.click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Continue as task?")
    tab.screenshot("story-4-continue-light")
    dialog.get_by_role("button", name="Continue", exact=True).click()
    shown = page.locator(f".jp-flow-run-page[data-run-id='{run['run_id']}']")
    expect(shown).to_have_attribute("data-state", "success", timeout=SLOW)
    expect(card).to_have_count(0)
    expect(page.get_by_role("region", name="Needs attention")).to_contain_text("All good")
    page.get_by_role("treegrid", name="Tasks").locator("[data-task-id=validate] button").first.click()
    page.get_by_role("tab", name="Attempts").click()
    expect(page.locator(".jp-flow-attempts tr[data-attempt]")).to_have_count(2)
    tab.screenshot("story-5-green-light")
    tab.run("apputils:change-theme", {"theme": "JupyterLab Dark"})
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    tab.screenshot("story-5-green-dark")

    # and the record says so
    assert states_of(training.get(path_of(run))) == dict.fromkeys(TRAINING_TASKS, "success")
    tasks = {name: training.get(path_of(run, name)) for name in TRAINING_TASKS}
    outcomes = {name: [item["outcome"] for item in task["attempts"]] for name, task in tasks.items()}
    once = {name: ["success"] for name in TRAINING_TASKS}
    assert outcomes == {**once, "validate": ["failed", "success"]}
    validate, features = tasks["validate"], tasks["features"]
    assert features["start_date"] > validate["end_date"]
    values = {item["key"]: item["value"] for item in validate["xcoms"]}
    assert values == {"rows": 509}, "512 were delivered, and what was only tried out is not recorded"
    before, after = (sources(training, run, attempt) for attempt in (1, 2))
    (changed,) = (place for place, source in enumerate(after) if source != before[place])
    assert after[changed] == MENDED
    assert "raise ValueError" in before[changed]
    for name in ("validate", "features"):
        original = Path(training.dags, "training", f"{name}.ipynb").read_bytes()
        assert original == (EXAMPLES / "training" / f"{name}.ipynb").read_bytes(), "the DAG's own notebook stays"
    for attempt in validate["attempts"]:
        wait_for(lambda name=attempt["attempt_id"]: not attempt_processes(name), "nothing of the attempts is left")
    assert not [error for error in tab.errors if "ResizeObserver" not in error], tab.errors
    page.close()
