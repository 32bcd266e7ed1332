"""User code never runs in the host: what a host that has executed a run has loaded, and which processes there are."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from support.houses import House, task_of
from support.waiting import wait_for

SITE = """
import signal, sys
if "jupyter_flow.service" in sys.orig_argv:
    def dump(number, frame):
        import json, os
        with open({path!r} + ".part", "w") as file:
            json.dump(sorted(sys.modules), file)
        os.replace({path!r} + ".part", {path!r})
    signal.signal(signal.SIGUSR1, dump)
"""
"""A ``sitecustomize`` that lets the test look into the host from outside."""

DAG = """
import the_users_module
from jupyter_flow import DAG, NotebookOperator, task

with DAG("both", schedule=None):
    @task
    def python():
        return the_users_module.answer()

    python() >> NotebookOperator(task_id="notebook", notebook="work.ipynb")
"""
NEVER = {"papermill", "nbclient", "nbformat", "nbconvert", "IPython", "ipykernel", "jinja2", "dask", "the_users_module"}


def test_the_host_loads_no_user_code_and_nothing_that_runs_it(house: House) -> None:
    dump = house.base / "modules.json"
    site = house.base / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(path=str(dump)))
    (house.dags / "the_users_module.py").write_text("def answer():\n    return 42\n")
    house.write_notebook(["import time", "time.sleep(3)"], "work.ipynb")
    house.write_dag(DAG, "both.py")
    house.start(env={"PYTHONPATH": str(site)})
    run = house.trigger("both")
    house.wait_for_task("both", run["run_id"], "notebook", "running")
    _host_runner_and_kernel_are_processes_of_their_own(house)
    run = house.wait_for_run("both", run["run_id"])
    assert run["state"] == "success", house.story("both", run["run_id"])
    assert house.call("tasks.xcom", dag_id="both", run_id=run["run_id"], task_id="python")["xcoms"][0]["value"] == 42

    signal_host(house, dump)
    modules = json.loads(dump.read_text())
    assert "jupyter_flow.service.host" in modules
    assert not {name.partition(".")[0] for name in modules} & NEVER
    child_side = ("jupyter_flow.authoring", "jupyter_flow.operators", "jupyter_flow.runner", "jupyter_flow.magics")
    assert not [name for name in modules if name.startswith(child_side)]


def signal_host(house: House, dump: Path) -> None:
    """Ask the host for its modules."""
    assert house.process is not None
    house.process.send_signal(signal.SIGUSR1)
    wait_for(dump.exists, "the host wrote which modules it has loaded")


def _host_runner_and_kernel_are_processes_of_their_own(house: House) -> None:
    def tagged() -> list:
        attempt = house.rows("SELECT id FROM attempt ORDER BY claimed_at DESC LIMIT 1")[0]["id"]
        found = [item for item in house.census() if f"JUPYTER_FLOW_ATTEMPT={attempt}" in _environ(item.pid)]
        return found if len(found) >= 2 else []

    found = wait_for(tagged, "runner and kernel carry the tag of the attempt")
    pids = {item.pid for item in found}
    assert house.pid not in pids
    sessions = {item.sid for item in found}
    host_session = int((Path("/proc") / str(house.pid) / "stat").read_text().rpartition(")")[2].split()[3])
    assert host_session not in sessions
    assert sessions & pids, "the runner leads a session of its own"


def _environ(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "environ").read_text(errors="replace")
    except OSError:
        return ""


def test_a_task_instance_names_its_files(house: House) -> None:
    house.write_notebook(["print('made')"], "work.ipynb")
    house.write_dag(
        """
        from jupyter_flow import DAG, NotebookOperator
        with DAG("files", schedule=None):
            NotebookOperator(task_id="notebook", notebook="work.ipynb")
        """,
        "files.py",
    )
    house.start()
    task = task_of(house.run_dag("files"), "notebook")
    assert Path(task["notebook_path"]).is_file()
    assert Path(task["log_path"]).is_file()
    assert Path(task["notebook_path"]).is_relative_to(house.home)
