"""``flow.run()`` in a real kernel on a real house: what it shows, waits for, records and cancels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.houses import House
from support.kernel import AuthorKernel, author_kernel
from support.waiting import wait_for

DAGS = """
    from jupyter_flow import DAG, BashOperator

    with DAG("sales", schedule=None, params={"rows": 3}):
        load = BashOperator(task_id="load", bash_command="echo loaded {{ params.rows }} rows")
        load >> BashOperator(task_id="fit", bash_command="echo no such column; exit 3")

    with DAG("long", schedule=None):
        BashOperator(task_id="sleep", bash_command="echo asleep; exec sleep 600")
"""
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def kernel(house: House) -> Iterator[AuthorKernel]:
    house.write_dag(DAGS)
    house.start()
    house.wait_for_dag("long")
    with author_kernel(house.env, house.dags) as running:
        assert running.run("from jupyter_flow import flow").ok
        yield running


def test_a_run_is_shown_waited_for_and_left_readable(kernel: AuthorKernel, house: House) -> None:
    ran = kernel.run("run = flow.run('sales', {'rows': 8}, unpause=True)")
    assert ran.ok, ran.error
    (shown,) = ran.displays
    assert {"text/plain", "text/html", VIEW} <= set(shown)
    assert "of sales" in shown["text/plain"]
    ran = kernel.run("print(run.wait().state, run.tasks)")
    assert ran.out == "failed {'load': 'success', 'fit': 'failed'}\n", ran
    ran = kernel.run("print(run); run.show(); run")
    assert "✗ fit   failed" in ran.out
    assert "no such column" in ran.out
    record = ran.displays[-1]
    assert VIEW not in record, "a record needs no widget"
    assert "no such column" in record["text/html"]
    (found,) = house.call("runs.list", dag_id="sales")["runs"]
    assert found["conf"] == {"rows": 8}
    assert kernel.run("run").displays, "a later cell shows it again"
    assert "failed" in kernel.run(f"print(repr(flow.run('sales', run_id={found['run_id']!r})))").out
    for call, words in [
        ("flow.run()", "which DAG"),
        ("flow.run('nothing')", "nothing"),
        ("flow.run('sales', run_id='never')", "never"),
        ("flow.run('sales', logical_date='soon')", "soon"),
    ]:
        ran = kernel.run(call)
        assert not ran.ok, call
        assert words in ran.error, ran.error


def test_a_click_on_cancel_cancels(kernel: AuthorKernel, house: House) -> None:
    ran = kernel.run("run = flow.run('long', unpause=True)")
    assert ran.ok, ran.error
    wait_for(lambda: "running" in kernel.run("print(run.tasks)").out, "the task runs")
    # what the browser's message does: the button's own handlers, and those alone
    click = "import ipywidgets as w\n[button] = [x for x in w.Widget.widgets.values() if isinstance(x, w.Button)]"
    assert kernel.run(f"{click}\nbutton.click()").ok
    assert kernel.run("print(run.wait().state)").out == "cancelled\n"
    assert house.call("runs.list", dag_id="long")["runs"][0]["state"] == "cancelled"
    assert kernel.run("print(button.disabled)").out == "True\n"


def test_a_notebook_that_is_executed_without_a_browser_keeps_text_and_html(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write_dag(DAGS)
    house.start()
    house.wait_for_dag("sales")
    for name in ("JUPYTER_FLOW_HOME", "IPYTHONDIR"):
        monkeypatch.setenv(name, house.env[name])
    code = "from jupyter_flow import flow\nrun = flow.run('sales', unpause=True).wait()"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=False).execute()
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert output.data["text/plain"].startswith("✗ manual__")
    assert "no such column" in output.data["text/html"]
    assert "widgets" not in json.loads(nbformat.writes(notebook))["metadata"]
