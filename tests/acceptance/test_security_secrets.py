"""S20: neither a token of the server nor a key or database URL of the house stands in what a task can see of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.lab_server import LabServer

from jupyter_flow.wire.paths import runtime_dir

CANARY = "canary-of-this-test"
SECRETS = (
    "JUPYTER_TOKEN",
    "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_CLIENT_ID",
    "JPY_API_TOKEN",
    "JUPYTER_FLOW_SECRET_KEY",
)
SEE = """
import os, pathlib


def see():
    seen = [f"{name}={value}" for name, value in os.environ.items()]
    for name in ("environ", "cmdline"):
        seen += pathlib.Path(f"/proc/self/{name}").read_bytes().decode(errors="replace").split(chr(0))
    return seen
"""
DAG = """
from jupyter_flow import DAG, BashOperator, NotebookOperator, task

with DAG("sees", schedule=None):
    NotebookOperator("book", "book.ipynb")

    @task
    def python():
        import see
        return see.see()

    python()
    BashOperator("bash", "tr '\\\\0' ' ' < /proc/$$/environ")
"""


@pytest.fixture(params=["forked", "cold"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LabServer]:
    """A server that has secrets in its environment and its configuration."""
    lab = LabServer(tmp_path / "lab")
    lab.env.update(dict.fromkeys(SECRETS, CANARY), KEPT="this-is-kept")
    # the URL as one with a password would stand in the configuration
    lab.settings.append(f"c.JupyterFlow.db_url = 'sqlite:///{tmp_path}/{CANARY}.db'")
    lab.settings.append(f"c.JupyterFlow.forkservers = {request.param == 'forked'}")
    (lab.dags / "see.py").write_text(SEE)
    lab.write_notebook(["import see\nfrom jupyter_flow import flow\nflow.xcom_push('seen', see.see())"], "book.ipynb")
    lab.write_dag(DAG, "sees.py")
    yield lab
    lab.close()


def test_tasks_and_kernels_see_no_secret(lab: LabServer) -> None:
    lab.start()
    lab.wait_for_dag("sees")
    assert (Path(lab.base.parent) / f"{CANARY}.db").exists(), "the database stands where the URL says"
    run = lab.run_to_end("sees")
    assert run["state"] == "success", run
    seen: dict[str, Any] = {}
    for name in ("book", "python", "bash"):
        document = lab.get(f"/dags/sees/runs/{run['run_id'].replace('+', '%2B')}/tasks/{name}")
        (seen[name],) = [item["value"] for item in document["xcoms"]]
    for name, value in seen.items():
        assert "KEPT=this-is-kept" in json.dumps(value), name
        for secret in (CANARY, lab.token, *SECRETS, "JUPYTER_FLOW_DB_URL"):
            assert secret not in json.dumps(value), (name, secret)
    is_forked = any(runtime_dir(lab.home).glob("kernels-*.sock"))
    assert is_forked == lab.settings[-1].endswith("True")
