"""What the subcommands of ``%flow`` do: they ask the house and print its answer."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..model.errors import FlowError, InvalidInput, NotFound
from ..model.state import RUN_TERMINAL
from .find_house import AnyHouse, find_house
from .this_notebook import dag_cells, notebook_path

Say = Callable[[str], None]
LOAD_TIMEOUT = 60.0
"""Seconds until a registered notebook must have been read by the house."""
PAUSE = 0.3
"""Seconds between two looks at something that changes."""


def perform(request: argparse.Namespace, known_dag: str | None, namespace: Mapping[str, Any], say: Say) -> None:
    """Do what a ``%flow`` line asks. ``known_dag``: the id of the last ``%%dag``. Refusals are raised."""
    if request.command == "register":
        notebook = notebook_path(request.notebook, namespace)
        register(find_house(), notebook, request.unpause, say)
    elif request.command == "check":
        check(notebook_path(request.notebook, namespace), say)
    else:
        dag_id = request.dag_id or known_dag
        if dag_id is None:
            raise InvalidInput(f"%flow {request.command}: which DAG? Name it, or run the %%dag cell first")
        house = find_house()
        if request.command == "trigger":
            trigger(house, dag_id, request, say)
        elif request.command == "runs":
            runs(house, dag_id, request.limit, say)
        else:
            log(house, dag_id, request.run_id, request.task_id, say)


def register(house: AnyHouse, notebook: Path, unpause: bool, say: Say) -> None:
    """Make ``notebook`` a DAG file: it must lie in a DAG folder and hold a ``%%dag`` cell; nothing is copied."""
    if not dag_cells(notebook):
        raise InvalidInput(f"the saved {notebook.name} has no cell that starts with %%dag: save the notebook first")
    folders = [Path(folder) for folder in house.call("host.status").get("dag_folders") or ()]
    if folders and not any(notebook.is_relative_to(folder) for folder in folders):
        names = ", ".join(map(str, folders))
        raise InvalidInput(f"{notebook} lies in no DAG folder of the house ({names}): move it beneath one")
    house.call("dags.reload", wait=True)
    dags = _wait_until_read(house, notebook)
    for dag in dags:
        if unpause and dag["is_paused"]:
            dag = house.call("dags.unpause", dag_id=dag["dag_id"])
        say(f"{dag['dag_id']} is registered from {dag['dag_file']}: {_next_words(dag)}")


def _wait_until_read(house: AnyHouse, notebook: Path) -> list[dict[str, Any]]:
    deadline = time.monotonic() + LOAD_TIMEOUT
    while True:
        for problem in house.call("dags.errors"):
            if problem["kind"] == "error" and notebook.match(problem["file"]):
                raise InvalidInput(f"{notebook.name} does not load: {problem['message']}")
        dags = [dag for dag in house.call("dags.list")["dags"] if _comes_from(dag, notebook)]
        if dags:
            return dags
        if time.monotonic() > deadline:
            raise FlowError(f"the house has not read {notebook} yet: is it beneath one of its DAG folders?")
        time.sleep(PAUSE)


def _comes_from(dag: Mapping[str, Any], notebook: Path) -> bool:
    if dag.get("dag_folder"):
        return notebook == Path(str(dag["dag_folder"])) / str(dag["dag_file"])
    return notebook.match(str(dag["dag_file"]))


def _next_words(dag: Mapping[str, Any]) -> str:
    if dag["is_paused"]:
        return "paused; `%flow register --unpause` lets it run on its schedule"
    return f"next run at {dag['next_run']['run_after']}" if dag["next_run"] else "it runs when triggered"


def trigger(house: AnyHouse, dag_id: str, request: argparse.Namespace, say: Say) -> None:
    """Start a run, and wait for its end if asked."""
    run = house.call(
        "dags.trigger",
        dag_id=dag_id,
        conf=request.conf,
        logical_date=request.logical_date,
        unpause=request.unpause,
    )
    say(_run_words(run))
    if not request.wait:
        return
    while run["state"] not in RUN_TERMINAL:
        time.sleep(PAUSE)
        run = house.call("runs.show", dag_id=dag_id, run_id=run["run_id"])
    say(_run_words(run))
    for task in run["tasks"]:
        say(f"  {task['task_id']}  {task['state']}{_reason_words(task) if task['state'] != 'success' else ''}")


def runs(house: AnyHouse, dag_id: str, limit: int, say: Say) -> None:
    """List runs, newest first."""
    found = house.call("runs.list", dag_id=dag_id, limit=limit)["runs"]
    for run in found:
        say(_run_words(run))
    if not found:
        say(f"{dag_id} has no runs yet: `%flow trigger {dag_id}`")


def log(house: AnyHouse, dag_id: str, run_id: str | None, task_id: str, say: Say) -> None:
    """Print the log of a task's latest attempt."""
    if run_id is None:
        found = house.call("runs.list", dag_id=dag_id, limit=1)["runs"]
        if not found:
            raise NotFound(f"{dag_id} has no runs yet: `%flow trigger {dag_id}`")
        run_id = found[0]["run_id"]
    answer = house.call("tasks.log", dag_id=dag_id, run_id=run_id, task_id=task_id)
    for line in answer["lines"]:
        say(str(line["text"]).rstrip("\n"))
    if not answer["lines"]:
        say(f"{task_id} of {run_id} has logged nothing yet")


def check(notebook: Path, say: Say) -> None:
    """Load the saved notebook in a child process, as the house does, and print what is wrong with it.

    The child is the command line, started by name: no code of the house comes into this kernel.
    """
    command = [sys.executable, "-m", "jupyter_flow", "check", str(notebook), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_TIMEOUT, stdin=subprocess.DEVNULL)
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise FlowError(f"{notebook.name} was not loaded within {LOAD_TIMEOUT:g} s") from None
    except ValueError:
        raise FlowError(done.stderr.strip() or f"checking {notebook.name} gave no answer") from None
    for problem in answer["problems"]:
        place = f"line {problem['line']}: " if problem["line"] else ""
        say(f"{problem['kind']}: {place}{problem['message']}")
    for dag in answer["dags"]:
        say(f"{dag['dag_id']}: {len(dag['tasks'])} tasks: {', '.join(dag['tasks'])}")
    if answer["ok"] and not answer["dags"]:
        say(f"{notebook.name} holds no DAG: start a cell with %%dag ID")


def _run_words(run: Mapping[str, Any]) -> str:
    seconds = f"  {run['duration']:.1f} s" if run.get("duration") is not None else ""
    return f"{run['run_id']}  {run['state']}{seconds}{_reason_words(run)}"


def _reason_words(document: Mapping[str, Any]) -> str:
    return f"  ({document['reason']['text']})" if document.get("reason") else ""
