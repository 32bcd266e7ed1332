"""The server and its host: start, stop as configured, and what is loaded into whose process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
from support.lab_server import LabServer
from support.waiting import wait_for

DAG = """
    from jupyter_flow import DAG, BashOperator, NotebookOperator

    with DAG("sleeps", schedule=None):
        BashOperator(task_id="long", bash_command="sleep {seconds}; echo slept")
    with DAG("book", schedule=None):
        NotebookOperator(task_id="book", notebook="book.ipynb")
"""
MODULES = """
    import json, os, sys
    from jupyter_server.base.handlers import JupyterHandler

    class Modules(JupyterHandler):
        def get(self):
            self.finish(json.dumps(sorted(sys.modules)))

    def _load_jupyter_server_extension(app):
        '''Says which modules the server has loaded.'''
        app.web_app.add_handlers(".*", [("/modules", Modules)])
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[[], LabServer]]:
    built: list[LabServer] = []

    def build() -> LabServer:
        built.append(LabServer(tmp_path / f"server{len(built)}"))
        return built[-1]

    yield build
    for lab in built:
        lab.close()


def host_of(lab: LabServer) -> psutil.Process:
    return psutil.Process(lab.get("/health")["host"]["pid"])


def start_sleeping(lab: LabServer, seconds: int) -> None:
    lab.write_dag(DAG.replace("{seconds}", str(seconds)))
    lab.write_notebook(["print(1)"], "book.ipynb")
    lab.start()
    lab.wait_for_dag("sleeps")
    lab.post("/dags/sleeps/runs", {"unpause": True})
    wait_for(lambda: lab.get("/health")["running"] == 1, "the task runs")


def test_finish_lets_running_tasks_end_and_then_ends_the_host(servers: Callable[[], LabServer]) -> None:
    lab = servers()
    start_sleeping(lab, 6)
    host = host_of(lab)
    lab.stop()
    assert host.is_running()
    assert "1 running task (sleeps/long) goes on to the end" in lab.output()
    assert wait_for(lambda: not host.is_running() or host.status() == "zombie", "the host ends with its task", 60)
    lab.start()
    run = lab.get("/dags/sleeps/runs")["runs"][0]
    assert run["state"] in ("running", "success")  # nothing was lost: the last step may be left to the next host
    wait_for(lambda: lab.get("/dags/sleeps/runs")["runs"][0]["state"] == "success", "the run is recorded")


def test_a_server_that_comes_back_takes_the_stop_back(servers: Callable[[], LabServer]) -> None:
    lab = servers()
    start_sleeping(lab, 20)
    host = host_of(lab)
    lab.stop()
    lab.start()
    assert host_of(lab).pid == host.pid
    assert lab.run_to_end("book")["state"] == "success"
    run = lab.get("/dags/sleeps/runs")["runs"][0]
    lab.post(f"/dags/sleeps/runs/{run['run_id'].replace('+', '%2B')}/cancel")


def test_cancel_ends_tasks_and_host(servers: Callable[[], LabServer]) -> None:
    lab = servers()
    lab.settings.append("c.JupyterFlow.on_stop = 'cancel'")
    start_sleeping(lab, 300)
    host = host_of(lab)
    lab.stop()
    wait_for(lambda: not host.is_running() or host.status() == "zombie", "the host ends", 60)


def test_keep_goes_on_scheduling(servers: Callable[[], LabServer]) -> None:
    lab = servers()
    lab.settings.append("c.JupyterFlow.on_stop = 'keep'")
    lab.write_dag(DAG.replace("{seconds}", "1"))
    lab.write_notebook(["print(1)"], "book.ipynb")
    lab.start()
    host = host_of(lab)
    lab.stop()
    command = [sys.executable, "-m", "jupyter_flow", "status", "--json"]
    status = subprocess.run(command, env=lab.env, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(status.stdout)["state"] == "healthy"
    assert host.is_running()
    subprocess.run([*command[:3], "stop"], env=lab.env, capture_output=True, timeout=90, check=True)


def test_a_host_that_was_told_to_stop_stays_ended_until_a_command_comes(servers: Callable[[], LabServer]) -> None:
    lab = servers()
    lab.write_dag(DAG.replace("{seconds}", "1"))
    lab.write_notebook(["print(1)"], "book.ipynb")
    lab.start()
    lab.wait_for_dag("book")
    command = [sys.executable, "-m", "jupyter_flow", "stop"]
    subprocess.run(command, env=lab.env, capture_output=True, timeout=90, check=True)
    wait_for(lambda: lab.get("/health")["state"] == "stopped", "the server says so")
    assert lab.run_to_end("book")["state"] == "success"


def loaded_modules(lab: LabServer) -> set[str]:
    answer = requests.get(f"{lab.url}/modules", headers={"Authorization": f"token {lab.token}"}, timeout=30)
    return set(answer.json())


def with_modules(lab: LabServer) -> LabServer:
    lab.write_module("zz_modules", MODULES)
    lab.extensions["zz_modules"] = True
    return lab


def test_the_server_has_none_of_the_users_or_the_runners_modules(servers: Callable[[], LabServer]) -> None:
    plain = with_modules(servers())
    plain.extensions["jupyter_flow"] = False
    plain.spawn()
    wait_for(lambda: "is running at" in plain.output(), "a server without us runs")
    its_own = loaded_modules(plain)
    assert not [name for name in its_own if name.startswith("jupyter_flow")]

    lab = with_modules(servers())
    lab.write_dag(DAG.replace("{seconds}", "0") + "\n    import helper_of_the_user\n")
    (lab.dags / "helper_of_the_user.py").write_text("VALUE = 1\n")
    lab.write_notebook(["print(1)"], "book.ipynb")
    lab.start()
    lab.wait_for_dag("book")
    assert lab.run_to_end("book")["state"] == "success"
    lab.socket().close()
    added = loaded_modules(lab) - its_own
    ours = {name for name in added if name.startswith("jupyter_flow.")}
    assert ours
    assert not {name for name in ours if name.split(".")[1] in ("authoring", "operators", "runner", "magics")}
    assert not added & {"papermill", "nbclient", "ipykernel", "IPython", "dask", "helper_of_the_user"}


def test_one_of_two_servers_leaves_the_host_to_the_other(servers: Callable[[], LabServer]) -> None:
    first, second = servers(), servers()
    for lab in (first, second):
        lab.write_dag(DAG.replace("{seconds}", "1"))
        lab.write_notebook(["print(1)"], "book.ipynb")
    second.home = first.home
    second.env["JUPYTER_FLOW_HOME"] = str(first.home)
    first.start()
    second.start()
    host = host_of(second)
    assert host.pid == host_of(first).pid
    first.stop()
    assert host.is_running()
    assert second.get("/health")["state"] == "healthy"
    second.stop()
    wait_for(lambda: not host.is_running() or host.status() == "zombie", "the host ends with the last server", 60)
