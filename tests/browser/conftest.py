"""One real JupyterLab and one Chromium for the whole ring."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from support.browser import LabPage, chromium
from support.lab_server import LabServer

expect.set_options(timeout=30_000)

DAGS = """
    import time

    from jupyter_flow import DAG, BashOperator, NotebookOperator, Param, PythonOperator


    def prepare():
        time.sleep(2)
        return {"rows": 42}


    with DAG(
        "forecast",
        schedule="@daily",
        start_date="2026-01-01",
        description="Reads the readings, fits a model, writes a report",
        tags=["training"],
        params={
            "fail": Param(False, type="boolean", description="Whether the data are bad"),
            "rows": Param(10, type="integer", minimum=1, description="How many rows"),
        },
    ):
        first = PythonOperator(task_id="prepare", python_callable=prepare)
        fit = NotebookOperator(
            task_id="fit", notebook="fit.ipynb", parameters={"rows": "{{ params.rows }}", "fail": "{{ params.fail }}"}
        )
        side = BashOperator(task_id="inventory", bash_command="sleep 1; ls")
        last = BashOperator(task_id="report", bash_command="for i in 1 2 3; do echo line $i; sleep 0.3; done")
        first >> [fit, side] >> last

    with DAG("cleanup", schedule="0 4 * * 1", start_date="2026-01-01", tags=["house"]):
        BashOperator(task_id="sweep", bash_command="echo swept")
"""
FIT = [
    {"cell_type": "markdown", "source": "# Fit"},
    {"source": "rows = 5\nfail = 'False'", "tags": ["parameters"]},
    "import time\nfor step in range(6):\n    print('step', step, 'of', rows)\n    time.sleep(0.3)",
    *[f"value_{n} = {n}" for n in range(30)],
    "if str(fail) == 'True':\n    raise ValueError(f'the data are bad: {rows} rows')",
    "print('fitted')",
]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    server.write_dag(DAGS, "forecast.py")
    server.write_dag("from jupyter_flow import DAG\nimport not_installed_here\n", "broken.py")
    server.write_notebook(FIT, "fit.ipynb")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("forecast")
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def open_lab(lab: LabServer, browser: Browser) -> Iterator[Callable[..., LabPage]]:
    """``open_lab(theme="light")`` opens a fresh tab; a script error in any of them fails the test."""
    opened: list[LabPage] = []

    def open_page(theme: str = "light") -> LabPage:
        opened.append(LabPage(browser, lab, theme))
        return opened[-1]

    yield open_page
    errors = [error for tab in opened for error in tab.errors]
    for tab in opened:
        tab.page.close()
    assert not errors
