"""The grid of a DAG: find the failed cell by keyboard, see its Gantt, open it; and 1,000 tasks × 100 runs in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Connection, text
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

from jupyter_flow.model.changes import NewRun
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.spec import DagSpec, TaskSpec
from jupyter_flow.model.state import RunType
from jupyter_flow.service.house import open_house
from jupyter_flow.storage import dags, runs

pytestmark = pytest.mark.timeout(300)
TASKS, RUNS = 1000, 100
FIRST_PAINT_MS, HOVER_MS = 1000, 16
WIDE = f"""
    from jupyter_flow import DAG, EmptyOperator, TaskGroup

    with DAG("wide", schedule="@hourly", start_date="2026-01-01", description="One thousand tasks"):
        for part in range({TASKS // 100}):
            with TaskGroup(f"part_{{part}}"):
                for number in range(100):
                    EmptyOperator(task_id=f"task_{{number:02d}}")
"""
HOUR = f"strftime('%Y-%m-%d %H:00:00', 'now', '-' || ({RUNS} - i) || ' hours')"
"""When run ``i`` was; older ones would soon be pruned."""
ENDED_TASKS = """
    UPDATE task_instance SET state = CASE WHEN id % 1501 THEN 'success' ELSE 'failed' END,
        queued_at = datetime('now', '-1 hours', '+' || (id * 37 % 400 + id % 1000 / 5) || ' seconds'),
        start_date = datetime('now', '-1 hours', '+' || (id * 37 % 400 + id % 1000 / 5 + 9) || ' seconds'),
        end_date = datetime('now', '-1 hours', '+' || (id * 37 % 400 + id % 1000 / 5 + 20 + id % 90) || ' seconds')
"""
ENDED_RUNS = """
    UPDATE dag_run SET state = CASE WHEN id % 3 THEN 'success' ELSE 'failed' END, start_date = logical_date,
        end_date = datetime(logical_date, '+' || (600 + id * 7 % 300) || ' seconds')
"""
PAINTED = """
() => new Promise(done => {
  window.jupyterapp.shell.currentWidget.node.querySelector('[data-tab=grid]').click();
  const look = () => document.querySelector('.jp-flow-cell')
    ? requestAnimationFrame(() => setTimeout(done))
    : requestAnimationFrame(look);
  look();
})
"""
HOVER = """
() => [...document.querySelectorAll('.jp-flow-cell')].slice(0, 200).forEach(cell => {
  cell.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
  document.querySelector('.jp-flow-grid').getBoundingClientRect();
})
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("wide"))
    path = server.write_dag(WIDE, "wide.py")
    fill(server.home, path)
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("wide")
        yield server
    finally:
        server.close()


def fill(home: Path, dag_file: Path) -> None:
    """Write runs that have ended, with a failed task in every fourth."""
    names = [f"part_{n // 100}.task_{n % 100:02d}" for n in range(TASKS)]
    spec = DagSpec("wide", dag_file.name, tuple(TaskSpec(name, "EmptyOperator") for name in names))
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=RUNS)
    with open_house(FlowConfig(home=home), write=True) as house, house.writing() as connection:
        stored = dags.store_dag(connection, spec, dag_folder=str(dag_file.parent), bundle_hash="0" * 64, now=first)
        new = NewRun("wide", "scheduled__0", RunType.SCHEDULED, first, first, first, first, "scheduler", "")
        runs.create_run(connection, new, stored.dag.version_id, spec, first)
        for statement in (*copies(connection, RUNS - 1), ENDED_TASKS, ENDED_RUNS):
            connection.execute(text(statement))


def copies(connection: Connection, count: int) -> Iterator[str]:
    """Statements that copy the one run with its tasks, hour by hour."""
    runs_own = {"run_id": "'scheduled__' || i", "logical_date": HOUR, "run_after": HOUR}
    yield (
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        + copy_of(connection, "dag_run", runs_own, "n")
    )
    tasks_own = {"dag_run_id": "r.id", "run_id": "r.run_id"}
    yield copy_of(connection, "task_instance", tasks_own, "(SELECT id, run_id FROM dag_run WHERE id > 1) r")


def copy_of(connection: Connection, table: str, own: dict[str, str], others: str) -> str:
    columns = [row[1] for row in connection.execute(text(f"PRAGMA table_info({table})")) if row[1] != "id"]
    values = ", ".join(own.get(name, f"t.{name}") for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} t, {others}"


def open_wide(browser: Browser, server: LabServer, theme: str = "light") -> LabPage:
    tab = LabPage(browser, server, theme)
    tab.run("jupyter-flow:open-dag", {"dag_id": "wide"})
    tab.page.wait_for_selector(".jp-flow-dag-page[data-dag-id=wide] .jp-flow-tab")
    return tab


def busy_ms(page: Page, script: str) -> float:
    """How long the page's own thread is busy with ``script``: what other processes take does not count."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(float(item["value"]) for item in metrics if item["name"] == "TaskDuration")

    before = spent()
    page.evaluate(script)
    return 1000 * (spent() - before)


def test_a_thousand_tasks_and_a_hundred_runs(browser: Browser, wide: LabServer) -> None:
    tab = open_wide(browser, wide)
    page = tab.page
    paint = busy_ms(page, PAINTED)
    assert paint < FIRST_PAINT_MS, f"the first paint takes {paint:.0f} ms"
    hover = busy_ms(page, HOVER) / 200
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
