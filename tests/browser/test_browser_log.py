"""The log of a task: filter, find, copy, download, a link to a line; its end is followed only by who looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
SLOW = 60_000
STEPS, BARS = 300, 200
DAGS = f"""
    import logging

    from jupyter_flow import DAG, NotebookOperator, PythonOperator


    def speak():
        log = logging.getLogger("model")
        for n in range({STEPS}):
            print("step", n)
        log.warning("little memory")
        log.error("none left")
        print("\\x1b[32mgreen\\x1b[0m words")


    with DAG("speaker", schedule=None):
        PythonOperator(task_id="speak", python_callable=speak)

    with DAG("live", schedule=None):
        NotebookOperator(task_id="book", notebook="live.ipynb")
"""
LIVE = f"""
import pathlib, sys, time
def gate(name):
    while not pathlib.Path(GATES, name).exists():
        time.sleep(0.05)
for n in range({BARS}):
    sys.stderr.write(f'\\r{{n}}%|####')
    sys.stderr.flush()
gate('bar')
for part in ('one', 'two'):
    for n in range(100):
        print(part, n)
    gate(part)
print('the end')
"""


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gates")


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory, gates: Path) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("speaker"))
    server.write_dag(DAGS, "speaker.py")
    server.write_notebook([LIVE.replace("GATES", repr(str(gates)))], "live.ipynb")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("live")
        yield server
    finally:
        server.close()


@pytest.fixture
def open_log(speaker: LabServer, browser: Browser) -> Iterator[Callable[..., LabPage]]:
    """``open_log(run, theme="light")`` opens the log of a run's only task in a fresh tab."""
    opened: list[LabPage] = []

    def open_page(run: Any, theme: str = "light") -> LabPage:
        tab = LabPage(browser, speaker, theme)
        opened.append(tab)
        tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab.run("jupyter-flow:open-run", {"dag_id": run["dag_id"], "run_id": run["run_id"]})
        tab.page.click(".jp-flow-run-page .jp-flow-tab[data-tab=log]")
        return tab

    yield open_page
    errors = [error for tab in opened for error in tab.errors]
    for tab in opened:
        tab.page.close()
    assert not errors


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def rows(page: Page) -> int:
    return int(page.locator(".jp-flow-log").get_attribute("data-rows") or 0)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("toolbar", name="Log").get_by_role("button", name=name)


def test_a_person_finds_the_line_and_sends_a_link(speaker: LabServer, open_log: Callable[..., LabPage]) -> None:
    run = speaker.run_to_end("speaker")
    tab = open_log(run)
    page = tab.page
    log = page.locator(".jp-flow-log-room .cm-content")
    expect(page.locator(".jp-flow-log-state")).to_have_text("complete")
    expect(log).to_contain_text("step 0")
    tab.screenshot("log-light")
    button(page, "Copy all").click()
    wait_for(lambda: f"step {STEPS - 1}\n" in clipboard(page), "all is copied, also what is not drawn")
    page.evaluate("navigator.clipboard.writeText('')")
    log.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    wait_for(lambda: "step 0\n" in clipboard(page) and f"step {STEPS - 1}\n" in clipboard(page), "so by keys")
    with page.expect_download() as download:
        button(page, "Download").click()
    assert download.value.suggested_filename == "speak-try-1.log"
    assert f"step {STEPS - 1}\n" in Path(download.value.path()).read_text()

    button(page, "Find").click()
    page.locator(".cm-search input[name=search]").press_sequentially("step 250")
    page.keyboard.press("Enter")
    chosen = page.locator(".jp-flow-log-chosen")
    expect(chosen).to_have_text("step 250")
    button(page, "Link to line").click()
    wait_for(lambda: "flow-line=" in clipboard(page), "the link is copied")
    link = urlsplit(clipboard(page))
    page.keyboard.press("Escape")

    page.get_by_label("Level").select_option("warning")
    expect(page.locator(".jp-flow-log-room .cm-line")).to_have_count(3)  # the last one is empty
    expect(page.locator(".jp-flow-log-error")).to_contain_text("none left")
    page.get_by_label("Times").uncheck()
    page.get_by_label("Wrap").uncheck()
    tab.screenshot("log-filtered-light")
    kept = {"level": "warning", "hasTimes": False, "isWrapped": False}
    wait_for(lambda: tab.kept("log") == kept, "the choice is saved")
    page.get_by_label("Level").select_option("debug")
    wait_for(lambda: tab.kept("log") == {**kept, "level": "debug"}, "the choice is saved")

    page.goto(f"{speaker.url}/lab?{link.query}")
    expect(chosen).to_have_text("step 250", timeout=SLOW)
    expect(chosen).to_be_in_viewport()
    expect(page.get_by_label("Times")).not_to_be_checked()


def test_the_end_is_followed_by_who_looks_at_it(
    speaker: LabServer, open_log: Callable[..., LabPage], gates: Path
) -> None:
    run = speaker.post("/dags/live/runs", {"unpause": True})
    tab = open_log(run, "dark")
    page = tab.page
    log = page.locator(".jp-flow-log-room .cm-content")
    expect(log).to_contain_text(f"{BARS - 1}%|####", timeout=SLOW)
    assert rows(page) < BARS / 10, "a progress bar is one row"
    (gates / "bar").touch()
    expect(log.get_by_text("one 99", exact=True)).to_be_in_viewport(timeout=SLOW)  # the log was short: its end is seen
    tab.screenshot("log-live-dark")
    button(page, "First").click()
    first = log.get_by_text("one 1", exact=True)
    expect(first).to_be_in_viewport(timeout=SLOW)
    before = rows(page)
    (gates / "one").touch()
    wait_for(lambda: rows(page) >= before + 100, "more lines come")
    expect(first).to_be_in_viewport()
    button(page, "Last").click()
    expect(log.get_by_text("two 99", exact=True)).to_be_in_viewport(timeout=SLOW)
    (gates / "two").touch()
    expect(log.get_by_text("the end", exact=True)).to_be_in_viewport(timeout=SLOW)
    expect(page.locator(".jp-flow-log-state")).to_have_text("complete", timeout=SLOW)
