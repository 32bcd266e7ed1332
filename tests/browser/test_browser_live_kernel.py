"""A person opens a failed notebook live: its variables are there, the cell is mended and run at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Browser, expect
from support.browser import LabPage
from support.census import attempt_processes
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
CELLS = [
    "# Train\nimport math",
    "prices = [3, 4, 5]\ntotal = sum(prices)",
    "scale = 2",
    "print('scaled', total * scale)",
    "mean = total / (len(prices) - 3)",
    "print('mean', mean)",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    lab = LabServer(tmp_path_factory.mktemp("live"))
    lab.settings = ["c.JupyterFlow.keep_kernel_on_failure = 600", "c.JupyterFlow.dags_are_paused_at_creation = False"]
    lab.write_notebook(CELLS, "train.ipynb")
    lab.write_dag(
        """
        from jupyter_flow import DAG, NotebookOperator

        with DAG("nightly") as dag:
            NotebookOperator(task_id="train", notebook="train.ipynb")
        """
    )
    try:
        lab.start("lab", "--expose-app-in-browser")
        lab.wait_for_dag("nightly")
        yield lab
    finally:
        lab.close()


def kernels(server: LabServer) -> Any:
    """Return the kernels of which the Jupyter Server knows."""
    return requests.get(f"{server.url}/api/kernels?token={server.token}", timeout=30).json()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_failed_notebook_is_opened_live(browser: Browser, server: LabServer, theme: str) -> None:
    run = server.run_to_end("nightly", {})
    task = f"/dags/nightly/runs/{quote(run['run_id'], safe='')}/tasks/train"
    attempt = server.get(task)["live_kernel"]["attempt_id"]
    tab = LabPage(browser, server, theme)
    page = tab.page
    tab.run("jupyter-flow:open-run", {"dag_id": "nightly", "run_id": run["run_id"], "task_id": "train"})
    live = page.locator(".jp-flow-live")
    expect(live).to_contain_text("Kernel kept until", timeout=60_000)
    tab.screenshot(f"live-kernel-{theme}")

    live.get_by_text("Open live").click()
    cell = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    expect(cell).to_contain_text("len(prices) - 3", timeout=60_000)
    expect(cell.locator(".jp-OutputArea")).to_contain_text("ZeroDivisionError", timeout=60_000)
    expect(cell).to_be_in_viewport()
    expect(page.locator(".jp-Notebook")).to_contain_text("scaled 24")

    tab.run("notebook:insert-cell-below")
    expect(cell).not_to_contain_text("len(prices)", timeout=60_000)
    page.keyboard.press("Enter")
    page.keyboard.type("total")
    page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("12", timeout=60_000)
    tab.screenshot(f"live-notebook-{theme}")
    page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:restart-kernel'); }")
    page.locator(".jp-Dialog").get_by_text("Restart", exact=True).click()
    refusal = page.locator(".jp-Dialog")
    expect(refusal).to_contain_text("It is kept after a failure", timeout=60_000)
    refusal.get_by_role("button").last.click()
    expect(refusal).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-OutputPrompt")).to_contain_text("[7]", timeout=60_000)
    (kernel,) = kernels(server)
    assert kernel["id"].replace("-", "") == attempt

    tab.run("jupyter-flow:open-run", {"dag_id": "nightly", "run_id": run["run_id"], "task_id": "train"})
    page.locator(".jp-flow-live").get_by_text("Let go").click()
    expect(page.locator(".jp-flow-live")).to_have_count(0, timeout=60_000)
    wait_for(lambda: not attempt_processes(attempt), lambda: f"nothing is left: {attempt_processes(attempt)}")
    wait_for(lambda: not kernels(server), "the server knows no kernel any more")
    original = (server.dags / "train.ipynb").read_text()
    assert "scaled 24" not in original
    copies = [path.name for path in server.dags.glob("train.live-*.ipynb")]
    assert copies
    assert not [error for error in tab.errors if "ResizeObserver" not in error], tab.errors
    page.close()
