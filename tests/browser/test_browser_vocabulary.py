"""The panel with mapped tasks, groups, branches, sensors, assets and runs that ask for runs: nothing is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(180)
QUIET = {"success", "failed", "skipped", "upstream_failed", "up_for_reschedule"}

DAGS = """
    from datetime import timedelta

    from jupyter_flow import DAG, Asset, BashOperator, EmptyOperator, Label, TaskGroup, TriggerDagRunOperator
    from jupyter_flow import get_current_context, task, task_group
    from jupyter_flow.timetables.trigger import MultipleCronTriggerTimetable

    orders, customers = Asset("orders"), Asset("customers")

    with DAG("shop", dag_display_name="The shop's day"):

        @task(task_display_name="Find the files")
        def find():
            return ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]

        @task(map_index_template="file {{ file }}")
        def load(file):
            get_current_context()["file"] = file
            print("loading", file)
            if file == "c.csv":
                raise ValueError(f"{file} is broken")

        @task_group
        def check(name):
            @task
            def count(name):
                return len(name)

            @task
            def compare(number):
                print(number, "rows")

            compare(count(name))

        files = find()
        total = EmptyOperator(task_id="total")
        load.expand(file=files) >> total
        check.expand(name=["north", "south"])

        @task.branch
        def weekday():
            return "work.plan.desk"

        with TaskGroup("work"):
            with TaskGroup("plan"):
                desk = EmptyOperator(task_id="desk")
        rest = EmptyOperator(task_id="rest")
        chosen = weekday()
        chosen >> Label("on weekdays") >> desk
        chosen >> Label("at weekends") >> rest

        opened = EmptyOperator(task_id="open_shop").as_setup()
        sale = BashOperator(task_id="sell", bash_command="echo sold", outlets=[orders])
        closed = EmptyOperator(task_id="close_shop").as_teardown(setups=opened)
        opened >> sale >> closed

        @task.sensor(mode="reschedule", poke_interval=900)
        def delivery():
            return False

        delivery() >> EmptyOperator(task_id="unpack")
        TriggerDagRunOperator(task_id="call", trigger_dag_id="child", logical_date=None)

    with DAG("child"):
        EmptyOperator(task_id="answer")
    with DAG("invoices", schedule=[orders]):
        EmptyOperator(task_id="write")
    with DAG("both", schedule=(orders | customers) & Asset("rates")):
        EmptyOperator(task_id="write")
    with DAG("shifts", schedule=MultipleCronTriggerTimetable("0 6 * * 1-5", "30 14 * * *", timezone="Europe/Berlin")):
        EmptyOperator(task_id="change")
    with DAG("patrol", schedule=timedelta(hours=36)):
        EmptyOperator(task_id="walk")
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("shop"))
    server.write_dag(DAGS, "shop.py")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("shop")
        yield server
    finally:
        server.close()


def one_run(shop: LabServer) -> str:
    """Run the DAG until only the sensor and what depends on it are left; return the id of the run."""
    for dag_id in ("child", "invoices"):
        shop.patch(f"/dags/{dag_id}", {"is_paused": False})
    run_id = str(shop.post("/dags/shop/runs", {"unpause": True})["run_id"])

    def states() -> Any:
        run = shop.get(f"/dags/shop/runs/{quote(run_id, safe='')}")
        return all(task["state"] in QUIET or task["task_id"] == "unpack" for task in run["tasks"])

    wait_for(states, "all but the sensor has ended", 60)
    wait_for(lambda: shop.get("/dags/invoices/runs")["runs"], "the asset starts a run")
    return run_id


def node(page: Page, dag_id: str, task_id: str) -> Any:
    return page.locator(f".jp-flow-dag-page[data-dag-id={dag_id}] .jp-flow-node[data-task-id='{task_id}']")


def look_at_graph(page: Page) -> None:
    expect(page.locator(".jp-flow-dag-page h1")).to_contain_text("The shop's day")
    expect(node(page, "shop", "find")).to_contain_text("Find the files")
    load = node(page, "shop", "load")
    expect(load).to_have_count(1)
    expect(load).to_have_attribute("data-state", "failed")
    expect(load).to_contain_text("1 / 5")
    expect(load).to_have_attribute("title", re.compile("4 success, 1 failed"))
    expect(node(page, "shop", "check.compare")).to_contain_text("2 / 2")
    expect(node(page, "shop", "check.compare")).to_have_attribute("data-mapped", "true")
    for task_id, state in {"rest": "skipped", "total": "upstream_failed", "delivery": "up_for_reschedule"}.items():
        expect(node(page, "shop", task_id)).to_have_attribute("data-state", state)
    expect(node(page, "shop", "open_shop")).to_contain_text("setup")
    expect(node(page, "shop", "close_shop")).to_contain_text("teardown")
    labels = page.locator(".jp-flow-graph .react-flow__edge-text")
    assert sorted(labels.all_text_contents()) == ["at weekends", "on weekdays"]


def look_at_run(tab: LabPage) -> None:
    """From the node of a mapped task to the instance that failed, to others, to what waits, to the run it started."""
    run = tab.page.locator(".jp-flow-run-page:visible")
    head, log = run.locator(".jp-flow-task-head"), run.locator(".jp-flow-log-room .cm-content")
    expect(head).to_contain_text("load[2]")
    expect(head).to_contain_text("file c.csv")
    expect(run.locator(".jp-flow-run-task .jp-flow-reason")).to_contain_text("c.csv is broken")
    expect(log).to_contain_text("loading c.csv")
    expect(run.locator("tr[data-mapped-task=load]")).to_contain_text("4 success, 1 failed")
    run.locator("tr[data-task-id=load][data-map-index='4'] button").click()
    expect(head).to_contain_text("load[4]")
    expect(log).to_contain_text("loading e.csv")
    tab.screenshot("vocabulary-run-light")
    run.locator("tr[data-mapped-task=load] button").click()
    expect(run.locator("tr[data-task-id=load]")).to_have_count(0)
    run.locator("tr[data-task-id=unpack] button").click()
    expect(run.locator(".jp-flow-waits")).to_have_text("waits for delivery")
    run.locator("tr[data-task-id=delivery] button").click()
    expect(run.locator(".jp-flow-waits")).to_contain_text("to be started again at")
    run.locator("tr[data-task-id=call] button").click()
    run.locator(".jp-flow-children button").click()


def test_what_authors_can_say_is_seen(shop: LabServer, browser: Browser) -> None:
    run_id = one_run(shop)
    tab = LabPage(browser, shop)
    page = tab.page
    tab.open_panel()
    rows = {"shifts": "0 6 * * 1-5, 30 14 * * *", "patrol": "every 1 d 12 h", "both": "(orders or customers) and rates"}
    for dag_id, words in rows.items():
        expect(page.locator(f".jp-flow-dag[data-dag-id={dag_id}] .jp-flow-schedule")).to_have_text(words)

    page.click(".jp-flow-dag[data-dag-id=shop] .jp-flow-dag-name")
    look_at_graph(page)
    tab.screenshot("vocabulary-dag-light")
    node(page, "shop", "load").click()
    page.wait_for_selector(f".jp-flow-run-page[data-run-id='{run_id}']")
    look_at_run(tab)

    child = page.locator(".jp-flow-run-page:visible")
    expect(child).to_have_attribute("data-run-id", re.compile("operator_triggered"))
    expect(child.locator(".jp-flow-facts")).to_contain_text("triggered by a task")
    expect(child.locator(".jp-flow-facts")).not_to_contain_text("Logical date")
    child.get_by_text("shop ▸ call").click()
    page.wait_for_selector(f".jp-flow-run-page[data-run-id='{run_id}']:visible")

    tab.run("jupyter-flow:open-dag", {"dag_id": "invoices"})
    expect(page.locator(".jp-flow-dag-page:visible tr[data-run-id]")).to_contain_text("asset triggered")
    tab.run("jupyter-flow:open-dag", {"dag_id": "shifts"})
    page.click(".jp-flow-dag-page:visible [data-tab=overview]")
    details = page.locator(".jp-flow-dag-page:visible .jp-flow-details")
    expect(details).to_contain_text("Europe/Berlin")
    expect(page.locator(".jp-flow-dag-page:visible")).not_to_contain_text("Data interval")
    page.close()
    assert tab.errors == []
