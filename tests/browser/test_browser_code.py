"""The code that runs used: from a run to its version, and what has changed since."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

MODEL = '''
    """How the model is fitted."""

    RATE = {rate}
    ROUNDS = 100
    FEATURES = ["age", "income", "region"]
    TARGET = "bought"
    SEED = 7


    def fit():
        return f"fitted {{ROUNDS}} rounds at {{RATE}}"
'''
DAG = """
    from jupyter_flow import DAG, PythonOperator
    from model import fit

    with DAG("versions", schedule=None):
        PythonOperator(task_id="fit", python_callable=fit)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A server of its own: others count the DAGs that they find."""
    server = LabServer(tmp_path_factory.mktemp("versions"))
    server.write_dag(MODEL.format(rate=0.1), "model.py")
    server.write_dag(DAG, "versions.py")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("versions")
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def versions(lab: LabServer) -> list[Any]:
    """Two runs, between which a module was changed that the DAG imports."""
    first = lab.run_to_end("versions")
    lab.write_dag(MODEL.format(rate=0.25), "model.py")
    wait_for(lambda: lab.get("/dags/versions")["version"] > first["version"], "the change is seen")
    return [first, lab.run_to_end("versions")]


def test_a_person_sees_what_changed_since_a_run(browser: Browser, lab: LabServer, versions: list[Any]) -> None:
    first, last = versions
    tab = LabPage(browser, lab)
    page = tab.page
    tab.run("jupyter-flow:open-run", {"dag_id": "versions", "run_id": first["run_id"]})
    page.get_by_role("button", name="changed since").click()
    code = page.locator(".jp-flow-code-tab")
    expect(code.get_by_role("status")).to_have_text("1 change")
    expect(code.get_by_label("File", exact=True)).to_have_value("model.py")
    sides = code.locator(".cm-mergeViewEditor .cm-content")
    expect(sides.first).to_contain_text("RATE = 0.1")
    expect(sides.last).to_contain_text("RATE = 0.25")
    expect(code.locator(".cm-changedText").first).to_be_visible()
    expect(code.locator(".cm-content [class*=ͼ]").first).to_be_visible()  # coloured as Python
    tab.screenshot("code-diff-light")
    code.get_by_label("One column").check()
    expect(code.locator(".cm-deletedChunk")).to_contain_text("RATE = 0.1")
    code.get_by_role("button", name="Next change", exact=True).click()
    expect(code.locator(".cm-content")).to_be_focused()
    code.get_by_label("Compared with", exact=True).select_option("")
    code.get_by_label("Version", exact=True).select_option(str(first["version"]))
    code.get_by_label("File", exact=True).select_option("model.py")
    expect(code.locator(".cm-content")).to_have_attribute("aria-label", f"model.py in version {first['version']}")
    expect(code.locator(".cm-content")).to_contain_text("RATE = 0.1")
    shown = lab.get(f"/dags/versions/versions/{first['version']}/source?file=model.py")["source"]
    assert "\n".join(code.locator(".cm-line").all_inner_texts()).split() == shown.split()

    # from the list of runs to the code of one of them
    page.locator(".jp-flow-dag-page [data-tab=runs]").click()
    row = page.locator(".jp-flow-dag-page [role=row]", has_text=re.compile("success", re.I)).first
    row.get_by_title(f"The code of version {last['version']}").click()
    expect(code.locator(".cm-content")).to_contain_text("RATE = 0.25")
    page.close()
    assert tab.errors == []


def test_in_the_dark(browser: Browser, lab: LabServer, versions: list[Any]) -> None:
    first, last = versions
    tab = LabPage(browser, lab, "dark")
    tab.run("jupyter-flow:open-dag", {"dag_id": "versions", "tab": f"code:{first['version']}..{last['version']}"})
    expect(tab.page.locator(".jp-flow-code-tab .cm-changedText").first).to_be_visible()
    tab.screenshot("code-diff-dark")
    tab.page.close()
    assert tab.errors == []
