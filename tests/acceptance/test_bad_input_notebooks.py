"""The board of notebooks and tasks that go wrong while they run: one DAG run holds them all, side by side.

Each has its one reason in ``runs show --json``, its executed notebook tells the truth, and the others end well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.census import wait_until_gone
from support.files import Cell, parameters
from support.houses import House, task_of

SWALLOW = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        print('swallowed', flush=True)
"""
STORM = """
from IPython.display import display
from jupyter_flow import flow
for number in range(10_000):
    display({'text/plain': f'storm {number}'}, raw=True)
    if number == 5_000:
        flow.xcom_push('amid', {'rows': [1, 2]})
flow.xcom_push('last', 2)
"""
BEFORE = "print('before', flush=True)\nimport time; time.sleep(0.3)"
"""A kernel hands its output to a thread of its own, which needs a moment to send it."""
MEGABYTES = 50
CELL_LIMIT = 10_000_000
"""Bytes of output that one cell may have by default."""


@dataclass(frozen=True)
class Bad:
    """A notebook, its one reason (None: it succeeds), the states of its cells, and the index of the failing one."""

    cells: list[Cell]
    reason: str | None
    states: list[str]
    failing: int | None = None
    arguments: str = ""


def bad(reason: str, *cells: Cell, arguments: str = "") -> Bad:
    """A notebook whose second cell fails, and whose last is never reached."""
    states = ["completed", "failed", "pending"]
    return Bad(["a = 1", *cells, "print('never')"], reason, states, 1, arguments)


BOARD = {
    "raises": bad("ValueError in cell 2: too bad", "raise ValueError('too bad')"),
    "raises_lines": bad("ValueError in cell 2: one two", "raise ValueError('one\\ntwo')"),
    "raises_nothing": bad("MemoryError in cell 2", "raise MemoryError"),
    "exits_well": bad("sys.exit(0) in cell 2", "import sys; sys.exit(0)"),
    "exits_badly": bad("sys.exit(3) in cell 2", "import sys; sys.exit(3)"),
    "kills_itself": bad("kernel died (signal 9) in cell 2", f"{BEFORE}\nimport os; os.kill(os.getpid(), 9)"),
    "segfaults": bad("kernel died (signal 11) in cell 2", f"{BEFORE}\nimport ctypes; ctypes.string_at(0)"),
    "leaves": bad("kernel died (exit code 3) in cell 2", "import os; os._exit(3)"),
    "swallows": bad("timeout: cell 2 not finished after 2 s", SWALLOW, arguments="cell_timeout=2"),
    "puts_out_much": Bad(
        [f"for _ in range({MEGABYTES}):\n    print('x' * 1_000_000)", "print('after')"], None, ["completed"] * 2
    ),
    "storms": Bad([STORM], None, ["completed"]),
    "good": Bad([parameters("x = 0"), "print('x is', x)"], None, ["completed"] * 2),
}
OTHERS = {
    "kernel": ("NotebookOperator", "'good.ipynb', kernel_name='cobol', retries=2"),
    "gone": ("NotebookOperator", "'{{ params.gone }}', retries=2"),
    "outside": ("NotebookOperator", "'{{ params.outside }}', retries=2"),
    "no_notebook": ("NotebookOperator", "'{{ params.no_notebook }}', retries=2"),
    "undefined": ("BashOperator", "'echo {{ nope }}', retries=2"),
    "no_param": ("BashOperator", "'echo {{ params.nope }}', retries=2"),
    "no_variable": ("BashOperator", "'echo {{ var.value.nope }}'"),
    "never": ("BashOperator", "'echo never'"),
    "cleanup": ("BashOperator", "'echo cleaned', trigger_rule='all_done'"),
}


def write(house: House) -> None:
    for name, item in BOARD.items():
        house.write_notebook(item.cells, f"{name}.ipynb")
    (house.base / "outside.ipynb").write_text((house.dags / "good.ipynb").read_text())
    (house.dags / "other.ipynb").write_text('{"a": 1}')
    params = {"gone": "gone.ipynb", "outside": "../outside.ipynb", "no_notebook": "other.ipynb"}
    lines = ["from jupyter_flow import *", f"with DAG('board', params={params}, max_active_tasks=64):"]
    lines += [f"    NotebookOperator({name!r}, '{name}.ipynb', {item.arguments})" for name, item in BOARD.items()]
    lines += [f"    {name} = {operator}({name!r}, {given})" for name, (operator, given) in OTHERS.items()]
    lines += ["    kernel >> [never, cleanup]", ""]
    house.write_dag("\n".join(lines), "board.py")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for this file."""
    house = House(tmp_path_factory.mktemp("board"))
    try:
        write(house)
        house.start("--kill-grace", "1")
        yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def run(shared: House) -> dict[str, Any]:
    """The run of the whole board, as ``runs show --json`` prints it."""
    shared.wait_for_dag("board")
    result = shared.cli("dags", "trigger", "board", "--unpause", "--wait", "--json")
    assert result.code == 1, str(result)
    return shared.cli_json("runs", "show", "board", result.json["run_id"])


@pytest.mark.parametrize("name", sorted(BOARD))
def test_a_notebook_has_its_one_reason_and_a_true_record(run: dict[str, Any], name: str) -> None:
    item, task = BOARD[name], task_of(run, name)
    assert (task["state"], task["failing_cell"]) == ("failed" if item.reason else "success", item.failing)
    assert task["reason"]["text"] == (item.reason or "finished")
    cells = json.loads(Path(task["notebook_path"]).read_text())["cells"]
    assert [cell["metadata"]["papermill"]["status"] for cell in cells] == item.states
    assert task["try_number"] == 1


def test_what_was_put_out_before_a_kernel_died_is_kept(shared: House, run: dict[str, Any]) -> None:
    for name in ("kills_itself", "segfaults"):
        log = shared.cli("tasks", "log", "board", run["run_id"], name).out
        assert "before" in log.splitlines()
        cells = json.loads(Path(task_of(run, name)["notebook_path"]).read_text())["cells"]
        assert "".join(cells[1]["outputs"][0]["text"]) == "before\n"


def test_swallowed_interrupts_are_seen_and_end_soon(shared: House, run: dict[str, Any]) -> None:
    assert "swallowed" in shared.cli("tasks", "log", "board", run["run_id"], "swallows").out.splitlines()
    assert 2 <= task_of(run, "swallows")["duration"] < 30
    assert not wait_until_gone(f"JUPYTER_FLOW_ATTEMPT={_attempt(shared, run, 'swallows')}", timeout=30)


def test_much_output_is_cut_where_it_says_so(shared: House, run: dict[str, Any]) -> None:
    path = Path(task_of(run, "puts_out_much")["notebook_path"])
    cells = json.loads(path.read_text())["cells"]
    marked = f"[output cut: this cell has put out more than {CELL_LIMIT} bytes]"
    assert marked in "".join(cells[0]["outputs"][-1]["text"])
    assert "".join(cells[1]["outputs"][0]["text"]) == "after\n"
    assert CELL_LIMIT < path.stat().st_size < CELL_LIMIT * 1.1
    log = shared.cli("tasks", "log", "board", run["run_id"], "puts_out_much").out
    assert "after" in log.splitlines()
    shown = shared.call("tasks.notebook", dag_id="board", run_id=run["run_id"], task_id="puts_out_much")
    assert len(shown["notebook"]["cells"]) == 2


def test_values_arrive_through_a_storm(shared: House, run: dict[str, Any]) -> None:
    xcoms = shared.cli_json("tasks", "xcom", "board", run["run_id"], "storms")
    assert {item["key"]: item["value"] for item in xcoms} == {"amid": {"rows": [1, 2]}, "last": 2}


@pytest.mark.parametrize(
    ("task_id", "text"),
    [
        ("kernel", "unknown kernel 'cobol': installed are bash (Bash), python3 (Python 3 (ipykernel))"),
        ("gone", "notebook {dags}/gone.ipynb: there is no such file"),
        ("outside", "notebook ../outside.ipynb: it lies outside the root {dags}"),
        ("no_notebook", "notebook {dags}/other.ipynb: it is JSON, but not a notebook"),
        ("undefined", "template field bash_command: 'nope' is undefined; there are: conn, dag, dag_id, "),
        ("no_param", "template field bash_command: 'nope' is not in params; there are: gone, no_notebook, outside"),
        (
            "no_variable",
            "template field bash_command: LookupError: variable 'nope' is not set: "
            "set it with `jupyter flow variables set nope VALUE`",
        ),
    ],
)
def test_what_can_only_be_known_at_run_time_is_said_then(
    shared: House, run: dict[str, Any], task_id: str, text: str
) -> None:
    text, task = text.replace("{dags}", str(shared.dags)), task_of(run, task_id)
    assert task["state"] == "failed"
    assert task["reason"]["text"].startswith(text)
    assert task["try_number"] == 1, "another try is of no use"
    why = shared.cli("tasks", "why", "board", run["run_id"], task_id)
    assert why.out.startswith(f"{task_id} is failed: ")
    assert len(why.out.splitlines()) == 1
    assert text in shared.cli("tasks", "log", "board", run["run_id"], task_id).out


def test_what_hangs_on_a_failed_task_says_so_and_cleaning_up_runs(run: dict[str, Any]) -> None:
    never = task_of(run, "never")
    assert (never["state"], never["reason"]["text"]) == (
        "upstream_failed",
        "upstream kernel failed (trigger rule all_success)",
    )
    assert task_of(run, "cleanup")["state"] == "success"
    assert run["state"] == "failed"
    assert run["reason"]["text"].startswith("failed: ")


def test_every_reason_is_one_line(shared: House, run: dict[str, Any]) -> None:
    for task in run["tasks"]:
        assert len((task["reason"] or {"text": "-"})["text"].splitlines()) == 1
    shown = shared.cli("runs", "show", "board", run["run_id"])
    assert (shown.code, shown.err) == (0, "")


def test_the_house_is_well_afterwards(shared: House, run: dict[str, Any]) -> None:
    health = shared.call("host.status")
    assert (health["state"], health["running"], health["queued"]) == ("healthy", 0, 0)
    kernels = [found for found in shared.census() if "ipykernel_launcher" in found.command]
    assert not kernels
    assert shared.rows("select count(*) as n from attempt where finished_at is null") == [{"n": 0}]


def _attempt(house: House, run: dict[str, Any], task_id: str) -> str:
    shown = house.call("tasks.show", dag_id="board", run_id=run["run_id"], task_id=task_id)
    return Path(shown["attempts"][-1]["log_path"]).parent.name
