"""Running one attempt without a host: a bundle and ``spec.json`` written by hand, a real runner process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.census import Found, attempt_processes, kill_all, wait_until_gone
from support.files import Cell, write_notebook
from support.waiting import wait_for

from jupyter_flow.model.records import Limits, Report, RunFacts, Workload
from jupyter_flow.model.spec import TaskSpec
from jupyter_flow.wire.paths import attempt_folder

INSTANT = "2026-01-31T02:00:00+00:00"
NOTEBOOK = "jupyter_flow.operators.notebook:NotebookOperator"
BASH = "jupyter_flow.operators.bash:BashOperator"


EACH_SOURCE = pytest.mark.parametrize("attempts", ["cold", "forked", "waiting"], indirect=True)
"""Runs a test with a kernel that starts cold, one that is forked on demand, and one that has waited."""


@dataclass
class AttemptUnderTest:
    """A spool with its workload; ``start()`` runs it as the spawning host does."""

    workload: Workload
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    @property
    def spool(self) -> Path:
        return Path(self.workload.spool)

    def start(self) -> AttemptUnderTest:
        """Write ``spec.json`` and start the runner."""
        self.spool.mkdir(mode=0o700, parents=True)
        (self.spool / "spec.json").write_text(json.dumps(self.workload.to_json()))
        tag = {"JUPYTER_FLOW_ATTEMPT": self.workload.attempt_id}
        # ipykernel behaves otherwise where pytest's variable is set
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_flow.runner.attempt", str(self.spool)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, **self.environment, **tag},
            start_new_session=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write("the token\n")
        self.process.stdin.close()
        return self

    def cancel(self) -> None:
        """Ask the runner to end, as the host does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def finish(self, timeout: float = 90.0) -> Report:
        """Wait for the end and return the report; fails with the log if there is none."""
        assert self.process is not None
        assert self.process.stdout is not None
        printed = self.process.stdout.read() if self.process.wait(timeout) is not None else ""
        self.process.stdout.close()
        result = self.spool / "result.json"
        assert result.exists(), f"no result; the runner printed:\n{printed}\nlog:\n{self.log_text()}"
        assert printed == "", printed
        report = Report.from_json(json.loads(result.read_text()))
        assert report.attempt_id == self.workload.attempt_id
        return report

    def run(self, timeout: float = 90.0) -> Report:
        """Start, wait, return the report."""
        return self.start().finish(timeout)

    # -- what it left in its spool

    def log(self) -> list[dict[str, Any]]:
        """Return the whole lines of ``log.jsonl``."""
        return _json_lines(self.spool / "log.jsonl")

    def log_text(self, stream: str | None = None) -> str:
        return "\n".join(line["text"] for line in self.log() if stream in (None, line["stream"]))

    def events(self) -> list[dict[str, Any]]:
        """Return the whole lines of ``cells.jsonl``."""
        return _json_lines(self.spool / "cells.jsonl")

    def notebook(self, name: str = "notebook.ipynb") -> dict[str, Any]:
        """Return the executed notebook."""
        document: dict[str, Any] = json.loads((self.spool / name).read_text())
        return document

    def cell_states(self) -> list[str]:
        """Return papermill's state of each cell of the executed notebook."""
        return [cell["metadata"]["papermill"]["status"] for cell in self.notebook()["cells"]]

    def wait_for_event(self, event: str, cell: int | None = None, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until ``cells.jsonl`` has this event and return it."""

        def found() -> dict[str, Any] | None:
            hits = (e for e in self.events() if e["event"] == event and cell in (None, e["cell"]))
            return next(hits, None)

        return wait_for(found, f"event {event} of cell {cell}", timeout)  # type: ignore[return-value]

    def processes(self) -> list[Found]:
        return attempt_processes(self.workload.attempt_id)

    def end(self) -> list[Found]:
        """End everything that is left (nothing should be) and return what was."""
        tag = f"JUPYTER_FLOW_ATTEMPT={self.workload.attempt_id}"
        left = wait_until_gone(tag, timeout=30) if self.process is None or self.process.poll() is not None else []
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        kill_all(self.processes())
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        return left


class Attempts:
    """Makes attempts in ``base``: ``dags/`` is the DAG folder, ``bundle/`` the pinned copy.

    ``kernels``: path of a kernel forkserver from which notebooks get their kernels; None: they start cold.
    """

    def __init__(self, base: Path, kernels: str | None = None) -> None:
        self.base = base
        self.kernels = kernels
        self.dags = base / "dags"
        self.dags.mkdir()
        self.made: list[AttemptUnderTest] = []

    def notebook(self, cells: Sequence[Cell], *, parameters: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Return an attempt of a NotebookOperator whose notebook has ``cells``."""
        kernel, language = more.pop("kernel", "python3"), more.pop("language", "python")
        write_notebook(self.dags, cells, kernel=kernel, language=language)
        arguments = {"notebook": "notebook.ipynb", "parameters": dict(parameters or {}), **more.pop("arguments", {})}
        task = {"operator": "NotebookOperator", "operator_ref": NOTEBOOK, "template_fields": ("parameters",)}
        return self.task(arguments=arguments, files=("notebook.ipynb",), **{**task, **more})

    def python(self, body: str, **more: Any) -> AttemptUnderTest:
        """Return an attempt of the task ``work`` whose function has ``body`` (it may return a value)."""
        lines = "\n".join("        " + line for line in body.strip("\n").splitlines())
        (self.dags / "example.py").write_text(
            "from jupyter_flow import DAG, task\n\nwith DAG('example') as dag:\n\n    @task(task_id='work')\n"
            f"    def work():\n{lines}\n\n    work()\n"
        )
        return self.task(operator="PythonOperator", task_id="work", needs_dag_file=True, **more)

    def bash(self, command: str, **more: Any) -> AttemptUnderTest:
        """Return an attempt of a BashOperator."""
        arguments = {"bash_command": command}
        return self.task(operator="BashOperator", operator_ref=BASH, arguments=arguments, **more)

    def task(
        self,
        *,
        task_id: str = "work",
        limits: Mapping[str, Any] | None = None,
        xcoms: Sequence[Mapping[str, Any]] = (),
        environment: Mapping[str, str] | None = None,
        workload: Mapping[str, Any] | None = None,
        **spec: Any,
    ) -> AttemptUnderTest:
        """Return an attempt of a task of these ``TaskSpec`` fields, its files pinned as they are now."""
        attempt_id = uuid.uuid4().hex
        bundle = self.base / f"bundle-{attempt_id}"
        shutil.copytree(self.dags, bundle)
        values: dict[str, Any] = {
            "attempt_id": attempt_id,
            "attempt_number": 1,
            "try_number": 1,
            "max_tries": 1,
            "map_index": -1,
            "task": TaskSpec(task_id=task_id, **spec),
            "run": run_facts(),
            "dag_file": "example.py",
            "dag_folder": str(self.dags),
            "root": str(self.dags),
            "bundle": str(bundle),
            "cwd": str(self.dags),
            "spool": str(self.base / "spool" / attempt_id),
            "home": str(self.base / "home"),
            "kernels": self.kernels,
            "xcoms": tuple(xcoms),
            "limits": Limits(**{"kill_grace": 1.0, **dict(limits or {})}),
        }
        made = AttemptUnderTest(Workload(**{**values, **dict(workload or {})}), dict(environment or {}))
        self.made.append(made)
        return made

    def end(self) -> None:
        """End all attempts; fails if one left processes or sockets behind, or did not get a forked kernel."""
        left = [str(process) for attempt in self.made for process in attempt.end()]
        assert not left, f"left behind: {left}"
        for attempt in self.made:
            folder = attempt_folder(Path(attempt.workload.home), attempt.workload.attempt_id)
            is_killed = not (attempt.spool / "result.json").exists()  # then its host removes the folder
            assert is_killed or not folder.exists()
            assert "no forked kernel" not in attempt.log_text("log")


def run_facts() -> RunFacts:
    """Return the facts of an ordinary scheduled run."""
    return RunFacts(
        dag_id="example",
        run_id=f"scheduled__{INSTANT}",
        run_type="scheduled",
        logical_date=INSTANT,
        data_interval_start=INSTANT,
        data_interval_end="2026-02-01T02:00:00+00:00",
        queued_at=INSTANT,
        start_date=INSTANT,
        conf={},
        params={},
        triggered_by="timetable",
        timezone="UTC",
    )


def _json_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
