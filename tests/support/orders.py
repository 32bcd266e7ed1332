"""The processes of a house killed in any order, restarted and upgraded, while a task of each kind runs."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import jupyter_flow

from . import journal
from .census import census
from .houses import House, task_of
from .waiting import wait_for

ACTORS = ("host", "newer", "runners", "kernels", "runner")
"""``host``: kill -9, no other is started yet. ``newer``: kill -9 of a host if one lives, then one of a newer version.
``runners``, ``kernels``: kill -9 of the forkservers. ``runner``: kill -9 of the Python task's process."""
PLACEHOLDER = "JUPYTER_FLOW_ATTEMPT=" + "0" * 32
NEWER = "99.0.0"


def all_orders() -> list[tuple[str, ...]]:
    """Return all orders of two or three actors."""
    return [order for count in (2, 3) for order in itertools.permutations(ACTORS, count)]


def newer_package(house: House) -> Path:
    """Make a copy of our package that calls itself newer; return the folder to import it from."""
    folder = house.base / "newer"
    if not folder.exists():
        source = Path(jupyter_flow.__file__).parent
        shutil.copytree(source, folder / "jupyter_flow", ignore=shutil.ignore_patterns("labextension", "__pycache__"))
        start = folder / "jupyter_flow" / "__init__.py"
        text = start.read_text()
        assert f'"{jupyter_flow.__version__}"' in text
        start.write_text(text.replace(f'"{jupyter_flow.__version__}"', f'"{NEWER}"', 1))
    return folder


def forkservers(house: House, word: str) -> list[int]:
    """Return the forkservers of a house (``runner.forkserver`` or ``kernel_forkserver``), not their children."""
    found = [item for item in census(PLACEHOLDER) if word in item.command and str(house.home) in _environ(item.pid)]
    pids = {item.pid for item in found}
    return [item.pid for item in found if item.ppid not in pids]


def play(house: House, order: Sequence[str], number: int) -> list[str]:
    """Let the tasks run, kill in this order, let them end; return what went wrong (nothing, one hopes).

    The house has a host when this begins and when it ends.
    """
    name = f"r{number}"
    run = house.trigger("journal", conf={"run_name": name})["run_id"]
    wait_for(lambda: len(journal.entries(house, name)) == 3, f"all three tasks of {name} run: {order}", 90)
    (python,) = [entry for entry in journal.entries(house, name) if entry.name == "python"]
    for actor in order:
        _strike(house, actor, python.pid)
    if house.process is None or house.process.poll() is not None:
        house.start(*OPTIONS)
    if "runner" in order:
        wait_for(lambda: journal.words(house, name, "python") == ["start", "start"], "it is attempted again", 60)
    journal.open_gate(house, name)
    document = house.wait_for_run("journal", run, 90)
    return [f"{order}: {text}" for text in _faults(house, order, name, run, document)]


OPTIONS = ("--kill-grace", "1")


def _strike(house: House, actor: str, runner: int) -> None:
    lives = house.process is not None and house.process.poll() is None
    if actor == "host":
        if lives:
            house.kill()
    elif actor == "newer":
        if lives:
            house.kill()
        house.start(*OPTIONS, env={"PYTHONPATH": str(newer_package(house))})
        assert house.call("host.status")["host"]["version"] == NEWER
    elif actor == "runner":
        os.kill(runner, signal.SIGKILL)
    else:
        for pid in forkservers(house, {"runners": "runner.forkserver", "kernels": "kernel_forkserver"}[actor]):
            os.kill(pid, signal.SIGKILL)


def _faults(house: House, order: Sequence[str], name: str, run: str, document: dict[str, object]) -> list[str]:
    faults = []
    if document["state"] != "success":
        faults.append(f"the run is {document['state']}: {house.story('journal', run)[:3000]}")
    for task in ("python", "bash", "notebook"):
        lost = task == "python" and "runner" in order
        words = journal.words(house, name, task)
        if words != (["start", "start", "end"] if lost else ["start", "end"]):
            faults.append(f"{task} did {words}")
        number = task_of(document, task)["attempt_number"]
        if number != 1 + lost:
            faults.append(f"{task} had {number} attempts")
        shown = house.call("tasks.show", dag_id="journal", run_id=run, task_id=task)
        reason = str((shown["attempts"][0]["reason"] or {}).get("text", ""))
        if lost and not ("the runner was lost" in reason and ("signal 9" in reason or "left no result" in reason)):
            faults.append(f"{task} was lost because of {reason!r}")
    return faults


def _environ(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
