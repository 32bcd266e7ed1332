"""The board of bad DAG files: one folder with all of them, under a real host, asked by the real command line.

Every bad file has its one line with file, line and what to do; the good files of the folder load and run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.files import parameters
from support.houses import House, states_of
from support.waiting import wait_for

HEAD = "from datetime import datetime\nfrom jupyter_flow import *\n"
"""Two lines: what follows begins on line 3."""
TIMEOUT = 8
NEEDS = "every task and group of a DAG needs an id of its own"
FIVE = "(minute hour day-of-month month day-of-week, and seconds as a sixth if wanted)"
INSTALL = "install it into this environment, or put it beside the DAG file"
ENDS = "a DAG file must load quickly, move work into tasks"


@dataclass(frozen=True)
class Bad:
    """A bad file: its text, the line a user is sent to, and the sentence (``{dags}`` is the DAG folder)."""

    text: str
    line: int | None
    message: str
    kind: str = "error"


def notebook(dag_id: str, arguments: str) -> str:
    return f"{HEAD}with DAG({dag_id!r}):\n    EmptyOperator('first')\n    NotebookOperator('n', {arguments})\n"


BOARD = {
    "syntax.py": Bad("from jupyter_flow import DAG\nwith DAG('x'\n    pass\n", 2, "SyntaxError: '(' was never closed"),
    "raises.py": Bad(
        "import jupyter_flow\ndef f():\n    raise ValueError('told you so')\n\nf()\n", 3, "ValueError: told you so"
    ),
    "loop.py": Bad("import jupyter_flow\nwhile True:\n    pass\n", None, f"not finished after {TIMEOUT} s"),
    "exits.py": Bad(
        "import os, jupyter_flow\nos._exit(7)\n", None, "the file ended the process with exit code 7 (os._exit?)"
    ),
    "exits_well.py": Bad(
        "import os, jupyter_flow\nos._exit(0)\n", None, "the file ended the process with exit code 0 (os._exit?)"
    ),
    "sys_exit.py": Bad(
        "import sys, jupyter_flow\nsys.exit('bye')\n",
        2,
        "the file ends the process: sys.exit('bye') must not run when it is loaded",
    ),
    "missing_module.py": Bad(
        "import jupyter_flow\nimport not_installed_at_all\n", 2, f"no module named 'not_installed_at_all': {INSTALL}"
    ),
    "missing_in_helper.py": Bad(
        "import jupyter_flow\n\nimport helper\n",
        3,
        f"helper.py, line 2: no module named 'not_installed_at_all': {INSTALL}",
    ),
    "cycle.py": Bad(
        HEAD + "with DAG('cycle'):\n    a, b, c = map(EmptyOperator, 'abc')\n    a >> b >> c >> a\n",
        5,
        "DAG 'cycle' has a cycle: a -> b -> c -> a (a -> b: line 5; b -> c: line 5; c -> a: line 5)",
    ),
    "duplicate_task.py": Bad(
        HEAD + "with DAG('duplicate_task'):\n    EmptyOperator('a')\n    EmptyOperator('a')\n",
        5,
        f"DAG 'duplicate_task': task_id 'a' is taken by the task of line 4: {NEEDS}",
    ),
    "twice.py": Bad(
        HEAD + "with DAG('twice'): EmptyOperator('a')\nwith DAG('twice'): EmptyOperator('a')\n",
        4,
        "dag_id 'twice' is taken by the DAG of line 3 of the same file",
    ),
    "upstream.py": Bad(
        HEAD + "with DAG('upstream'):\n    EmptyOperator('a').set_upstream('zz')\n",
        4,
        "DAG 'upstream': task 'a' names the upstream task 'zz', which the DAG does not have",
    ),
    "cron.py": Bad(
        HEAD + "DAG('cron', schedule='99 * * * *', start_date=datetime(2026, 1, 1))\n",
        3,
        "DAG 'cron': cron expression '99 * * * *' is not valid: out of range",
    ),
    "cron_of_three.py": Bad(
        HEAD + "DAG('cron_of_three', schedule='0 2 *', start_date=datetime(2026, 1, 1))\n",
        3,
        f"DAG 'cron_of_three': cron expression '0 2 *' has 3 fields, not 5 {FIVE}",
    ),
    "no_start.py": Bad(
        HEAD + "with DAG('no_start', schedule='@daily', catchup=True):\n    EmptyOperator('a')\n",
        3,
        "DAG 'no_start': start_date is missing: catchup needs to know the first date, "
        "e.g. start_date=datetime(2026, 1, 1)",
    ),
    "notebook_gone.py": Bad(
        notebook("notebook_gone", "'gone.ipynb'"),
        5,
        "DAG 'notebook_gone', task 'n': notebook 'gone.ipynb' does not exist ({dags}/gone.ipynb)",
    ),
    "notebook_text.py": Bad(
        notebook("notebook_text", "'notes.txt'"),
        5,
        "task 'n': notebook 'notes.txt' is not a notebook: its name must end with .ipynb",
    ),
    "notebook_other.py": Bad(
        notebook("notebook_other", "'other.ipynb'"),
        5,
        "DAG 'notebook_other', task 'n': notebook 'other.ipynb' is not a notebook (no nbformat 4 cells)",
    ),
    "notebook_json.py": Bad(
        notebook("notebook_json", "'broken.ipynb'"),
        5,
        "DAG 'notebook_json', task 'n': notebook 'broken.ipynb' is not valid JSON: "
        "Expecting value: line 2 column 1 (char 12)",
    ),
    "notebook_outside.py": Bad(
        notebook("notebook_outside", "'../outside.ipynb'"),
        5,
        "DAG 'notebook_outside', task 'n': notebook '../outside.ipynb' lies outside {dags}: "
        "notebooks must be beneath it",
    ),
    "notebook_link.py": Bad(
        notebook("notebook_link", "'link.ipynb'"),
        5,
        "DAG 'notebook_link', task 'n': notebook 'link.ipynb' lies outside {dags}: notebooks must be beneath it",
    ),
    "parameter_name.py": Bad(
        notebook("parameter_name", "'good.ipynb', parameters={'a b': 1}"),
        5,
        "task 'n': parameter name 'a b' is not an identifier: use letters, digits and _",
    ),
    "template.py": Bad(
        HEAD + "with DAG('template'):\n    BashOperator('b', 'echo {{ ds')\n",
        4,
        "DAG 'template', task 'b': template field 'bash_command': line 1: unexpected end of template, "
        "expected 'end of print statement': 'echo {{ ds'",
    ),
    "undeclared.py": Bad(
        notebook("undeclared", "'good.ipynb', parameters={'x': 1, 'y': 2}"),
        5,
        "DAG 'undeclared', task 'n': notebook 'good.ipynb' does not declare y: its 'parameters' cell does not set them",
        "warning",
    ),
    "undefined.py": Bad(
        HEAD + "with DAG('undefined'):\n    BashOperator('b', 'echo {{ nope }}')\n",
        4,
        "DAG 'undefined', task 'b': a template uses 'nope', which no run has",
        "warning",
    ),
}
GOOD = {"good", "alarms", "undeclared", "undefined", "same", "beside_same"}


def write(house: House) -> None:
    for name, bad in BOARD.items():
        (house.dags / name).write_text(bad.text)
    (house.dags / "helper.py").write_text("VALUE = 1\nimport not_installed_at_all\n")
    (house.dags / "notes.txt").write_text("no notebook")
    (house.dags / "other.ipynb").write_text('{"a": 1}')
    (house.dags / "broken.ipynb").write_text('{"cells": [\n')
    (house.base / "outside.ipynb").write_text(json.dumps({"cells": [], "nbformat": 4}))
    (house.dags / "link.ipynb").symlink_to(house.base / "outside.ipynb")
    house.write_notebook([parameters("x = 0"), "print(x)"], "good.ipynb")
    alarms = "import signal, time\nsignal.alarm(1)\ntime.sleep(1.5)\nwith DAG('alarms'): EmptyOperator('a')\n"
    (house.dags / "alarms.py").write_text(HEAD + alarms)
    house.write_dag(HEAD + "with DAG('good'): BashOperator('a', 'echo hi') >> NotebookOperator('n', 'good.ipynb')\n")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for this file, which has loaded the whole board."""
    house = House(tmp_path_factory.mktemp("board"))
    try:
        write(house)
        (house.dags / "one.py").write_text(HEAD + "with DAG('same'): EmptyOperator('of_one')\n")
        house.start("--parse-timeout", str(TIMEOUT))
        house.wait_for_dag("good")
        house.wait_for_dag("same")
        known = {item["file"] for item in house.call("dags.errors")}
        assert "loop.py" not in known, "good files waited for a hanging one"
        (house.dags / "two.py").write_text(
            HEAD + "with DAG('beside_same'): EmptyOperator('b')\nwith DAG('same'): EmptyOperator('of_two')\n"
        )
        wait_for(
            lambda: {*BOARD, "two.py"} <= {item["file"] for item in house.call("dags.errors")},
            lambda: f"the whole board is on record, but there is {house.call('dags.errors')}",
            90,
        )
        yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def errors(shared: House) -> dict[str, dict[str, Any]]:
    """What ``dags errors --json`` lists, by file."""
    listed = shared.cli_json("dags", "errors")
    assert len({item["file"] for item in listed}) == len(listed), "a file has two lines"
    return {item["file"]: item for item in listed}


def test_nothing_else_is_listed(shared: House, errors: dict[str, Any]) -> None:
    assert errors.keys() == {*BOARD, "two.py"}
    assert shared.call("host.status")["import_errors"] == sum(bad.kind == "error" for bad in BOARD.values()) + 1


@pytest.mark.parametrize("name", sorted(BOARD.keys() - {"loop.py"}))
def test_a_bad_file_has_one_line(shared: House, errors: dict[str, Any], name: str) -> None:
    bad, item = BOARD[name], errors[name]
    assert (item["message"], item["line"], item["kind"]) == (
        bad.message.replace("{dags}", str(shared.dags)),
        bad.line,
        bad.kind,
    )
    assert "\n" not in item["message"]


def test_an_endless_loop_is_ended_and_its_place_named(errors: dict[str, Any]) -> None:
    item = errors["loop.py"]
    assert item["message"] == f"not finished after {TIMEOUT} s: {ENDS}"
    assert item["line"] in (2, 3)
    assert 'loop.py", line' in item["traceback"]


def test_a_dag_id_of_two_files_names_both_and_takes_nothing_else_along(shared: House, errors: dict[str, Any]) -> None:
    item = errors["two.py"]
    assert (item["message"], item["line"]) == (
        "two.py: DAG id 'same' is defined in one.py already: rename one of the two",
        4,
    )
    assert shared.cli_json("dags", "show", "same")["dag_file"] == "one.py"
    assert shared.cli_json("dags", "show", "beside_same")["dag_file"] == "two.py"


def test_the_table_for_people_names_every_file_and_line(shared: House, errors: dict[str, Any]) -> None:
    result = shared.cli("dags", "errors")
    assert (result.code, result.err) == (0, "")
    for name, item in errors.items():
        (row,) = [line for line in result.out.splitlines() if line.split()[:1] == [name]]
        assert item["line"] is None or row.split()[1] == str(item["line"])
        assert item["message"][:30] in row


def test_good_files_of_the_folder_load_and_run(shared: House) -> None:
    assert {dag["dag_id"] for dag in shared.cli_json("dags", "list")} == GOOD
    result = shared.cli("dags", "trigger", "good", "--unpause", "--wait", "--json")
    assert result.code == 0, str(result)
    assert states_of(result.json) == {"a": "success", "n": "success"}


def test_a_warning_does_not_keep_a_dag_from_running(shared: House) -> None:
    result = shared.cli("dags", "trigger", "undeclared", "--unpause", "--wait", "--json")
    assert result.code == 0, str(result)
    log = shared.cli("tasks", "log", "undeclared", result.json["run_id"], "n").out
    assert "Passed unknown parameter: y" in log


@pytest.mark.parametrize("name", ["cycle.py", "cron_of_three.py", "notebook_gone.py", "missing_in_helper.py"])
def test_check_says_the_same_without_a_host(shared: House, name: str) -> None:
    path = shared.dags / name
    bad = BOARD[name]
    result = shared.cli("check", str(path))
    assert (result.code, result.out) == (2, "")
    said = [line for line in result.err.splitlines() if bad.message.replace("{dags}", str(shared.dags)) in line]
    assert said, str(result)
    assert f"{name}:{bad.line}: " in said[0]


def test_a_file_that_goes_bad_keeps_its_dag_and_heals(shared: House) -> None:
    path = Path(shared.dags / "goes_bad.py")
    text = HEAD + "with DAG('goes_bad'): EmptyOperator('a')\n"
    path.write_text(text)
    shared.wait_for_dag("goes_bad")
    path.write_text(text + "oops(\n")
    wait_for(lambda: [e for e in shared.call("dags.errors") if e["file"] == "goes_bad.py"], "the import error")
    assert shared.run_dag("goes_bad")["state"] == "success", "the last good version runs"
    path.write_text(text)
    wait_for(lambda: not [e for e in shared.call("dags.errors") if e["file"] == "goes_bad.py"], "it is healed")
