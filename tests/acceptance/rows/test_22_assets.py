"""Row 22, assets: outlets make events, sets of events make runs, each exactly once; events from outside; lineage."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.houses import House, task_of
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError

DAGS = """
import json
from jupyter_flow import DAG, Asset, AssetAlias, BashOperator, EmptyOperator, Metadata, task
from jupyter_flow.timetables import AssetOrTimeSchedule, CronDataIntervalTimetable

sales = Asset("sales", uri="s3://bucket/sales.csv", group="shop", extra={"owner": "ada"})
stock, prices, found = Asset("stock"), Asset("prices"), Asset("found")
alias = AssetAlias("whatever")
now = {"is_paused_upon_creation": False}

with DAG("sells", **now):
    @task(outlets=[sales])
    def sell(outlet_events):
        outlet_events[sales].extra = {"rows": 3}
    sell()
with DAG("stocks", **now):
    EmptyOperator(task_id="count", outlets=[stock])
with DAG("fails", **now):
    BashOperator(task_id="t", bash_command="exit 1", outlets=[prices])
with DAG("finds", **now):
    @task(outlets=[alias, prices])
    def find():
        yield Metadata(found, {"where": "attic"}, alias=alias)
        yield Metadata(prices, {"n": 1})
        return "done"
    find()

def consumer(dag_id, schedule, **more):
    with DAG(dag_id, schedule=schedule, **{**now, **more}):
        @task
        def use(triggering_asset_events, dag_run):
            told = {asset.name: [event.extra for event in events] for asset, events in triggering_asset_events.items()}
            all_events = [event for events in triggering_asset_events.values() for event in events]
            sources = {event.source_dag_id or "outside" for event in all_events}
            return {"told": told, "sources": sorted(sources), "dated": dag_run.logical_date is not None}
        use()

consumer("both", [sales, stock])
consumer("nested", sales & (stock | prices))
consumer("either", sales | prices)
consumer("by_alias", alias)
consumer("refuses", stock, allowed_run_types=["manual"])
consumer("held", stock, is_paused_upon_creation=True)
consumer("timed", AssetOrTimeSchedule(timetable=CronDataIntervalTimetable("0 0 1 1 *", timezone="UTC"), assets=[stock]))

with DAG("reads", **now):
    @task(inlets=[sales])
    def history(inlet_events):
        return [event.extra for event in inlet_events[sales]]
    history()
"""


@pytest.fixture(scope="module", autouse=True)
def files(house: House) -> None:
    house.write_dag(DAGS)
    house.wait_for_dag("reads")


def runs(house: House, dag_id: str, count: int) -> list[dict[str, Any]]:
    """Wait until ``dag_id`` has ``count`` ended runs made by assets, and return them, oldest first."""

    def ended() -> Any:
        found = [run for run in house.call("runs.list", dag_id=dag_id)["runs"] if run["run_type"] == "asset_triggered"]
        return found if len(found) >= count and all(run["state"] == "success" for run in found) else None

    found = wait_for(ended, f"{dag_id} has {count} runs", 30)
    assert len(found) == count, found
    return found[::-1]


def used(house: House, run: dict[str, Any]) -> Any:
    (value,) = house.call("tasks.xcom", dag_id=run["dag_id"], run_id=run["run_id"], task_id="use")["xcoms"]
    return value["value"]


def test_runs_are_made_for_sets_of_events_each_once(house: House) -> None:
    house.run_dag("sells")
    (run,) = runs(house, "either", 1)
    assert used(house, run) == {"told": {"sales": [{"rows": 3}]}, "sources": ["sells"], "dated": False}
    assert (run["logical_date"], run["data_interval_start"], run["triggered_by"]) == (None, None, "asset")
    assert house.cli_json("assets", "waiting", "both") == {
        "dag_id": "both",
        "condition": house.call("assets.waiting", dag_id="both")["condition"],
        "assets": [
            {"name": "sales", "uri": "s3://bucket/sales.csv", "events": 1},
            {"name": "stock", "uri": "stock", "events": 0},
        ],
        "is_met": False,
    }
    house.run_dag("sells")
    house.run_dag("stocks")
    (run,) = runs(house, "both", 1)
    assert used(house, run)["told"] == {"sales": [{"rows": 3}, {"rows": 3}], "stock": [{}]}, "all events since the last"
    assert used(house, runs(house, "nested", 1)[0])["sources"] == ["sells", "stocks"]
    assert used(house, runs(house, "timed", 1)[0])["told"] == {"stock": [{}]}
    runs(house, "either", 2)
    sets = house.rows("SELECT dag_id, asset_event_set FROM dag_run WHERE run_type = 'asset_triggered'")
    assert len({tuple(row.values()) for row in sets}) == len(sets)
    linked = house.rows(
        "SELECT r.dag_id, e.asset_event_id, count(*) n FROM run_asset_event e JOIN dag_run r ON r.id = e.dag_run_id "
        "GROUP BY 1, 2"
    )
    assert {row["n"] for row in linked} == {1}, "no event makes two runs of a DAG"


def test_a_failed_task_makes_no_event_and_an_alias_names_assets_at_run_time(house: House) -> None:
    run = house.run_dag("fails")
    assert run["state"] == "failed"
    assert house.call("assets.events", name="prices")["events"] == []
    run = house.run_dag("finds")
    assert task_of(run, "find")["state"] == "success"
    (made,) = runs(house, "by_alias", 1)
    assert used(house, made)["told"] == {"found": [{"where": "attic"}]}
    events = house.cli_json("assets", "events")
    assert [(event["asset"]["name"], event["alias"], event["extra"]) for event in events[:2]] == [
        ("found", "whatever", {"where": "attic"}),
        ("prices", None, {"n": 1}),
    ]
    assert events[1]["source_task_id"] == "find"


def test_events_from_outside_and_inlets(house: House) -> None:
    before = len(house.call("runs.list", dag_id="either")["runs"])
    event = house.cli_json("assets", "emit", "s3://bucket/sales.csv", "--extra", '{"rows": 9}')
    assert (event["asset"]["name"], event["extra"], event["source_dag_id"]) == ("sales", {"rows": 9}, None)
    assert used(house, runs(house, "either", before + 1)[-1]) == {
        "told": {"sales": [{"rows": 9}]},
        "sources": ["outside"],
        "dated": False,
    }
    run = house.run_dag("reads")
    (value,) = house.call("tasks.xcom", dag_id="reads", run_id=run["run_id"], task_id="history")["xcoms"]
    assert value["value"][-1] == {"rows": 9}
    assert len(value["value"]) == len(house.call("assets.events", name="sales")["events"])
    for op, arguments, says in (
        ("emit", {"name": "nothing"}, "asset 'nothing' does not exist"),
        ("emit", {"name": "sales", "extra": [1]}, "extra must be a JSON object"),
        ("events", {"limit": 0}, "limit 0 must be a number from 1 to 1000"),
        ("materialize", {"name": "found"}, "no DAG makes asset 'found'"),
    ):
        with pytest.raises(FlowError, match=re.escape(says)):
            house.call(f"assets.{op}", **arguments)


def test_a_paused_dag_collects_events_and_runs_once_when_unpaused(house: House) -> None:
    for _ in range(3):
        house.call("assets.emit", name="stock")
    assert house.call("runs.list", dag_id="held")["runs"] == []
    pending = house.call("assets.waiting", dag_id="held")["assets"][0]["events"]
    assert pending >= 3
    house.call("dags.unpause", dag_id="held")
    (run,) = runs(house, "held", 1)
    assert len(used(house, run)["told"]["stock"]) == pending
    assert house.call("runs.list", dag_id="refuses")["runs"] == [], "its allowed_run_types are without assets"


def test_events_survive_the_death_of_the_host(house: House) -> None:
    before = len(house.call("runs.list", dag_id="by_alias")["runs"])
    house.call("dags.pause", dag_id="by_alias")
    house.run_dag("finds")
    house.kill()
    house.start()
    house.call("dags.unpause", dag_id="by_alias")
    assert len(runs(house, "by_alias", before + 1)) == before + 1


def test_lineage_says_who_makes_and_uses_an_asset(house: House) -> None:
    shown = house.cli_json("assets", "show", "sales")
    assert (shown["uri"], shown["group"], shown["extra"]) == ("s3://bucket/sales.csv", "shop", {"owner": "ada"})
    assert shown["producing_tasks"] == [{"dag_id": "sells", "task_id": "sell"}]
    assert shown["consuming_tasks"] == [{"dag_id": "reads", "task_id": "history"}]
    assert {place["dag_id"] for place in shown["scheduled_dags"]} == {"both", "either", "nested"}
    made = {(run["dag_id"]) for event in shown["events"] for run in event["created_runs"]}
    assert {"both", "either", "nested"} <= made
    listed = {item["name"]: item for item in house.cli_json("assets", "list")}
    assert {"sales", "stock", "prices"} <= set(listed)
    assert "sells.sell" in house.cli("assets", "list").out
    run = house.cli_json("assets", "materialize", "sales")
    assert (run["dag_id"], run["run_type"]) == ("sells", "manual")


def test_one_name_has_one_uri(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, Asset, EmptyOperator

        with DAG("contradicts"):
            EmptyOperator(task_id="t", outlets=[Asset("sales", uri="file:///other")])
        """,
        "contradicts.py",
    )
    text = (
        "asset 'sales' has the uri 'file:///other' in DAG 'contradicts' and 's3://bucket/sales.csv' in DAG 'both': "
        "an asset has one uri"
    )

    def errors() -> Any:
        return [item for item in house.call("dags.errors") if item["file"] == "contradicts.py"]

    (error,) = wait_for(errors, "the contradiction is an import error")
    assert (error["kind"], error["message"]) == ("error", f"contradicts.py: {text}")
    house.write_dag(DAGS.replace("s3://bucket/sales.csv", "file:///other"))
    wait_for(lambda: not errors(), "the file loads once its name is free")
    assert house.wait_for_dag("contradicts")["dag_id"] == "contradicts"
