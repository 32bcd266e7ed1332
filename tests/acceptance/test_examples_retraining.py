"""The retraining example: started by the asset that ingest updates; the data decide which way it goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.examples import RETRAINING_TASKS, TRAINING_TASKS, copy_example, without_schedule
from support.houses import House, states_of, task_of
from support.waiting import wait_for

KEEP = {"min_gain": 0.9}
"""No model beats another by so much, so the training DAG itself registers none."""
RETRAIN = ("train", "evaluate", "register")


def retrained(house: House, count: int) -> dict[str, Any]:
    """Wait until ``count`` runs of the retraining DAG that the asset started have ended; return the newest."""

    def ended() -> Any:
        runs = house.call("runs.list", dag_id="retraining")["runs"]
        made = [run for run in runs if run["run_type"] == "asset_triggered"]
        return made if len(made) == count and all(run["end_date"] for run in made) else None

    made = wait_for(ended, f"{count} runs of retraining have ended", 120)
    newest = max(made, key=lambda run: run["start_date"])
    return house.run("retraining", newest["run_id"])


def pushed(house: House, run: dict[str, Any], task_id: str) -> dict[str, Any]:
    found = house.call("tasks.xcom", dag_id="retraining", run_id=run["run_id"], task_id=task_id)["xcoms"]
    return {item["key"]: item["value"] for item in found}


@pytest.mark.timeout(400)
def test_deliveries_start_the_retraining_and_drift_decides(house: House) -> None:
    folder = without_schedule(copy_example("training", house.dags))
    registry = folder / "data" / "registry"
    house.start()

    early = house.run_dag("retraining")
    assert task_of(early, "take_delivery")["state"] == "failed"
    assert "run the DAG training first" in task_of(early, "take_delivery")["reason"]["text"]

    first = house.run_dag("training", timeout=180, logical_date="2026-03-01")
    assert states_of(first) == dict.fromkeys(TRAINING_TASKS, "success")
    calm = retrained(house, 1)
    assert calm["state"] == "success"
    assert states_of(calm) == {
        **dict.fromkeys(RETRAINING_TASKS, "success"),
        **dict.fromkeys(RETRAIN, "skipped"),
    }
    assert pushed(house, calm, "drift") == {"drifted": False, "features": []}
    assert json.loads((registry / "champion.json").read_text()) == {"version": 1}

    conf = {**KEEP, "drift": 0.3}
    moved = house.run_dag("training", timeout=180, logical_date="2026-03-02", conf=conf)
    assert states_of(moved) == dict.fromkeys(TRAINING_TASKS, "success"), "no single value is out of range"
    changed = retrained(house, 2)
    assert changed["state"] == "success"
    assert states_of(changed) == {**dict.fromkeys(RETRAINING_TASKS, "success"), "keep_champion": "skipped"}
    assert {"texture", "worst_texture", "log_area"} <= set(pushed(house, changed, "drift")["features"])
    assert not {"smoothness", "symmetry"} & set(pushed(house, changed, "drift")["features"]), "these were not moved"
    assert json.loads((registry / "champion.json").read_text()) == {"version": 2}
    card = json.loads((registry / "v0002" / "card.json").read_text())
    assert (card["run_id"], card["replaces"]) == (changed["run_id"], 1)
    assert card["data_sha256"] == pushed(house, changed, "take_delivery")["sha256"]
    assert card["metrics"]["accuracy"] > 0.9
    assert len(list((folder / "data" / "runs").iterdir())) == 4, "no run writes into the folder of another"

    house.run_dag("training", timeout=180, logical_date="2026-03-03", conf={"corrupt_rows": 2})
    bad = retrained(house, 3)
    assert (bad["state"], states_of(bad)["validate"]) == ("failed", "failed")
    assert json.loads((registry / "champion.json").read_text()) == {"version": 2}
