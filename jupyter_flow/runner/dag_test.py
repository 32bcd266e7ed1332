"""``DAG.test()`` and ``DAG.cli()``: a DAG in the foreground, its Python tasks in this very process."""

from __future__ import annotations

import argparse
import bdb
import copy
import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ..authoring import registry
from ..authoring.dag import DAG
from ..authoring.exceptions import DagError, DagTestFailed
from ..authoring.operator import BaseOperator
from ..model.records import Workload
from ..wire.paths import runtime_dir
from .attempt import Attempt
from .dag_loader import rebuild
from .hand_over import PATTERN_VARIABLE, SOCKET_VARIABLE, is_taken_as_done
from .stamps import now_iso
from .verdict import SUCCESS, Verdict, of_exception


def run_test(
    dag: DAG,
    run_conf: Mapping[str, Any] | None = None,
    logical_date: datetime | str | None = None,
    mark_success_pattern: str | None = None,
) -> dict[str, Any]:
    """See :meth:`authoring.dag.DAG.test`."""
    if registry.places() is not None:
        return {}  # the house loads the file: a call at its end means the author's own process
    file = _file_of(dag)
    if mark_success_pattern is not None:
        re.compile(mark_success_pattern)
    with tempfile.TemporaryDirectory(prefix="jupyter-flow-test-") as folder:
        command = [sys.executable, "-m", "jupyter_flow", "run", str(file), "--dag", dag.dag_id, "--json"]
        command += ["--home", f"{folder}/home", "--dags", str(file.parent)]
        command += ["--conf", json.dumps(dict(run_conf))] if run_conf else []
        command += ["--logical-date", _date_text(logical_date)] if logical_date is not None else []
        try:
            document = _run(dag, command, folder, mark_success_pattern)
        finally:
            shutil.rmtree(runtime_dir(Path(folder, "home")), ignore_errors=True)
    print(_table(document))  # noqa: T201 - the author asked for it
    if document["state"] != "success":
        failed = [task["task_id"] for task in document["tasks"] if task["state"] in ("failed", "cancelled")]
        raise DagTestFailed(
            f"DAG {dag.dag_id!r}: the test run is {document['state']}: {', '.join(failed) or 'see above'}"
        )
    return document


def _file_of(dag: DAG) -> Path:
    file = Path(dag.location[0].partition("[")[0])
    if not file.is_file():
        raise DagError(
            f"DAG {dag.dag_id!r}: test() needs the DAG in a file that is saved: "
            "in a notebook write it in a %%dag cell and use `jupyter flow run NOTEBOOK.ipynb`"
        )
    return file.absolute()


def _date_text(given: datetime | str) -> str:
    return given.isoformat() if isinstance(given, datetime) else given


def _run(dag: DAG, command: list[str], folder: str, pattern: str | None) -> dict[str, Any]:
    """Let a house carry out the run, and here what it hands over. Returns the run's document."""
    place = f"{folder}/test.sock"
    environment = {**os.environ, SOCKET_VARIABLE: place}
    if pattern is not None:
        environment[PATTERN_VARIABLE] = pattern
    with socket.socket(socket.AF_UNIX) as listener, open(f"{folder}/run.json", "w+b") as output:
        listener.bind(place)
        listener.listen(128)
        house = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=False
        )
        try:
            refusal = _serve(dag, listener, house, environment)
        finally:
            if house.poll() is None:
                house.terminate()  # it cancels the run and ends with it
            house.wait()
            if house.stderr is not None:
                house.stderr.close()
        output.seek(0)
        text = output.read()
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError:
        raise DagTestFailed(refusal.removeprefix("error: ").strip() or "the test run gave no answer") from None
    return document


def _serve(dag: DAG, listener: socket.socket, house: subprocess.Popen[bytes], environment: Mapping[str, str]) -> str:
    """Carry out attempts one after the other until the house has ended; return what it said on stderr."""
    said = b""
    assert house.stderr is not None  # noqa: S101 - it is a pipe
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(house.stderr, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if house.stderr in ready:
                part = os.read(house.stderr.fileno(), 65536)
                if not part:
                    return said.decode(errors="replace")
                said += part
            if listener in ready:
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as lines:
                    asked = json.loads(lines.readline())
                    _carry_out(dag, asked["spool"], asked["token"], environment)
                    connection.sendall(b".")


def _carry_out(dag: DAG, spool: str, token: str, environment: Mapping[str, str]) -> None:
    workload = Workload.from_json(json.loads(Path(spool, "spec.json").read_bytes()))
    done = is_taken_as_done(workload.task.task_id, environment)
    AttemptHere(dag, workload, token, done).run()


class AttemptHere(Attempt):
    """An attempt in the author's process: no capture, no alarm, nothing changed afterwards."""

    def __init__(self, dag: DAG, workload: Workload, token: str, is_done: bool) -> None:
        super().__init__(workload, token, now_iso())
        self._dag = dag
        self._is_done = is_done

    def run(self) -> int:
        """Execute the task and write the result."""
        folder, environment = os.getcwd(), dict(os.environ)
        try:
            verdict = SUCCESS if self._is_done else self._verdict()
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
        self._finish(verdict)
        return 0

    def _verdict(self) -> Verdict:
        from .around_execute import after_policy

        try:
            self._work()
        except (KeyboardInterrupt, bdb.BdbQuit):
            raise  # the author wants to stop
        except BaseException as error:
            verdict = of_exception(error, None)
            return after_policy(verdict, error, self._operator, self._workload, self._context)
        return SUCCESS

    def _find_operator(self) -> BaseOperator:
        task = self._workload.task
        if not task.needs_dag_file:
            return rebuild(task)
        return copy.copy(self._dag.get_task(task.task_id))  # its fields will be rendered in place


def _table(document: Mapping[str, Any]) -> str:
    rows = [("task", "state", "try", "seconds", "reason")]
    for task in document["tasks"]:
        name = task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"
        seconds = "" if task["duration"] is None else f"{task['duration']:.1f}"
        reason = task["reason"]["text"] if task["reason"] and task["state"] != "success" else ""
        rows.append((name, task["state"], str(task["try_number"] or ""), seconds, reason))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, f"{document['dag_id']}  {document['run_id']}  {document['state']}"])


def run_cli(dag: DAG, arguments: Sequence[str] | None = None) -> None:
    """See :meth:`authoring.dag.DAG.cli`."""
    if registry.places() is not None:
        return
    parser = argparse.ArgumentParser(description=f"DAG {dag.dag_id}", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    test = commands.add_parser("test", help="run the DAG now, its Python tasks in this process; keep nothing")
    test.add_argument("--mark-success-pattern", metavar="REGEX", help="tasks that succeed without being executed")
    run = commands.add_parser("run", help="run the DAG as the house does; the run is kept")
    for part in (test, run):
        part.add_argument("--conf", type=json.loads, metavar="JSON", help="params of the run, a JSON object")
        part.add_argument("--logical-date", metavar="DATE", help="ISO 8601, or `none`")
    commands.add_parser("check", help="load the file as the house does and list its problems")
    commands.add_parser("tasks", help="list the tasks")
    given = parser.parse_args(arguments)
    if given.command == "tasks":
        print("\n".join(dag.task_ids))  # noqa: T201
        sys.exit(0)
    if given.command == "test":
        try:
            run_test(dag, given.conf, given.logical_date, given.mark_success_pattern)
        except (DagTestFailed, DagError) as error:
            sys.exit(f"error: {error}")
        sys.exit(0)
    command = [sys.executable, "-m", "jupyter_flow", given.command, str(_file_of(dag))]
    if given.command == "run":
        command += ["--dag", dag.dag_id]
        command += ["--conf", json.dumps(given.conf)] if given.conf is not None else []
        command += ["--logical-date", given.logical_date] if given.logical_date else []
    sys.exit(subprocess.run(command).returncode)
