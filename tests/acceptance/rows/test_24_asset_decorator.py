"""Row 24, ``@asset``: a function that makes an asset is a DAG of one task."""

from __future__ import annotations

from typing import Any

from support.houses import House
from support.waiting import wait_for

DAGS = """
from jupyter_flow import Asset, Metadata, asset

now = {"is_paused_upon_creation": False}

@asset(schedule=None, uri="s3://bucket/raw", group="lake", tags=["etl"], **now)
def raw(self, context):
    "The raw data."
    yield Metadata(self, {"by": context["ti"].task_id})
    return [self.name, self.uri]

@asset(schedule=raw, **now)
def clean(raw, limit=5):
    return [raw.name, raw.uri, limit]

left, right = Asset("left"), Asset("right")

@asset.multi(schedule=clean, outlets=[left, right], dag_id="splits", **now)
def split(self, clean, context, outlet_events=None):
    context["outlet_events"][left].extra = {"half": 1}
    return [self.name, clean.name]
"""


def value_of(house: House, dag_id: str, task_id: str) -> Any:
    """Wait for the end of the one run of ``dag_id`` and return what its task returned."""

    def ended() -> Any:
        found = house.call("runs.list", dag_id=dag_id)["runs"]
        return found if found and all(run["state"] in ("success", "failed") for run in found) else None

    (run,) = wait_for(ended, f"{dag_id} runs", 30)
    assert run["state"] == "success", house.story(dag_id, run["run_id"])
    (value,) = house.call("tasks.xcom", dag_id=dag_id, run_id=run["run_id"], task_id=task_id)["xcoms"]
    return value["value"]


def test_asset_functions_make_assets_dags_and_lineage(house: House) -> None:
    house.write_dag(DAGS)
    dag = house.wait_for_dag("raw")
    assert (dag["doc_md"], dag["tags"]) == ("The raw data.", ["etl"])
    assert [(task["task_id"], task["operator"]) for task in dag["tasks"]] == [("raw", "@asset")]
    run = house.call("assets.materialize", name="raw")
    assert run["dag_id"] == "raw"
    assert value_of(house, "raw", "raw") == ["raw", "s3://bucket/raw"]
    assert value_of(house, "clean", "clean") == ["raw", "s3://bucket/raw", 5], "a parameter is the asset of its name"
    assert value_of(house, "splits", "split") == ["left", "clean"]
    events = house.call("assets.events")["events"]
    assert sorted((event["asset"]["name"], str(event["extra"])) for event in events) == [
        ("clean", "{}"),
        ("left", "{'half': 1}"),
        ("raw", "{'by': 'raw'}"),
        ("right", "{}"),
    ]
    shown = house.cli_json("assets", "show", "clean")
    assert shown["producing_tasks"] == [{"dag_id": "clean", "task_id": "clean"}]
    assert shown["consuming_tasks"] == [{"dag_id": "splits", "task_id": "split"}]
    assert shown["scheduled_dags"] == [{"dag_id": "splits"}]
    assert house.call("assets.show", name="raw")["group"] == "lake"


def test_wrong_uses_are_one_clear_line(house: House) -> None:
    cases = {
        "no_schedule": ("@asset\ndef a(): ...", "@asset needs a schedule: write @asset(schedule=None)"),
        "left_out": ("@asset(uri='x')\ndef a(): ...", "@asset needs a schedule: write @asset(schedule=None)"),
        "stars": ("@asset(schedule=None)\ndef a(*all): ...", "a() takes *all: its parameters are names of assets"),
        "empty": ("@asset.multi(schedule=None, outlets=[])\ndef a(): ...", "@asset.multi needs outlets"),
        "unknown": (
            "@asset(schedule=None, tag=['x'])\ndef a(): ...",
            "DAG has no argument 'tag': did you mean 'tags'?",
        ),
        "reserved": (
            "@asset(schedule=None, name='self')\ndef a(): ...",
            "'self' means something else in asset functions",
        ),
    }
    for name, (text, _) in cases.items():
        house.write_dag(f"from jupyter_flow import asset\n\n{text}\n", f"wrong_{name}.py")

    def errors() -> Any:
        found = {item["file"]: item["message"] for item in house.call("dags.errors")}
        return found if len(found) >= len(cases) else None

    found = wait_for(errors, "all wrong files are import errors")
    for name, (_, says) in cases.items():
        assert says in found[f"wrong_{name}.py"]
        assert "\n" not in found[f"wrong_{name}.py"]
