"""``%%task`` cells: a notebook whose cells are the tasks of its DAG, each in a kernel of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of, task_of
from support.waiting import wait_for


@pytest.fixture(scope="module")
def ran(house: House) -> tuple[House, dict[str, Any]]:
    house.write_notebook(
        [
            "raise SystemExit('a plain cell runs neither when the file is parsed nor in a task')",
            "%%dag cells --param factor=2",
            "%%setup\nimport os\nfrom pathlib import Path\nbase = 10",
            {"source": "def double(x):\n    return 2 * x", "tags": ["setup"]},
            "%%task extract --outputs rows,when --param start=5 --param day='{{ ds_nodash[:2] }}'\n"
            "rows = [base, start, double(start)]\nwhen = {'day': day, 'pid': os.getpid()}",
            "%%task total --outputs total\n%time total = sum(rows)\nassert 'when' not in globals()",
            "%%task check --inputs total,when --after total --timeout 60\n"
            "from jupyter_flow import flow\n"
            "flow.xcom_push('seen', [total, when['day'], when['pid'] != os.getpid(), Path.cwd().name])",
            "%%task breaks --retries 0\nbefore = 1\n1 / 0",
            "%%task after_all --after breaks,check --trigger-rule all_done\nprint('after all', base)",
        ],
        "cells.ipynb",
    )
    return house, house.run_dag("cells")


def executed(house: House, run: dict[str, Any], task_id: str) -> list[dict[str, Any]]:
    shown = house.cli_json("tasks", "show", "cells", run["run_id"], task_id)
    notebook = json.loads(Path(shown["notebook_path"]).read_bytes())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_cells_run_as_tasks_in_the_order_of_their_variables(ran: tuple[House, dict[str, Any]]) -> None:
    house, run = ran
    assert states_of(run) == {
        "extract": "success", "total": "success", "check": "success", "breaks": "failed", "after_all": "success"
    }  # fmt: skip
    graph = {task["task_id"]: task["upstream"] for task in house.call("dags.show", dag_id="cells")["tasks"]}
    assert graph["total"] == ["extract"]
    assert sorted(graph["check"]) == ["extract", "total"]
    values = house.cli_json("tasks", "xcom", "cells", run["run_id"], "check")
    assert {item["key"]: item["value"] for item in values} == {"seen": [25, "20", True, "dags"]}


def test_the_executed_notebook_is_small_and_true(ran: tuple[House, dict[str, Any]]) -> None:
    house, run = ran
    cells = executed(house, run, "check")
    assert [cell["metadata"].get("tags", []) for cell in cells] == [
        [], ["setup"], ["task-inputs"], []
    ]  # fmt: skip
    assert source(cells[0]).startswith("# %%setup\nimport os")
    assert "total = jupyter_flow_helper.xcom_pull" in source(cells[2])
    assert all(cell["execution_count"] for cell in cells)
    first = executed(house, run, "extract")
    assert [cell["metadata"].get("tags", []) for cell in first][2:] == [
        ["parameters"], ["injected-parameters"], [], ["task-outputs"]
    ]  # fmt: skip
    said = house.cli_json("tasks", "show", "cells", run["run_id"], "after_all")
    assert said["state"] == "success"


def test_a_failing_cell_is_named_and_later_ones_do_not_run(ran: tuple[House, dict[str, Any]]) -> None:
    house, run = ran
    broken = task_of(run, "breaks")
    assert broken["reason"]["code"] == "cell_error"
    assert broken["reason"]["text"] == "ZeroDivisionError in cell 3: division by zero"
    (output,) = executed(house, run, "breaks")[2]["outputs"]
    assert output["ename"] == "ZeroDivisionError"


def test_a_task_cell_runs_from_the_pinned_notebook(house: House) -> None:
    cells = [
        "%%dag pinned",
        "%%task slow --outputs word\nimport time, pathlib\nword = 'old'\npathlib.Path('started').touch()\n"
        "while not pathlib.Path('go').exists():\n    time.sleep(0.05)",
        "%%task then --inputs word --outputs said\nsaid = word + ' old'",
    ]
    path = house.write_notebook(cells, "pinned.ipynb")
    run = house.trigger("pinned")
    house.wait_for_task("pinned", run["run_id"], "slow", "running")
    wait_for((house.dags / "started").exists, "the first cell runs", 60)
    house.write_notebook([cell.replace("' old'", "' new'") for cell in cells], path.name)
    (house.dags / "go").touch()
    assert house.wait_for_run("pinned", run["run_id"])["state"] == "success"
    (said,) = house.cli_json("tasks", "xcom", "pinned", run["run_id"], "then")
    assert said["value"] == "old old"


def test_mistakes_are_import_errors_with_the_cell(house: House) -> None:
    house.write_notebook(["%%dag wrong", "%%task a\nx = 1", "%%task b --after aa\nx"], "wrong.ipynb")

    def problems() -> list[str]:
        found = house.cli("dags", "errors", "--json").json
        return [item["message"] for item in found if item["file"] == "wrong.ipynb"]

    (message,) = wait_for(problems, "an import error", 30)
    assert message == "cell 3: %%task b: --after names 'aa', which the DAG does not have: did you mean 'a'?"
