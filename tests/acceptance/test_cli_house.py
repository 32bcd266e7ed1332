"""The command line against a living host: every command, its JSON fields, its exit codes."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from support.houses import House, states_of
from support.waiting import is_crowded, wait_for

DAGS = """
from datetime import datetime, timedelta
from jupyter_flow import DAG, BashOperator, EmptyOperator, Param, task

with DAG("hello", schedule="@daily", start_date=datetime(2026, 1, 1), tags=["a"],
         params={"rows": Param(3, type="integer", minimum=1)}) as hello:
    @task
    def load(n):
        print("loading", n)
        return {"rows": n}
    done = BashOperator(task_id="done", bash_command="echo finished")
    load("{{ params.rows }}") >> done >> EmptyOperator(task_id="end")

with DAG("broken", schedule=None) as broken:
    BashOperator(task_id="fails", bash_command="echo to the log; exit 3") >> EmptyOperator(task_id="after")

with DAG("slow", schedule=None) as slow:
    BashOperator(task_id="sleeps", bash_command="sleep 600")
"""
RUN_FIELDS = {
    "dag_id",
    "run_id",
    "run_type",
    "state",
    "logical_date",
    "data_interval_start",
    "data_interval_end",
    "queued_at",
    "start_date",
    "end_date",
    "duration",
    "conf",
}
TASK_FIELDS = {
    "task_id",
    "map_index",
    "operator",
    "state",
    "try_number",
    "start_date",
    "end_date",
    "duration",
    "reason",
    "log_path",
    "notebook_path",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for this file: its tests trigger runs of their own."""
    house = House(tmp_path_factory.mktemp("cli"))
    try:
        house.write_dag(DAGS, "dags.py")
        (house.dags / "bad.py").write_text("import jupyter_flow\nimport nowhere_at_all\n")
        house.start()
        for dag_id in ("hello", "broken", "slow"):
            house.wait_for_dag(dag_id)
            house.call("dags.unpause", dag_id=dag_id)
        yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def finished(shared: House) -> dict:
    """A run of ``hello`` that succeeded."""
    result = shared.cli("dags", "trigger", "hello", "--conf", '{"rows": 7}', "--wait", "--json")
    assert result.code == 0, str(result)
    return result.json


@pytest.fixture(scope="module")
def failed(shared: House) -> dict:
    """A run of ``broken``, which failed."""
    result = shared.cli("dags", "trigger", "broken", "--wait", "--json")
    assert result.code == 1, str(result)
    return result.json


def test_status_is_healthy(shared: House) -> None:
    health = shared.cli_json("status")
    assert health["state"] == "healthy"
    assert health["host"]["pid"] == shared.pid
    assert shared.cli("status").out.startswith("healthy")


def test_status_answers_quickly(shared: House) -> None:
    took = []

    def is_quick() -> bool:
        begun, worked = time.perf_counter(), processor_seconds_of_children()
        assert shared.cli("status").code == 0
        seconds, worked = time.perf_counter() - begun, processor_seconds_of_children() - worked
        took.append(worked if is_crowded() else seconds)
        return took[-1] < 0.5

    wait_for(is_quick, lambda: f"once when the machine has time for it: {took}", 60)


def processor_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_dags_list_is_a_list(shared: House) -> None:
    dags = shared.cli_json("dags", "list")
    assert {dag["dag_id"] for dag in dags} == {"hello", "broken", "slow"}
    text = shared.cli("dags", "list").out
    assert "hello" in text
    assert "@daily" in text


def test_dags_show_lists_tasks(shared: House) -> None:
    dag = shared.cli_json("dags", "show", "hello")
    assert [task["task_id"] for task in dag["tasks"]] == ["load", "done", "end"]
    assert {"task_id", "operator", "trigger_rule", "downstream"} <= dag["tasks"][0].keys()
    assert dag["tasks"][0]["downstream"] == ["done"]
    assert "trigger rule" in shared.cli("dags", "show", "hello").out


def test_dags_errors_lists_file_line_message(shared: House) -> None:
    (problem,) = [item for item in shared.cli_json("dags", "errors") if item["kind"] == "error"]
    assert problem["file"].endswith("bad.py")
    assert problem["line"] == 2
    assert "nowhere_at_all" in problem["message"]
    assert "nowhere_at_all" in shared.cli("dags", "errors").out


def test_dags_next_covers_intervals(shared: House) -> None:
    first, second = shared.cli_json("dags", "next", "hello", "--count", "2")
    assert first["data_interval_end"] == first["run_after"] == second["data_interval_start"]
    assert shared.cli_json("dags", "next", "slow") == []


def test_pause_and_unpause(shared: House) -> None:
    assert shared.cli_json("dags", "pause", "hello")["is_paused"] is True
    waiting = shared.cli("dags", "trigger", "hello", "--json")
    assert waiting.json["state"] == "queued"
    assert "DAG is paused" in waiting.err
    assert len(waiting.err.splitlines()) == 1
    assert shared.cli_json("dags", "unpause", "hello")["is_paused"] is False
    run_id = waiting.json["run_id"]
    assert shared.cli("runs", "watch", "hello", run_id).code == 0


def test_a_triggered_run_has_its_fields(finished: dict) -> None:
    assert finished.keys() >= RUN_FIELDS
    assert (finished["dag_id"], finished["run_type"], finished["state"]) == ("hello", "manual", "success")
    assert finished["conf"] == {"rows": 7}
    assert isinstance(finished["duration"], float)
    assert datetime.fromisoformat(finished["end_date"]).utcoffset() is not None


def test_runs_show_adds_tasks(shared: House, finished: dict) -> None:
    run = shared.cli_json("runs", "show", "hello", finished["run_id"])
    assert states_of(run) == {"load": "success", "done": "success", "end": "success"}
    assert all(task.keys() >= TASK_FIELDS for task in run["tasks"])
    assert "success" in shared.cli("runs", "show", "hello", finished["run_id"]).out


def test_runs_list_is_a_list_newest_first(shared: House, finished: dict, failed: dict) -> None:
    runs = shared.cli_json("runs", "list")
    ids = [run["run_id"] for run in runs]
    assert ids.index(failed["run_id"]) < ids.index(finished["run_id"])
    assert {run["dag_id"] for run in shared.cli_json("runs", "list", "broken")} == {"broken"}
    assert len(shared.cli_json("runs", "list", "--limit", "1")) == 1


def test_a_failed_run_says_why(shared: House, failed: dict) -> None:
    assert states_of(failed) == {"fails": "failed", "after": "upstream_failed"}
    why = shared.cli("tasks", "why", "broken", failed["run_id"], "fails").out
    assert why.startswith("fails is failed: ")
    assert "exit code 3" in why
    text = shared.cli("tasks", "why", "broken", failed["run_id"], "after", "--json").json
    assert text["reason"]["code"] == "upstream_failed"


def test_logs_are_printed(shared: House, failed: dict) -> None:
    names = ("broken", failed["run_id"], "fails")
    assert "to the log" in shared.cli("tasks", "log", *names).out.splitlines()
    answer = shared.cli_json("tasks", "log", *names)
    assert answer["complete"] is True
    assert "to the log" in [line["text"].strip() for line in answer["lines"]]


def test_xcoms_are_printed(shared: House, finished: dict) -> None:
    names = ("hello", finished["run_id"], "load")
    (xcom,) = shared.cli_json("tasks", "xcom", *names)
    assert (xcom["key"], xcom["value"]) == ("return_value", {"rows": "7"})
    assert '"rows": "7"' in shared.cli("tasks", "xcom", *names, "--key", "return_value").out
    refused(shared, 2, "tasks", "xcom", *names, "--key", "other")


def test_tasks_list_and_show(shared: House, finished: dict) -> None:
    tasks = shared.cli_json("tasks", "list", "hello", finished["run_id"])
    assert [task["task_id"] for task in tasks] == ["load", "done", "end"]
    task = shared.cli_json("tasks", "show", "hello", finished["run_id"], "load")
    assert [attempt["attempt_number"] for attempt in task["attempts"]] == [1]
    assert "attempt" in shared.cli("tasks", "show", "hello", finished["run_id"], "load").out


def test_cancel_ends_the_tasks(shared: House) -> None:
    run_id = shared.cli_json("dags", "trigger", "slow")["run_id"]
    shared.wait_for_task("slow", run_id, "sleeps", "running")
    shared.cli_json("runs", "cancel", "slow", run_id)
    run = shared.wait_for_run("slow", run_id)
    assert (run["state"], states_of(run)) == ("cancelled", {"sleeps": "cancelled"})
    assert shared.cli("runs", "watch", "slow", run_id).code == 1


def test_clear_and_mark(shared: House) -> None:
    run_id = shared.cli("dags", "trigger", "broken", "--wait", "--json").json["run_id"]
    shared.cli_json("tasks", "clear", "broken", run_id, "fails")
    again = shared.wait_for_run("broken", run_id)
    assert again["tasks"][0]["try_number"] == 2
    assert shared.cli_json("runs", "mark", "broken", run_id, "success")["state"] == "success"
    shared.cli_json("runs", "clear", "broken", run_id)
    shared.wait_for_run("broken", run_id)


def test_variables(shared: House) -> None:
    assert shared.cli("variables", "set", "place", "Bern", "--description", "where").code == 0
    assert shared.cli("variables", "get", "place").out == "Bern\n"
    assert {"key": "place", "value": "Bern", "description": "where"} in shared.cli_json("variables", "list")
    assert shared.cli("variables", "delete", "place").code == 0
    refused(shared, 2, "variables", "get", "place")


def test_reload_reads_new_files(shared: House) -> None:
    shared.write_dag(
        'from jupyter_flow import DAG, EmptyOperator\nwith DAG("fresh"): EmptyOperator(task_id="a")', "fresh.py"
    )
    assert shared.cli("dags", "reload").code == 0
    assert shared.cli("dags", "show", "fresh").code == 0
    (shared.dags / "fresh.py").unlink()
    assert shared.cli("dags", "reload").code == 0
    wait_for(lambda: "fresh" not in shared.cli("dags", "list").out, "fresh is gone from the list")


def test_delete_forgets_runs(shared: House) -> None:
    shared.write_dag(
        'from jupyter_flow import DAG, EmptyOperator\nwith DAG("gone"): EmptyOperator(task_id="a")', "gone.py"
    )
    shared.run_dag("gone")
    (shared.dags / "gone.py").unlink()
    assert shared.cli("dags", "reload").code == 0
    assert shared.cli("dags", "delete", "gone").code == 0
    assert shared.cli_json("runs", "list", "gone") == [] if shared.cli("runs", "list", "gone").code == 0 else True


def test_output_into_a_closed_pipe_is_quiet(shared: House) -> None:
    line = f"{sys.executable} -m jupyter_flow dags list --json | head -c 1"
    done = subprocess.run(["bash", "-c", line], env=shared.env, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[", "")


# --- refusals: one line on stderr, nothing on stdout, nothing lost


def refused(house: House, code: int, *args: str, words: str = "") -> str:
    """Expect a refusal of one line that holds ``words``."""
    result = house.cli(*args)
    assert result.code == code, str(result)
    assert result.out == "", str(result)
    assert len(result.err.splitlines()) == 1, str(result)
    assert re.search(words, result.err), str(result)
    return result.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("dags", "show", "nothing"), "nothing"),
        (("dags", "trigger", "nothing"), "nothing"),
        (("dags", "pause", "nothing"), "nothing"),
        (("dags", "next", "nothing"), "nothing"),
        (("dags", "delete", "nothing"), "nothing"),
        (("runs", "show", "hello", "no-run"), "no-run"),
        (("runs", "show", "nothing", "no-run"), "no"),
        (("runs", "cancel", "hello", "no-run"), "no-run"),
        (("runs", "watch", "hello", "no-run"), "no-run"),
        (("tasks", "log", "hello", "no-run", "x"), "no-run"),
        (("tasks", "why", "hello", "no-run", "x"), "no-run"),
        (("variables", "get", "nothing"), "nothing"),
        (("variables", "delete", "nothing"), "nothing"),
        (("dags", "trigger", "hello", "--conf", "{rows: 1}"), "--conf is not JSON"),
        (("dags", "trigger", "hello", "--conf", "[1]"), "JSON object"),
        (("dags", "trigger", "hello", "--conf", '{"rows": "many"}'), "rows"),
        (("dags", "trigger", "hello", "--conf", "@missing.json"), "missing.json"),
        (("dags", "trigger", "hello", "--logical-date", "soon"), "ISO 8601"),
        (("dags", "trigger", "hello", "--run-id", "not an id"), "not an id"),
        (("dags", "next", "hello", "--count", "0"), "count"),
        (("dags",), "Missing command|missing command|COMMAND"),
        (("dags", "shw"), "No such command"),
        (("dags", "show"), "DAG"),
        (("runs", "mark", "hello", "x", "green"), "green"),
        (("--nonsense",), "nonsense"),
    ],
)
def test_refusals_are_one_line(shared: House, args: tuple[str, ...], words: str) -> None:
    refused(shared, 2, *args, words=words)


def test_a_taken_logical_date_names_the_run(shared: House, finished: dict) -> None:
    line = refused(
        shared, 2, "dags", "trigger", "hello", "--logical-date", finished["logical_date"], words="logical date"
    )
    assert finished["run_id"] in line


def test_a_taken_run_id_is_refused(shared: House, finished: dict) -> None:
    refused(shared, 2, "dags", "trigger", "hello", "--run-id", finished["run_id"], words=re.escape(finished["run_id"]))


def test_an_unknown_task_is_refused(shared: House, finished: dict) -> None:
    for command in ("show", "log", "xcom", "clear", "why"):
        refused(shared, 2, "tasks", command, "hello", finished["run_id"], "no-task", words="no-task")


def test_a_second_host_is_refused_with_the_pid_of_the_first(shared: House) -> None:
    line = refused(shared, 2, "scheduler", "--dags", str(shared.dags), words="already")
    assert f"pid {shared.pid}" in line
    assert shared.cli("status").code == 0


def test_oversized_conf_is_refused(shared: House) -> None:
    path = shared.base / "big.json"
    path.write_text('{"rows": 1, "x": "' + "y" * 100_000 + '"}')
    refused(shared, 2, "dags", "trigger", "hello", "--conf", f"@{path}", words="65536|64 KB|bytes")
