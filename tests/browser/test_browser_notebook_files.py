"""Notebooks in JupyterLab's file browser: run as a task, see the runs, make a DAG of some, add one to a DAG."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
SLOW = 60_000
WEEKLY = """
    from jupyter_flow import DAG, BashOperator

    with DAG("weekly", schedule=None):
        BashOperator(task_id="sweep", bash_command="echo swept")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("notebook-files"))
    server.write_dag(WEEKLY, "weekly.py")
    for name in ("fit", "load"):
        server.write_notebook([f"print('{name}')"], f"{name}.ipynb")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("weekly")
        yield server
    finally:
        server.close()


def item(page: Page, name: str) -> Locator:
    return page.locator(".jp-DirListing-item", has_text=name)


def choose(page: Page, name: str, label: str) -> None:
    """Open the context menu of a file and choose something of ours."""
    item(page, name).click(button="right")
    page.locator(".lm-Menu-item", has_text="Jupyter Flow").click()
    page.locator(".lm-Menu-item", has_text=label).click()


def open_folder(tab: LabPage) -> Page:
    tab.page.locator(".jp-DirListing-item", has_text="dags").dblclick()
    expect(item(tab.page, "fit.ipynb")).to_be_visible()
    return tab.page


def upstream(lab: LabServer, dag_id: str) -> dict[str, list[str]]:
    return {task["task_id"]: task["upstream"] for task in lab.get(f"/dags/{dag_id}")["tasks"]}


def test_a_notebook_runs_as_a_task_and_its_runs_are_found(lab: LabServer, browser: Browser) -> None:
    tab = LabPage(browser, lab)
    page = open_folder(tab)
    choose(page, "fit.ipynb", "Run as task")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Id of the DAG")).to_have_value("fit")
    expect(dialog.locator(".cm-content")).to_contain_text('notebook="fit.ipynb"')
    dialog.get_by_label("Id of the DAG").fill("fit_alone")
    expect(dialog.locator(".jp-flow-draft-place")).to_contain_text("fit_alone.py")
    tab.screenshot("notebook-run-as-task-light")
    dialog.get_by_role("button", name="Save and run").click()
    expect(page.locator(".jp-flow-run-page")).to_be_visible(timeout=SLOW)
    wait_for(lambda: [run["state"] for run in lab.get("/dags/fit_alone/runs")["runs"]] == ["success"], "it has run", 90)
    assert (lab.dags / "fit_alone.py").exists()

    item(page, "fit.ipynb").click()
    page.keyboard.press("Control+Shift+c")
    page.locator(".jp-ModalCommandPalette input, .lm-CommandPalette-input").last.fill("Flow show runs")
    page.keyboard.press("Enter")
    runs = page.locator(".jp-flow-dag-page[data-dag-id=fit_alone] .jp-flow-runs")
    expect(runs).to_contain_text("success")
    page.close()
    assert tab.errors == []


def test_a_dag_is_made_of_notebooks_and_gets_another(lab: LabServer, browser: Browser) -> None:
    tab = LabPage(browser, lab, "dark")
    page = open_folder(tab)
    item(page, "fit.ipynb").click()
    item(page, "load.ipynb").click(modifiers=["Control"])
    choose(page, "load.ipynb", "New DAG from these notebooks")
    dialog = page.get_by_role("dialog")
    order = dialog.get_by_role("list", name="Order of the notebooks")
    expect(order.get_by_role("listitem")).to_have_count(2)
    dialog.get_by_role("button", name="Earlier: load.ipynb").click()
    dialog.get_by_label("Id of the DAG").fill("weekly")
    dialog.get_by_role("combobox", name="Runs").select_option("@daily")
    expect(dialog.locator(".cm-content")).to_contain_text('DAG("weekly", schedule="@daily"')
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("there is a DAG file weekly.py already", timeout=SLOW)
    dialog.get_by_label("Id of the DAG").fill("pair")
    expect(dialog.locator(".cm-content")).to_contain_text('DAG("pair"')
    tab.screenshot("notebook-new-dag-dark")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".jp-FileEditor .cm-content")).to_contain_text("chain(", timeout=SLOW)
    lab.wait_for_dag("pair")
    assert upstream(lab, "pair") == {"load": [], "fit": ["load"]}
    assert lab.get("/dags/pair")["schedule"] == "@daily"

    choose(page, "load.ipynb", "Add to DAG")
    dialog.get_by_role("combobox", name="DAG", exact=True).select_option("weekly")
    dialog.get_by_role("combobox", name="After the task").select_option("sweep")
    expect(dialog.locator(".cm-content")).to_contain_text('dag.get_task("sweep") >> NotebookOperator(task_id="load"')
    tab.screenshot("notebook-add-to-dag-dark")
    dialog.get_by_role("button", name="Save").click()
    wait_for(lambda: upstream(lab, "weekly").get("load") == ["sweep"], "the task is in the DAG", 60)
    page.close()
    assert tab.errors == []
