"""``jupyter flow simulate``: the recorded DAGs in a window of time, without running anything."""

from __future__ import annotations

import json

from support.houses import House

DAGS = """
from datetime import datetime, timedelta
from jupyter_flow import DAG, BashOperator

for name in ("north", "south"):
    with DAG(name, schedule="0 2 * * *", start_date=datetime(2026, 1, 1), timezone="Europe/Berlin"):
        load = BashOperator(task_id="load", bash_command="true", pool="warehouse")
        load >> BashOperator(task_id="report", bash_command="true", sla=timedelta(minutes=30))
"""
WINDOW = ("--from", "2026-03-27T00:00:00+00:00", "--to", "2026-03-31T00:00:00+00:00")


def test_a_window_shows_contention_misses_and_the_clock_change(house: House) -> None:
    house.write_dag(DAGS)
    house.start()
    house.wait_for_dag("south")
    durations = house.base / "durations.json"
    durations.write_text(json.dumps({name: {"load": 1500, "report": 60} for name in ("north", "south")}))
    ask = ("simulate", *WINDOW, "--include-paused", "--durations", str(durations))
    found = house.cli_json(*ask, "--pool", "warehouse=1")
    assert len(found["runs"]) == 8
    due = [run["run_after"][:16] for run in found["runs"] if run["dag_id"] == "north"]
    # 02:00 does not come on the 29th: the run starts at the first instant after the gap
    assert due == ["2026-03-27T01:00", "2026-03-28T01:00", "2026-03-29T01:00", "2026-03-30T00:00"]
    (wait,) = found["waits"]
    assert (wait["code"], wait["name"], wait["seconds"]) == ("pool_full", "warehouse", 4 * 1500)
    assert found["peaks"]["pool warehouse"] == 1
    late = {(item["what"], item["name"]) for item in found["late"]}
    assert late == {("sla", "report")}
    assert len(found["late"]) == 4
    wider = house.cli_json(*ask, "--pool", "warehouse=2")
    assert (wider["waits"], wider["late"]) == ([], [])
    assert house.rows("SELECT count(*) AS n FROM dag_run") == [{"n": 0}]
    text = house.cli(*ask, "--pool", "warehouse=1")
    assert text.code == 0
    assert "pool warehouse: 1 of 1 slots are in use" in text.out


def test_wrong_questions_are_answered_in_one_line(house: House) -> None:
    house.write_dag(DAGS)
    house.start()
    house.wait_for_dag("south")
    durations = house.base / "wrong.json"
    durations.write_text("[1]")
    for words, message in (
        (("--from", "2026-03-02", "--to", "2026-03-01"), "the window is empty"),
        (("--from", "yesterday"), "is not an ISO 8601 date"),
        (("--dag", "west"), "DAG 'west' does not exist"),
        (("--pool", "warehouse"), "write NAME=SLOTS"),
        (("--durations", str(durations)), "it must hold JSON like"),
        (("--durations", str(durations) + ".none"), "No such file"),
    ):
        answer = house.cli("simulate", *words)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("error: ")
        assert message in answer.err
        assert answer.err.count("\n") == 1
