"""The page of a run: a notebook that fills in, what failed first, and running it again from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
DAGS = """
    import time
    from datetime import timedelta

    from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator, TaskGroup

    with DAG("nightly", schedule=None, description="Trains the model every night"):
        start = BashOperator(task_id="fetch", bash_command="for i in 1 2 3; do echo row $i; done")
        train = NotebookOperator(task_id="train", notebook="train.ipynb")
        with TaskGroup("publish") as publish:
            report = BashOperator(task_id="report", bash_command="echo report")
            mail = BashOperator(task_id="mail", bash_command="echo mail")
        start >> train >> publish

    with DAG("live", schedule=None):
        NotebookOperator(task_id="book", notebook="live.ipynb")

    with DAG("wide", schedule=None, max_active_tasks=1):
        first = BashOperator(task_id="first", bash_command="exit 3")
        for n in range(1000):
            first >> BashOperator(task_id=f"task_{n}", bash_command="true")
"""
TRAIN = [
    {"cell_type": "markdown", "source": "# Train\nReads the **table**, fits the model."},
    "import pathlib\nrate = 0.1",
    "# the table of the day\nfolder = pathlib.Path('data')\nrows = []\n"
    "rows += (folder / 'table.csv').read_text().split()\nprint(len(rows))",
    "print('never reached')",
]
LIVE = [
    {"cell_type": "markdown", "source": "# Live"},
    "import sys, time, pathlib\nfrom IPython.display import display, HTML\nprint('begun')",
    "for n in range(400):\n    sys.stderr.write(f'\\r{n}%|' + '#' * 20)\n    sys.stderr.flush()\n"
    "while not pathlib.Path(GATE).exists():\n    time.sleep(0.05)",
    "display(HTML('<b id=bold>bold words</b><script>window.hacked = true</script>'))",
]


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, gate: Any) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("run-page"))
    server.write_dag(DAGS, "nightly.py")
    server.write_notebook(TRAIN, "train.ipynb")
    cells = [cell.replace("GATE", repr(str(gate))) if isinstance(cell, str) else cell for cell in LIVE]
    server.write_notebook(cells, "live.ipynb")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("wide")
        yield server
    finally:
        server.close()


@pytest.fixture
def open_run(lab: LabServer, browser: Browser) -> Iterator[Callable[..., LabPage]]:
    """``open_run(dag_id, run_id, theme="light")`` opens the page of a run in a fresh tab."""
    opened: list[LabPage] = []

    def open_page(dag_id: str, run_id: str, theme: str = "light") -> LabPage:
        tab = LabPage(browser, lab, theme)
        opened.append(tab)
        tab.run("jupyter-flow:open-run", {"dag_id": dag_id, "run_id": run_id})
        tab.page.wait_for_selector(f".jp-flow-run-page[data-run-id='{run_id}']")
        return tab

    yield open_page
    errors = [error for tab in opened for error in tab.errors]
    for tab in opened:
        tab.page.close()
    assert not errors


def path_of(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/runs/{quote(run_id, safe='')}"


def test_what_failed_is_explained_and_runs_again(lab: LabServer, open_run: Callable[..., LabPage]) -> None:
    run_id = lab.run_to_end("nightly")["run_id"]
    tab = open_run("nightly", run_id)
    page = tab.page
    card = page.locator(".jp-flow-diagnosis")
    expect(card).to_contain_text("train failed in cell 2")
    expect(card).to_contain_text("FileNotFoundError")
    expect(card.locator(".jp-flow-excerpt-line[data-failing=true]")).to_contain_text("read_text")
    expect(card.locator("[data-hint=missing_file]")).to_contain_text("/data/table.csv")
    expect(card).to_contain_text("publish.report")
    notebook = page.locator(".jp-flow-notebook")
    expect(notebook).to_have_attribute("data-notebook", "done")
    failing = notebook.locator("[data-cell-state=failed]")
    expect(failing).to_be_in_viewport()
    expect(failing.locator(".jp-OutputArea")).to_contain_text("FileNotFoundError")
    expect(notebook.locator("strong")).to_have_text("table")
    tab.screenshot("run-diagnosis-light")

    tree = page.get_by_role("treegrid", name="Tasks")
    tree.locator("[data-task-id=fetch] button").click()
    tree.focus()
    page.keyboard.press("l")
    expect(page.locator(".jp-flow-log-room .cm-content")).to_contain_text("row 3")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".jp-flow-task-head h2")).to_have_text("train")
    page.get_by_role("tab", name="Events").click()
    expect(page.locator(".jp-flow-story")).to_contain_text("failed")
    page.get_by_role("tab", name="Attempts").click()
    expect(page.locator(".jp-flow-attempts tr[data-attempt='1']")).to_contain_text("FileNotFoundError")

    (lab.dags / "data").mkdir()
    (lab.dags / "data" / "table.csv").write_text("1\n2\n")
    tree.locator("[data-task-id=train]").click(button="right")
    menu = page.locator(".jp-flow-task-menu")
    expect(menu).to_contain_text("Mark success")
    menu.get_by_text("Run task again").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog.locator("[data-count]")).to_have_attribute("data-count", "3")
    tab.screenshot("run-clear-light")
    dialog.locator("input[name=downstream]").uncheck()
    expect(dialog.locator("[data-count]")).to_have_attribute("data-count", "1")
    dialog.locator("input[name=downstream]").check()
    expect(dialog.locator("[data-count]")).to_have_attribute("data-count", "3")
    assert lab.get(path_of("nightly", run_id))["state"] == "failed", "a preview changes nothing"
    dialog.locator("button.jp-mod-accept").click()
    expect(page.locator(f".jp-flow-run-page[data-run-id='{run_id}']")).to_have_attribute(
        "data-state", "success", timeout=60_000
    )
    expect(card).to_have_count(0)
    document = lab.get(path_of("nightly", run_id) + "/tasks/train")
    assert [attempt["outcome"] for attempt in document["attempts"]] == ["failed", "success"]
    page.get_by_role("tab", name="Attempts").click()
    expect(page.locator(".jp-flow-attempts tr[data-attempt]")).to_have_count(2)


def test_a_running_notebook_fills_in_and_survives_cuts(
    lab: LabServer, open_run: Callable[..., LabPage], gate: Any
) -> None:
    run = lab.post("/dags/live/runs", {"unpause": True})
    tab = open_run("live", run["run_id"])
    page = tab.page
    notebook = page.locator(".jp-flow-notebook")
    running = notebook.locator("[data-cell='2'][data-cell-state=running]")
    expect(running).to_contain_text("399%", timeout=60_000)
    expect(notebook).to_have_attribute("data-notebook", "live")
    expect(notebook.locator("[data-cell='1']")).to_contain_text("begun")
    assert len(running.locator(".jp-OutputArea").inner_text()) < 200, "a progress bar is one line"
    expect(page.locator(".jp-flow-notebook-bar")).to_contain_text("cell 2 runs")
    tab.screenshot("run-live-light")
    tab.cut_socket()
    second = open_run("live", run["run_id"], "dark")
    expect(second.page.locator("[data-cell='2'][data-cell-state=running]")).to_contain_text("399%")
    second.screenshot("run-live-dark")
    gate.touch()
    for seen in (page, second.page):
        expect(seen.locator(".jp-flow-notebook")).to_have_attribute("data-notebook", "done", timeout=60_000)
        expect(seen.locator("[data-cell='3'] .jp-OutputArea")).to_contain_text("bold words")
        assert seen.evaluate("window.hacked === undefined"), "no script of a record may run"
    assert wait_for(lambda: lab.get(path_of("live", run["run_id"]))["state"] == "success", "the run ends")


def test_a_thousand_tasks_are_drawn_as_they_are_seen(lab: LabServer, open_run: Callable[..., LabPage]) -> None:
    run_id = lab.run_to_end("wide")["run_id"]
    tab = open_run("wide", run_id, "dark")
    page = tab.page
    tree = page.get_by_role("treegrid", name="Tasks")
    expect(tree).to_have_attribute("aria-rowcount", "1001")
    assert tree.locator("tr[data-row]").count() < 80
    tree.focus()
    page.keyboard.press("End")
    expect(tree.locator("[data-task-id=task_999]")).to_be_in_viewport()
    page.get_by_label("Only failed or running").check()
    expect(tree).to_have_attribute("aria-rowcount", "1")
    expect(tree.locator("[data-task-id=first]")).to_be_in_viewport()
    expect(page.locator(".jp-flow-also")).to_contain_text("1000")
    tab.screenshot("run-wide-dark")
