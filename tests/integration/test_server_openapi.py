"""The OpenAPI document names the routes that are served, and its schemas hold for real answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator
from support.flow_routes import routes
from support.lab_server import LabServer

from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.server import openapi

STATES = Path(__file__).parents[2] / "labextension/src/model/shared/states.ts"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    lab = LabServer(tmp_path_factory.mktemp("openapi"))
    lab.write_dag(
        """
        from jupyter_flow import DAG, Asset, BashOperator, NotebookOperator, Param

        with DAG("shapes", schedule="@daily", start_date="2026-01-01", params={"n": Param(1, type="integer")}) as dag:
            one = BashOperator(task_id="one", bash_command="echo one", outlets=[Asset("a")])
            one >> NotebookOperator(task_id="book", notebook="b.ipynb")
        """
    )
    lab.write_dag("import nothing_like_it\nfrom jupyter_flow import DAG\n", "broken.py")
    lab.write_notebook(["print(1)", "1 / 0"], "b.ipynb")
    try:
        lab.start()
        lab.wait_for_dag("shapes")
        yield lab
    finally:
        lab.close()


def test_the_document_names_the_routes_and_nothing_else() -> None:
    assert {(route.method.lower(), route.template) for route in routes()} == set(openapi.OPERATIONS)


def test_the_answers_are_as_described(server: LabServer) -> None:
    run = server.run_to_end("shapes", {"conf": {"n": 2}})
    assert run["state"] == "failed"
    document = server.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    ids = {"dag_id": "shapes", "run_id": run["run_id"], "task_id": "book"}
    versions = server.get("/dag-files/example.py/versions")["versions"]
    ids |= {"pool_name": "default_pool", "asset_name": "a", "number": str(run["version"])}
    ids |= {"file_name": "example.py", "bundle_hash": versions[0]["bundle"]}
    plan = {"from_date": "2026-01-01", "to_date": "2026-01-02", "conf": {"n": 3}}
    dry = server.request("POST", "/dags/shapes/backfills", {**plan, "dry_run": True}).json()
    assert [date["run_id"] for date in dry["dates"]] == [None, None]
    made = server.request("POST", "/dags/shapes/backfills", plan).json()
    assert [date["logical_date"] for date in made["dates"]] == [date["logical_date"] for date in dry["dates"]]
    ids["backfill_id"] = str(made["backfill_id"])
    assert server.request("POST", f"/backfills/{ids['backfill_id']}/cancel", {}).json()["state"] == "cancelled"
    for path, methods in document["paths"].items():
        if "get" not in methods or path == "/events":
            continue
        schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        answer = server.get(re.sub(r"\{(\w+)\}", lambda match: quote(ids[match[1]], safe=""), path))
        check(document, schema, answer, path)
    check(document, {"$ref": "#/components/schemas/Error"}, server.request("GET", "/dags/nobody").json(), "404")
    assert server.get("/import-errors")
    failed = server.get(f"/dags/shapes/runs/{quote(run['run_id'], safe='')}/tasks/book/notebook")
    assert "".join(failed["notebook"]["cells"][failed["failing_cell"]]["source"]) == "1 / 0"


def check(document: dict[str, Any], schema: dict[str, Any], answer: Any, what: str) -> None:
    whole = {**schema, "components": document["components"]}
    errors = [
        f"{what}: {error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(answer)
    ]
    assert not errors, errors


@pytest.mark.parametrize(("name", "states"), [("TASK_STATES", TaskState), ("RUN_STATES", RunState)])
def test_states_are_the_same_in_the_panel(name: str, states: type[TaskState] | type[RunState]) -> None:
    listed = re.search(rf"export const {name} = \[(.*?)\] as const", STATES.read_text(), re.DOTALL)
    assert listed is not None
    assert re.findall(r"'(\w+)'", listed[1]) == [str(state) for state in states]
