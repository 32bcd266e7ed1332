"""Runs side by side: what differs from the last success of a failed run, and some chosen in the list of runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from support.browser import LabPage
from support.lab_server import LabServer

DAG = """
    from jupyter_flow import DAG, NotebookOperator, Param

    with DAG("tuned", schedule=None, params={"rate": Param(0.1), "rows": Param(1000)}):
        NotebookOperator(
            task_id="fit", notebook="tune.ipynb", parameters={"rate": "{{ params.rate }}", "rows": "{{ params.rows }}"}
        )
"""
PICTURE = """
import base64, struct, zlib
from IPython.display import Image, display
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
line = b'\\0' + bytes([70, 110 + int(float(rate) * 400) % 140, 180]) * 120
head = struct.pack('>IIBBBBB', 120, 40, 8, 2, 0, 0, 0)
png = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(line * 40)) + chunk(b'IEND', b'')
display(Image(png))
"""
FIT: list[Any] = [
    {"source": "rate = 0.1\nrows = 1000", "tags": ["parameters"]},
    "print('reading the readings')",
    PICTURE,
    "from jupyter_flow import flow\nflow.log_metric('loss', 0.5 - float(rate))",
    "if float(rate) > 0.4:\n    raise ValueError('the loss grows without bound')",
]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("tuned"))
    server.write_notebook(FIT, "tune.ipynb")
    server.write_dag(DAG, "tuned.py")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("tuned")
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def run_ids(tuned: LabServer) -> list[str]:
    """Two runs that succeeded and one that failed."""
    found = [tuned.run_to_end("tuned", {"conf": {"rate": rate}}) for rate in (0.1, 0.2, 0.45)]
    assert [run["state"] for run in found] == ["success", "success", "failed"]
    return [run["run_id"] for run in found]


def test_a_person_sees_what_differs_from_the_last_success(
    browser: Browser, tuned: LabServer, run_ids: list[str]
) -> None:
    tab = LabPage(browser, tuned)
    page = tab.page
    tab.run("jupyter-flow:open-run", {"dag_id": "tuned", "run_id": run_ids[-1]})
    page.get_by_role("button", name="Compare with last success").click()
    table = page.get_by_role("table", name="Runs side by side")
    heads = table.locator("thead th[data-run-id]")
    expect(heads).to_have_count(2)
    assert [heads.nth(place).get_attribute("data-run-id") for place in (0, 1)] == run_ids[1:]
    rate = table.locator("[data-section=params] [data-name=rate]")
    expect(rate).to_have_attribute("data-differs", "true")
    expect(rate.locator("td")).to_have_text(["0.2", "0.45"])
    expect(table.locator("[data-section=params] [data-name=rows]")).to_have_attribute("data-differs", "false")
    expect(table.locator("[data-section=metrics] td").first).to_have_text("0.3")
    notebooks = page.get_by_role("region", name="Executed notebooks")
    expect(notebooks.locator("img")).to_have_count(2)
    failed = notebooks.locator("[data-cell-state=failed]")
    expect(failed).to_contain_text("the loss grows without bound")
    changed = notebooks.locator("[data-source-differs=true] .cm-deletedChunk")  # the injected params
    expect(changed.first).to_contain_text("0.2")
    tab.screenshot("compare-light")
    page.get_by_label("Only what differs").check()
    expect(table.locator("[data-section=params] [data-name=rows]")).to_have_count(0)
    expect(notebooks.get_by_text("reading the readings")).to_have_count(0)
    notebooks.scroll_into_view_if_needed()
    failed.scroll_into_view_if_needed()
    tab.screenshot("compare-cells-light")
    page.get_by_label("Only what differs").uncheck()

    # three of them, chosen in the list of runs
    page.locator(".jp-flow-dag-page [data-tab=runs]").click()
    for run_id in run_ids:
        page.get_by_label(f"Select {run_id}").click()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(heads).to_have_count(3)
    expect(table.locator("[data-section=params] [data-name=rate] td")).to_have_text(["0.1", "0.2", "0.45"])
    page.get_by_label(f"Compare without {run_ids[0]}").click()
    expect(heads).to_have_count(2)
    page.close()
    assert tab.errors == []


def test_in_the_dark(browser: Browser, tuned: LabServer, run_ids: list[str]) -> None:
    tab = LabPage(browser, tuned, "dark")
    tab.run("jupyter-flow:open-dag", {"dag_id": "tuned", "tab": "compare:" + ",".join(run_ids)})
    expect(tab.page.locator("thead th[data-run-id]")).to_have_count(3)
    expect(tab.page.locator(".jp-flow-compare-notebooks img")).to_have_count(3)
    tab.screenshot("compare-dark")
    tab.page.close()
    assert tab.errors == []
