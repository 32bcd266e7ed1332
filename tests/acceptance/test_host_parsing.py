"""DAG files of every kind under a living host: bad ones are reported, and delay and break no other."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import psutil
import pytest
from support.houses import House, states_of
from support.waiting import wait_for

GOOD = "from jupyter_flow import DAG, EmptyOperator\nwith DAG('{}') as dag:\n    EmptyOperator(task_id='only')\n"


def errors(house: House, kind: str = "error") -> dict[str, dict[str, Any]]:
    return {item["file"]: item for item in house.call("dags.errors") if item["kind"] == kind}


def test_bad_files_are_reported_and_delay_no_other(house: House) -> None:
    house.write_dag("from jupyter_flow import DAG\nwhile True:\n    pass\n", "a_loop.py")
    house.write_dag("from jupyter_flow import DAG\nimport os\nos._exit(7)\n", "b_exit.py")
    house.write_dag("from jupyter_flow import DAG\nimport os\nos.kill(os.getpid(), 9)\n", "c_kill.py")
    house.write_dag("from jupyter_flow import DAG\nx = (\n", "d_syntax.py")
    house.write_dag("from jupyter_flow import DAG\nimport no_such_module\n", "e_missing.py")
    house.write_dag("from jupyter_flow import DAG\nraise ValueError('told you so')\n", "f_raises.py")
    house.write_dag(GOOD.format("good"), "z_good.py")
    house.write_dag("no dag at all: this is not even Python", "helper.py")
    house.start("--parse-timeout", "6")
    house.wait_for_dag("good")
    assert "a_loop.py" not in errors(house), "the good file waited for the hanging one"
    found = wait_for(lambda: (known := errors(house)) and len(known) == 6 and known, "six import errors", 60)
    assert "not finished after 6 s" in found["a_loop.py"]["message"]
    assert "exit code 7 (os._exit?)" in found["b_exit.py"]["message"]
    assert "killed by signal 9" in found["c_kill.py"]["message"]
    assert found["d_syntax.py"]["line"] == 2
    assert "SyntaxError" in found["d_syntax.py"]["message"]
    assert "no_such_module" in found["e_missing.py"]["message"]
    assert "told you so" in found["f_raises.py"]["message"]
    assert found["f_raises.py"]["line"] == 2
    assert "told you so" in found["f_raises.py"]["traceback"]
    assert house.call("host.status")["import_errors"] == 6
    assert house.run_dag("good")["state"] == "success"


def test_changes_are_noticed_without_a_reload(house: House) -> None:
    house.write_dag("from helper import NAME\n" + GOOD.replace("'{}'", "NAME"), "dag.py")
    (house.dags / "helper.py").write_text("NAME = 'first'\n")
    house.start()
    house.wait_for_dag("first")
    (house.dags / "helper.py").write_text("NAME = 'second'\n")
    house.wait_for_dag("second")
    assert [dag["dag_id"] for dag in house.call("dags.list")["dags"]] == ["second"]
    (house.dags / "dag.py").write_text("from jupyter_flow import DAG\nbroken\n")
    wait_for(lambda: "dag.py" in errors(house), "the import error", 30)
    assert [dag["dag_id"] for dag in house.call("dags.list")["dags"]] == ["second"], "the last good version stays"
    house.write_dag(GOOD.format("third"), "dag.py")
    house.wait_for_dag("third")
    assert not errors(house)
    (house.dags / "dag.py").unlink()
    wait_for(lambda: not house.call("dags.list")["dags"], "the DAG is gone", 30)


def test_one_dag_id_in_two_files_is_an_error_naming_both_until_one_goes(house: House) -> None:
    house.write_dag(GOOD.format("same"), "one.py")
    house.start()
    house.wait_for_dag("same")
    house.write_dag(GOOD.format("same"), "two.py")
    found = wait_for(lambda: errors(house).get("two.py"), "the conflict", 30)
    assert "one.py" in found["message"]
    assert "two.py" in found["message"]
    (house.dags / "one.py").unlink()
    wait_for(
        lambda: not errors(house) and house.call("dags.show", dag_id="same")["dag_file"] == "two.py",
        "two.py has it",
        30,
    )


NOTEBOOKS = """
from jupyter_flow import DAG, NotebookOperator
with DAG({name!r}) as dag:
    NotebookOperator(task_id="n", notebook={notebook!r}, parameters={{"x": 1}})
"""


def test_notebooks_are_checked_as_data(house: House) -> None:
    house.write_notebook([{"source": "y = 1", "tags": ["parameters"]}], "undeclared.ipynb")
    (house.dags / "broken.ipynb").write_text("{")
    (house.dags / "other.ipynb").write_text(json.dumps({"a": 1}))
    (house.base / "outside.ipynb").write_text(json.dumps({"cells": [], "nbformat": 4}))
    for name, notebook in {
        "gone": "gone.ipynb",
        "broken": "broken.ipynb",
        "other": "other.ipynb",
        "outside": "../outside.ipynb",
        "undeclared": "undeclared.ipynb",
    }.items():
        house.write_dag(NOTEBOOKS.format(name=name, notebook=notebook), f"{name}_dag.py")
    house.start()
    house.wait_for_dag("undeclared")
    found = wait_for(lambda: (known := errors(house)) and len(known) == 4 and known, "four import errors", 60)
    assert "does not exist" in found["gone_dag.py"]["message"]
    assert "not valid JSON" in found["broken_dag.py"]["message"]
    assert "not a notebook" in found["other_dag.py"]["message"]
    assert "outside" in found["outside_dag.py"]["message"]
    assert "does not declare x" in errors(house, "warning")["undeclared_dag.py"]["message"]
    assert "does not declare x" in house.call("dags.show", dag_id="undeclared")["warnings"][0]


PINNED = """
import os, time
from pathlib import Path
from jupyter_flow import DAG, PythonOperator
import helper

def first():
    while not os.path.exists({gate!r}):
        time.sleep(0.02)
    return helper.WORD + " first"

def second(ti):
    assert ti.try_number == 2, "the first try fails"
    return helper.WORD + " second"

from datetime import timedelta
with DAG("pinned") as dag:
    a = PythonOperator(task_id="a", python_callable=first)
    b = PythonOperator(task_id="b", python_callable=second, retries=1, retry_delay=timedelta(seconds=0.1))
    a >> b
"""


def test_files_edited_between_trigger_and_start_and_between_tries_do_not_count(house: House) -> None:
    gate = house.base / "gate"
    (house.dags / "helper.py").write_text("WORD = 'old'\n")
    house.write_dag(PINNED.format(gate=str(gate)), "pinned.py")
    house.start()
    run = house.trigger("pinned")
    house.wait_for_task("pinned", run["run_id"], "a", "running")
    (house.dags / "helper.py").write_text("WORD = 'new'\n")
    (house.dags / "pinned.py").write_text(PINNED.format(gate=str(gate)).replace("helper.WORD + ", "'newer ' + "))
    house.call("dags.reload", wait=True)
    assert house.call("dags.show", dag_id="pinned")["version"] == 2
    gate.touch()
    done = house.wait_for_run("pinned", run["run_id"])
    assert set(states_of(done).values()) == {"success"}
    ids = {"dag_id": "pinned", "run_id": run["run_id"], "key": "return_value"}
    assert house.call("tasks.xcom", task_id="a", **ids)["xcoms"][0]["value"] == "old first"
    assert house.call("tasks.xcom", task_id="b", **ids)["xcoms"][0]["value"] == "old second"
    again = house.run_dag("pinned")
    ids["run_id"] = again["run_id"]
    assert house.call("tasks.xcom", task_id="a", **ids)["xcoms"][0]["value"] == "newer  first"


def test_200_changed_files_are_parsed_soon_and_200_unchanged_ones_cost_a_stat(house: House) -> None:
    for number in range(200):
        house.write_dag(GOOD.format(f"d{number}"), f"d{number}.py")
    house.start()
    wait_for(lambda: len(house.call("dags.list")["dags"]) == 200, "200 DAGs", 60)
    before = os.sysconf("SC_CLK_TCK")
    assert before > 0

    def is_quick() -> bool:
        began = time.monotonic()
        house.call("dags.reload", wait=True)
        return time.monotonic() - began < 2.0

    wait_for(is_quick, "an unchanged folder is not parsed again", 30)
    parses = house.rows("select count(*) as n from dag_version")
    assert parses == [{"n": 200}]


@pytest.mark.parametrize("forkservers", [True, False], ids=["forked", "spawned"])
def test_what_a_dag_file_starts_ends_with_its_parse(house: House, forkservers: bool) -> None:
    start = "from jupyter_flow import DAG\nimport os, subprocess\nsubprocess.Popen(['sleep', '{}'])\n"
    house.write_dag(start.format(7001) + GOOD.format("starts"), "a_starts.py")
    session = start.replace("'{}']", "'{}'], start_new_session=True")
    house.write_dag(session.format(7002) + GOOD.format("session"), "b_session.py")
    house.write_dag(start.format(7003) + "os._exit(1)\n", "c_exit.py")
    house.write_dag(start.format(7004) + "while True:\n    pass\n", "d_loop.py")
    house.start("--parse-timeout", "3", *([] if forkservers else ["--no-forkservers"]))
    house.wait_for_dag("starts")
    house.wait_for_dag("session")
    wait_for(lambda: {"c_exit.py", "d_loop.py"} <= set(errors(house)), "both import errors", 60)
    wait_for(lambda: not sleepers({"7001", "7002", "7003", "7004"}), "the end of what the files started", 30)


def sleepers(arguments: set[str]) -> list[list[str]]:
    """Command lines of running ``sleep``s with one of ``arguments``."""
    lines = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if line[:1] == ["sleep"] and set(line[1:]) & arguments]
