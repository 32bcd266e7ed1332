"""With a real clock: an every-minute variant of the training DAG fires twice by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from support.examples import copy_example
from support.houses import House, states_of
from support.waiting import wait_for

TASKS = ("ingest", "validate", "features")


@pytest.mark.timeout(240)
def test_an_every_minute_training_dag_fires_twice_by_itself(house: House) -> None:
    folder = copy_example("training", house.dags)
    (folder / "training_dag.ipynb").unlink()
    dag_file = folder / "training.py"
    text = dag_file.read_text()
    text = text.replace('schedule="@daily"', 'schedule="* * * * *"').replace('dag_id="training"', 'dag_id="minutely"')
    # The first half of the pipeline: what is tested here is the clock, not scikit-learn.
    text = text[: text.index("    train = NotebookOperator(")] + "    chain(ingest, validate, features)\n"
    text = re.sub(r"start_date=datetime\([^)]*\)", "start_date=datetime(2026, 1, 1)", text)
    dag_file.write_text(text)

    house.start()
    house.wait_for_dag("minutely")
    began = datetime.now(UTC)
    house.call("dags.unpause", dag_id="minutely")

    def fired() -> list[dict[str, object]]:
        runs = house.call("runs.list", dag_id="minutely")["runs"]
        later = [run for run in runs if datetime.fromisoformat(run["run_after"]) > began]
        return later if len(later) >= 2 and all(run["end_date"] for run in later[-2:]) else []

    runs = sorted(wait_for(fired, "two runs start by themselves and end", 200, 0.5), key=lambda run: run["run_after"])
    house.call("dags.pause", dag_id="minutely")
    first, second = runs[:2]
    assert datetime.fromisoformat(second["logical_date"]) - datetime.fromisoformat(first["logical_date"]) == (
        timedelta(minutes=1)
    )
    for run in (first, second):
        logical, start = (datetime.fromisoformat(run[name]) for name in ("logical_date", "start_date"))
        assert run["run_type"] == "scheduled"
        assert run["state"] == "success"
        assert run["data_interval_start"] == run["logical_date"]
        assert run["data_interval_end"] == run["run_after"]
        assert timedelta(minutes=1) <= start - logical < timedelta(minutes=1, seconds=15), "it starts at its end"
        assert states_of(house.run("minutely", run["run_id"])) == dict.fromkeys(TASKS, "success")
    assert len(list((folder / "data" / "runs").iterdir())) >= 2
