"""The training example, run for real: to its end, with bad data, against a champion it does not beat, by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from support.examples import NOTEBOOKS, TRAINING_TASKS, copy_example, without_schedule
from support.houses import House, states_of, task_of

pytestmark = pytest.mark.timeout(300)

KEEP = {"min_gain": 0.9}
"""No model beats another by so much, so the champion stays."""


def _sources(notebook: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"]]


def _executed(run: dict[str, Any], task_id: str) -> nbformat.NotebookNode:
    return nbformat.read(task_of(run, task_id)["notebook_path"], as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_an_example_notebook_is_committed_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}
    assert any(cell.cell_type == "markdown" for cell in notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", [*TRAINING_TASKS, "drift"])
def test_a_training_notebook_has_one_parameters_cell(name: str) -> None:
    path = next(path for path in NOTEBOOKS if path.stem == name)
    cells = nbformat.read(path, as_version=4).cells
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1


def test_the_training_dag_runs_and_later_keeps_its_champion(house: House) -> None:
    folder = without_schedule(copy_example("training", house.dags))
    house.start()
    run = house.run_dag("training", timeout=180, logical_date="2026-03-01")
    assert states_of(run) == dict.fromkeys(TRAINING_TASKS, "success")

    data = folder / "data"
    assert json.loads((data / "registry" / "champion.json").read_text()) == {"version": 1}
    card = json.loads((data / "registry" / "v0001" / "card.json").read_text())
    measurements = next((data / "runs").glob("*/measurements.parquet"))
    assert card["run_id"] == run["run_id"]
    assert card["run_date"] == "2026-03-01"
    assert card["data_sha256"] == hashlib.sha256(measurements.read_bytes()).hexdigest()
    assert card["metrics"]["auc"] > 0.9
    assert card["params"] == {"c": pytest.approx(card["params"]["c"]), "c_max": 10.0, "folds": 5}

    outputs = [output for cell in _executed(run, "evaluate").cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1
    metrics = house.call("tasks.xcom", dag_id="training", run_id=run["run_id"], task_id="evaluate", key="metrics")
    assert metrics["xcoms"][0]["value"] == card["metrics"]

    before = (data / "registry" / "champion.json").read_bytes()
    again = house.run_dag("training", timeout=180, logical_date="2026-03-02", conf=KEEP)
    assert states_of(again) == dict.fromkeys(TRAINING_TASKS, "success")
    assert (data / "registry" / "champion.json").read_bytes() == before
    assert [path.name for path in (data / "registry").glob("v*")] == ["v0001"]
    registered = house.call("tasks.xcom", dag_id="training", run_id=again["run_id"], task_id="register")["xcoms"]
    assert {item["key"]: item["value"] for item in registered} == {"registered": False, "version": 1}
    assert len(list((data / "runs").iterdir())) == 2, "each run has a folder of its own"


def test_bad_data_fails_in_the_cell_that_names_the_rows(house: House) -> None:
    folder = without_schedule(copy_example("training", house.dags))
    house.start()
    run = house.run_dag("training", timeout=120, conf={"corrupt_rows": 3}, logical_date="2026-03-01")
    states = states_of(run)
    assert run["state"] == "failed"
    assert (states["ingest"], states["validate"]) == ("success", "failed")
    assert set(list(states.values())[2:]) == {"upstream_failed"}

    validate = task_of(run, "validate")
    executed = _executed(run, "validate")
    failing = _sources(executed)[validate["failing_cell"]]
    assert "values out of range" in failing
    corrupted = next(
        output["text"]
        for cell in _executed(run, "ingest").cells
        for output in cell.get("outputs", [])
        if output.get("text", "").startswith("corrupted on purpose: ")
    )
    names = corrupted.removeprefix("corrupted on purpose: ").strip().split(", ")
    assert len(names) == 3
    assert all(f"{name}: mean_radius = -1.0" in validate["reason"]["text"] for name in names)
    assert not (folder / "data" / "registry").exists()


def test_a_conf_that_does_not_fit_the_schema_is_refused(house: House) -> None:
    copy_example("training", house.dags)
    house.start()
    house.wait_for_dag("training")
    refused = house.cli("dags", "trigger", "training", "--conf", '{"folds": 1}')
    assert refused.code == 2
    assert "folds" in refused.err
    assert house.call("runs.list", dag_id="training")["runs"] == []


def test_the_training_notebooks_run_by_hand(house: House) -> None:
    """Outside a task, as in JupyterLab: defaults hold, and ``flow`` prints what it would push."""
    from nbclient import NotebookClient

    folder = copy_example("training", house.base)
    for name in (*TRAINING_TASKS, "drift"):
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, timeout=90).execute()
        printed = "".join(
            output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
        )
        assert "[not in a task]" in printed, name
    assert json.loads((folder / "data" / "registry" / "champion.json").read_text()) == {"version": 1}
