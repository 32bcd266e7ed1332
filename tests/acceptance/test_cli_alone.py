"""The command line without a host: what it can do by itself, and what it refuses in one line."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.houses import House, states_of
from support.waiting import wait_for

GOOD = """
from datetime import datetime
from jupyter_flow import DAG, BashOperator, NotebookOperator

with DAG("good", schedule="0 2 * * *", start_date=datetime(2026, 1, 1)) as dag:
    first = BashOperator(task_id="first", bash_command="echo {{ params.word }} from {{ ds }}", params={"word": "x"})
    first >> BashOperator(task_id="second", bash_command="echo two")
"""


def refused(house: House, code: int, *args: str, words: str = "", **env: str) -> str:
    """Expect a refusal of one line on stderr that holds ``words``, and nothing on stdout."""
    result = house.cli(*args, env=env)
    assert result.code == code, str(result)
    assert result.out == "", str(result)
    assert len(result.err.splitlines()) == 1, str(result)
    assert re.search(words, result.err), str(result)
    return result.err


def test_status_without_a_host_is_stopped_and_3(house: House) -> None:
    result = house.cli("status", "--json")
    assert (result.code, result.json["state"]) == (3, "stopped")
    assert house.cli("status").out.startswith("stopped")


@pytest.mark.parametrize(
    "args",
    [
        ("dags", "trigger", "good"),
        ("dags", "reload"),
        ("stop",),
        ("runs", "watch", "good", "x"),
        ("runs", "list"),
        ("tasks", "log", "good", "x", "y"),
    ],
)
def test_commands_that_need_a_host_exit_3(house: House, args: tuple[str, ...]) -> None:
    house.write_dag(GOOD)
    refused(house, 3, *args, words="jupyter flow scheduler")


def test_the_folder_is_parsed_without_a_host(house: House) -> None:
    house.write_dag(GOOD, "good.py")
    house.write_dag("from jupyter_flow import DAG\nDAG('bad'\n", "bad.py")
    (dag,) = house.cli_json("dags", "list")
    assert (dag["dag_id"], dag["schedule"], dag["dag_file"]) == ("good", "0 2 * * *", "good.py")
    shown = house.cli_json("dags", "show", "good")
    assert [(task["task_id"], task["downstream"]) for task in shown["tasks"]] == [("first", ["second"]), ("second", [])]
    (problem,) = house.cli_json("dags", "errors")
    assert (problem["file"], problem["line"]) == ("bad.py", 2)
    (run,) = house.cli_json("dags", "next", "good", "--count", "1")
    assert run["data_interval_end"] == run["run_after"]
    assert house.cli("dags", "list").code == 0
    assert not house.home.exists(), "reading writes nothing"


def test_unknown_ids_are_refused_without_a_host(house: House) -> None:
    house.write_dag(GOOD)
    for command in ("show", "next"):
        refused(house, 2, "dags", command, "nothing", words="nothing")


def test_a_missing_dag_folder_is_refused(house: House, tmp_path: Path) -> None:
    for args in (("dags", "list"), ("scheduler",)):
        refused(house, 2, *args, "--dags", str(tmp_path / "nowhere"), words="nowhere")


def test_no_dag_folder_at_all_is_refused(house: House) -> None:
    house.dags.rmdir()
    refused(house, 2, "scheduler", words="no DAG folder", JUPYTER_FLOW_DAGS="")


def test_home_and_dags_are_options_everywhere(house: House, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "dag.py").write_text(GOOD.replace('"good"', '"other"'))
    for args in (
        ("--dags", str(elsewhere), "dags", "list", "--json"),
        ("dags", "--dags", str(elsewhere), "list", "--json"),
        ("dags", "list", "--json", "--dags", str(elsewhere)),
    ):
        assert [dag["dag_id"] for dag in house.cli(*args).json] == ["other"], args
    result = house.cli("status", "--home", str(tmp_path / "second"), "--json")
    assert str(tmp_path / "second") in result.json["message"]


# --- check


def test_check_says_what_a_file_holds(house: House) -> None:
    path = house.write_dag(GOOD)
    answer = house.cli_json("check", str(path))
    assert answer["ok"] is True
    assert answer["dags"] == [{"dag_id": "good", "tasks": ["first", "second"]}]
    assert "good" in house.cli("check", str(path)).out


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("from jupyter_flow import DAG\nwith DAG('x'\n", 2, "SyntaxError|syntax"),
        ("from jupyter_flow import DAG\n\n1 / 0\n", 3, "ZeroDivisionError"),
        ("from jupyter_flow import DAG\nimport not_installed_at_all\n", 2, "not_installed_at_all"),
        (
            "from jupyter_flow import DAG, EmptyOperator\nwith DAG('x', schedule=None):\n"
            "    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    a >> b >> a\n",
            None,
            "a -> b -> a",
        ),
        (
            "from jupyter_flow import DAG, EmptyOperator\nwith DAG('x', schedule=None):\n"
            "    EmptyOperator(task_id='a')\n    EmptyOperator(task_id='a')\n",
            4,
            "'a'",
        ),
        ("from jupyter_flow import DAG\nDAG('x', schedule='1 2 3')\n", 2, "1 2 3"),
        ("from jupyter_flow import DAG\nDAG('x', schedule='99 * * * *')\n", 2, "99"),
        ("import os\nfrom jupyter_flow import DAG\nos._exit(7)\n", None, "7"),
        (
            "from jupyter_flow import DAG, NotebookOperator\nwith DAG('x', schedule=None):\n"
            "    NotebookOperator(task_id='n', notebook='missing.ipynb')\n",
            None,
            "missing.ipynb",
        ),
        (
            "from jupyter_flow import DAG, NotebookOperator\nwith DAG('x', schedule=None):\n"
            "    NotebookOperator(task_id='n', notebook='../../outside.ipynb')\n",
            None,
            "outside",
        ),
        (
            "from jupyter_flow import DAG, NotebookOperator\nwith DAG('x', schedule=None):\n"
            "    NotebookOperator(task_id='n', notebook='n.ipynb', parameters={'a b': 1})\n",
            None,
            "a b",
        ),
    ],
)
def test_check_names_file_line_and_problem(house: House, text: str, line: int | None, words: str) -> None:
    path = house.dags / "wrong.py"
    path.write_text(text)
    result = house.cli("check", str(path), "--json")
    assert result.code == 2, str(result)
    problems = [item for item in result.json["problems"] if item["kind"] == "error"]
    assert any(re.search(words, item["message"]) for item in problems), str(result)
    if line is not None:
        assert problems[0]["line"] == line, str(result)
    said = house.cli("check", str(path))
    assert (said.code, said.out) == (2, "")
    assert "wrong.py" in said.err


def test_check_refuses_what_is_no_dag_file(house: House, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    refused(house, 2, "check", str(tmp_path / "none.py"), words="no such file")
    refused(house, 2, "check", str(tmp_path / "notes.txt"), words=r"\.py or \.ipynb")
    refused(house, 2, "check", str(tmp_path), words="is a folder")


# --- run


def test_run_is_the_host_meanwhile(house: House) -> None:
    path = house.write_dag(GOOD)
    result = house.cli("run", str(path), "--json", "--conf", '{"word": "hi"}', "--logical-date", "2026-01-05")
    assert result.code == 0, str(result)
    run = result.json
    assert (run["state"], run["run_type"], run["logical_date"]) == ("success", "manual", "2026-01-05T00:00:00+00:00")
    assert states_of(run) == {"first": "success", "second": "success"}
    # What it did is recorded and readable afterwards, without a host.
    assert house.cli_json("runs", "show", "good", run["run_id"])["state"] == "success"
    log = house.cli("tasks", "log", "good", run["run_id"], "first")
    assert "from 2026-01-05" in log.out
    assert house.cli("status").code == 3


def test_run_shows_each_task(house: House) -> None:
    # a start and an end that come together are told as one
    path = house.write_dag(GOOD.replace('"echo {{', '"sleep 3; echo {{'))
    result = house.cli("run", str(path))
    assert result.code == 0, str(result)
    assert re.search(r"^first +running", result.out, re.MULTILINE)
    assert re.search(r"^second +success", result.out, re.MULTILINE)


def test_run_of_a_failing_dag_exits_1(house: House) -> None:
    path = house.write_dag(GOOD.replace("echo two", "exit 4"))
    result = house.cli("run", str(path), "--json")
    assert result.code == 1, str(result)
    assert states_of(result.json) == {"first": "success", "second": "failed"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("missing.py",), "no such file"),
        (("two.py",), "--dag"),
        (("two.py", "--dag", "c"), "'c'"),
        (("two.py", "--dag", "a", "--conf", "x"), "--conf is not JSON"),
        (("two.py", "--dag", "a", "--logical-date", "never"), "ISO 8601"),
        (("broken.py",), r"broken\.py:2"),
    ],
)
def test_run_refuses_in_one_line(house: House, args: tuple[str, ...], words: str) -> None:
    (house.base / "two.py").write_text(
        "from jupyter_flow import DAG, EmptyOperator\n"
        "for name in 'ab':\n    with DAG(name, schedule=None): EmptyOperator(task_id='t')\n"
    )
    (house.base / "broken.py").write_text("from jupyter_flow import DAG\nraise RuntimeError('no')\n")
    refused(house, 2, "run", *args, words=words)


def test_run_hands_over_to_a_living_host(house: House) -> None:
    path = house.write_dag(GOOD)
    house.start()
    result = house.cli("run", str(path), "--json")
    assert result.code == 0, str(result)
    assert house.call("runs.list", dag_id="good")["runs"][0]["run_id"] == result.json["run_id"]


def test_interrupting_run_cancels_it(house: House) -> None:
    path = house.write_dag(GOOD.replace("echo two", "sleep 600"))
    command = [sys.executable, "-m", "jupyter_flow", "run", str(path), "--json"]
    process = subprocess.Popen(command, env=house.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=house.base)
    try:
        wait_for(lambda: any("sleep 600" in item.command for item in house.census()), "the second task runs")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1, err.decode()
    assert json.loads(out)["state"] == "cancelled"
    assert b"Traceback" not in err


# --- demo, db, variables, doctor, scheduler


def test_demo_without_the_examples_says_where_they_are(house: House) -> None:
    refused(house, 2, "demo", words="make demo")


def test_db_upgrade_and_check(house: House) -> None:
    refused(house, 3, "db", "check", words="nothing is recorded")
    assert house.cli("db", "upgrade").code == 0
    assert house.cli_json("db", "check") == {"state": "current", "problems": []}
    (house.home / "flow.db").write_bytes(b"this is not a database, it is a sentence" * 100)
    refused(house, 2, "db", "check", words=re.escape(str(house.home / "flow.db")))
    refused(house, 2, "variables", "list", words=re.escape(str(house.home / "flow.db")))


def test_variables_are_kept_without_a_host(house: House) -> None:
    assert house.cli("variables", "set", "place", "Bern").code == 0
    assert house.cli("variables", "get", "place").out == "Bern\n"
    assert house.cli("status").code == 3


def test_doctor_finds_nothing_wrong_here(house: House) -> None:
    result = house.cli("doctor", "--json")
    findings = result.json
    assert {item["check"] for item in findings} >= {"packages", "home", "sockets", "database", "host", "kernels"}
    wrong = [item for item in findings if item["state"] == "problem" and "jupyterlab-flow is not" not in item["text"]]
    assert not wrong
    assert "python3" in house.cli("doctor").out


def test_doctor_finds_an_open_home_and_a_missing_folder(house: House) -> None:
    house.home.mkdir(mode=0o755)
    house.home.chmod(0o755)
    shutil.rmtree(house.dags)
    result = house.cli("doctor", "--json")
    texts = {item["check"]: item for item in result.json if item["state"] != "ok"}
    assert result.code == 2
    assert texts["home"]["state"] == "warning"
    assert texts["DAG folders"]["state"] == "problem"


@pytest.mark.parametrize("kind", ["file", "link", "unwritable"])
def test_a_state_folder_of_no_use_is_refused(house: House, tmp_path: Path, kind: str) -> None:
    home = tmp_path / "bad-home"
    if kind == "file":
        home.write_text("x")
    elif kind == "link":
        (tmp_path / "target").mkdir()
        home.symlink_to(tmp_path / "target")
    else:
        # Beneath a plain file nothing can be made, for root too.
        (tmp_path / "plain").write_text("x")
        home = tmp_path / "plain" / "home"
    path = house.write_dag(GOOD)
    for args in (("scheduler",), ("variables", "set", "a", "b"), ("run", str(path)), ("db", "upgrade")):
        refused(house, 2, *args, "--home", str(home), words=re.escape(str(home)))
    assert kind != "file" or home.read_text() == "x"


def test_the_scheduler_runs_until_interrupted_and_stop_ends_it(house: House) -> None:
    house.write_dag(GOOD)
    command = [sys.executable, "-m", "jupyter_flow", "scheduler", "--dags", str(house.dags), "--unpaused"]
    for end in ("signal", "stop"):
        with (house.base / f"{end}.out").open("wb") as output:
            process = subprocess.Popen(command, env=house.env, stdout=output, stderr=output, cwd=house.base)
        try:
            wait_for(lambda: house.cli("status").code == 0, "the scheduler answers")
            if end == "signal":
                assert house.wait_for_dag("good")["is_paused"] is False
                process.send_signal(signal.SIGINT)
            else:
                assert house.cli("stop").code == 0
            assert process.wait(30) == 0
            assert "Traceback" not in (house.base / f"{end}.out").read_text()
        finally:
            process.kill()
            process.wait()
        assert house.cli("status").code == 3
