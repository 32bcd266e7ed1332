"""The training DAG as a DAG notebook: its own cells, run by hand, register it and run it in a real house."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.examples import TRAINING_TASKS, copy_example, without_schedule
from support.houses import House, states_of


def _text(cell: nbformat.NotebookNode) -> str:
    return "".join(
        output["text"] if output.output_type == "stream" else output["data"].get("text/plain", "")
        for output in cell.outputs
    )


@pytest.mark.timeout(300)
def test_the_cells_of_the_dag_notebook_check_register_and_run_it(house: House) -> None:
    folder = without_schedule(copy_example("training", house.dags))
    house.start()
    path = folder / "training_dag.ipynb"
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, timeout=200)
    client.execute(env={**house.env, "JPY_SESSION_NAME": str(path)})
    cells = {
        cell.source.partition("\n")[0].split(" --")[0]: cell for cell in notebook.cells if cell.cell_type == "code"
    }

    shown = cells["%%dag training_notebook"].outputs
    assert [output.output_type for output in shown] == ["display_data"], "a graph, and no problem before it"
    assert all(f'["{task_id}<br/>' in shown[0]["data"]["text/vnd.mermaid"] for task_id in TRAINING_TASKS)
    assert "training_notebook: 6 tasks" in _text(cells["%flow check"])
    assert "training_notebook is registered from training/training_dag.ipynb" in _text(cells["%flow register"])
    assert "success" in _text(cells["%flow trigger"])

    runs = house.call("runs.list", dag_id="training_notebook")["runs"]
    assert [run["state"] for run in runs] == ["success"]
    assert runs[0]["run_id"] in _text(cells["%flow runs"])
    run = house.run("training_notebook", runs[0]["run_id"])
    assert states_of(run) == dict.fromkeys(TRAINING_TASKS, "success")
    _check_card(folder, run["run_id"])


def _check_card(folder: Path, run_id: str) -> None:
    card = json.loads((folder / "data" / "registry" / "v0001" / "card.json").read_text())
    assert card["run_id"] == run_id
    assert card["params"]["folds"] == 5, "native values: a number, not text"
    assert card["metrics"]["auc"] > 0.9


def test_both_forms_of_the_training_dag_are_loaded_at_once(house: House) -> None:
    copy_example("training", house.dags)
    copy_example("etl", house.dags)
    house.start()
    for dag_id in ("training", "retraining", "training_notebook", "etl"):
        assert house.wait_for_dag(dag_id)["warnings"] == []
    assert house.call("dags.errors") == []
    tasks = [
        [(task["task_id"], task["upstream"]) for task in house.call("dags.show", dag_id=dag_id)["tasks"]]
        for dag_id in ("training", "training_notebook")
    ]
    assert tasks[0] == tasks[1]
