"""Files edited between trigger and start, and between tries: the pinned bytes run. The next run takes the new ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of, task_of
from support.waiting import wait_for

DAG = """
import os, time
from datetime import timedelta
from jupyter_flow import *
import helper

def wait(gate):
    while not os.path.exists(gate):
        time.sleep(0.02)

with DAG('pinned', max_active_runs=1):
    first = PythonOperator('first', wait, op_args=[{gate!r}])
    again = {{'retries': 1, 'retry_delay': timedelta(seconds=0.1)}}

    @task(**again)
    def code(ti):
        print(helper.WORD, 'code of try', ti.try_number)
        if ti.try_number == 1:
            wait({second!r})
            raise RuntimeError('the first try fails')
        return [helper.WORD, 'code: old']

    shell = BashOperator('shell', 'script.sh')
    note = NotebookOperator(
        'note', 'note.ipynb', parameters={{'word': helper.WORD, 'gate': {second!r}}}, **again)
    first >> [code(), shell, note]
"""
NOTE = [
    {"source": "word = gate = ''", "tags": ["parameters"]},
    """
import os, time
from jupyter_flow import flow
flow.xcom_push('seen', [word, 'note: old'])
if flow.context['try_number'] == 1:
    while not os.path.exists(gate):
        time.sleep(0.02)
    raise RuntimeError('the first try fails')
""",
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for this file."""
    house = House(tmp_path_factory.mktemp("edits"))
    try:
        yield house.start()
    finally:
        house.close()


def write(house: House, word: str, **gates: Path) -> None:
    """Write all files of the DAG; ``word`` stands in each."""
    (house.dags / "helper.py").write_text(f"WORD = 'helper: {word}'\n")
    house.write_notebook([NOTE[0], str(NOTE[1]).replace("old", word)], "note.ipynb")
    (house.dags / "script.sh").write_text(f"echo shell: {word}\n")
    house.write_dag(DAG.format(**{name: str(path) for name, path in gates.items()}).replace("old", word), "pinned.py")


def seen(house: House, run: dict[str, Any], task_id: str, key: str = "return_value") -> Any:
    found = house.cli_json("tasks", "xcom", "pinned", run["run_id"], task_id, "--key", key)
    return found[0]["value"]


def test_pinned_bytes_run_whatever_is_edited_meanwhile(shared: House) -> None:
    gates = {"gate": shared.base / "gate", "second": shared.base / "second"}
    write(shared, "old", **gates)
    run = shared.trigger("pinned")
    waiting = shared.trigger("pinned")  # triggered before the edit, started after it
    shared.wait_for_task("pinned", run["run_id"], "first", "running")
    assert shared.run("pinned", waiting["run_id"])["state"] == "queued"

    # Between trigger and start of the tasks.
    write(shared, "new", **gates)
    assert shared.cli("dags", "reload").code == 0
    assert shared.cli_json("dags", "show", "pinned")["version"] == 2
    gates["gate"].touch()
    for task_id in ("code", "note"):
        shared.wait_for_task("pinned", run["run_id"], task_id, "running")
    wait_for(lambda: "helper: old" in shared.cli("tasks", "log", "pinned", run["run_id"], "code").out, "the first try")

    # Between the tries: the files are broken, then gone.
    (shared.dags / "helper.py").write_text("raise RuntimeError('broken helper')\n")
    (shared.dags / "note.ipynb").write_text("{")
    (shared.dags / "pinned.py").write_text("import jupyter_flow\noops(\n")
    assert shared.cli("dags", "reload").code == 0
    for name in ("helper.py", "note.ipynb", "script.sh"):
        (shared.dags / name).unlink()
    gates["second"].touch()

    for one in (run, waiting):
        done = shared.wait_for_run("pinned", one["run_id"])
        assert set(states_of(done).values()) == {"success"}, shared.story("pinned", one["run_id"])
        assert [task_of(done, name)["try_number"] for name in ("code", "note", "shell")] == [2, 2, 1]
        assert seen(shared, one, "code") == ["helper: old", "code: old"]
        assert seen(shared, one, "note", "seen") == ["helper: old", "note: old"]
        assert seen(shared, one, "shell") == "shell: old"
        assert done["version"] == 1

    write(shared, "newest", **gates)
    assert shared.cli("dags", "reload").code == 0
    latest = shared.run_dag("pinned")
    assert seen(shared, latest, "code") == ["helper: newest", "code: newest"]
    assert seen(shared, latest, "note", "seen") == ["helper: newest", "note: newest"]
    assert seen(shared, latest, "shell") == "shell: newest"


def test_a_person_who_clears_gets_the_latest_version(shared: House) -> None:
    gates = {"gate": shared.base / "gate", "second": shared.base / "second"}
    for path in gates.values():
        path.touch()
    write(shared, "before", **gates)
    assert shared.cli("dags", "reload").code == 0
    run = shared.run_dag("pinned")
    assert seen(shared, run, "note", "seen") == ["helper: before", "note: before"]
    write(shared, "after", **gates)
    assert shared.cli("dags", "reload").code == 0
    shared.cli_json("tasks", "clear", "pinned", run["run_id"], "note")
    done = shared.wait_for_run("pinned", run["run_id"])
    assert done["state"] == "success"
    assert seen(shared, run, "note", "seen") == ["helper: after", "note: after"]
    assert seen(shared, run, "code") == ["helper: before", "code: before"], "what was not cleared stays"
