"""What ``check`` says beyond a parse: whether the notebooks and variables of a DAG file will be there when it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..model.spec import DagSpec
from ..parsing.parsed import ParsedFile, Problem

SECONDS = 120.0
_VARIABLE_PREFIXES = ("JUPYTER_FLOW_VAR_", "AIRFLOW_VAR_")


def not_ready(parsed: ParsedFile, variables: Collection[str]) -> Iterator[Problem]:
    """Yield what will fail or surprise at run time. ``variables``: keys that the house has.

    Notebooks are looked at in a child process. Paths that are templates are known only at run time and left out.
    """
    asked: dict[tuple[str, str | None], tuple[str, int | None]] = {}
    for dag in parsed.dags:
        line = parsed.lines.get(dag.dag_id)
        yield from _unset_variables(dag, variables, line)
        for where, path, kernel in _notebooks(parsed, dag):
            asked.setdefault((str(path), kernel), (where, line))
    if not asked:
        return
    request = {"notebooks": [{"path": path, "kernel_name": kernel} for path, kernel in asked]}
    for (where, line), found in zip(asked.values(), _ask(request), strict=True):
        for item in found:
            yield Problem(f"{where}: {item['message']}", line, None, "error" if item["kind"] == "error" else "warning")


def _notebooks(parsed: ParsedFile, dag: DagSpec) -> Iterator[tuple[str, Path, str | None]]:
    base = parsed.folder / PurePosixPath(parsed.dag_file).parent
    for task in dag.tasks:
        name, kernel = task.arguments.get("notebook"), task.arguments.get("kernel_name")
        if not task.is_notebook or not isinstance(name, str) or "{" in name or "{" in str(kernel):
            continue
        path = (base / name).resolve()
        if path.is_file():
            yield f"DAG {dag.dag_id!r}, task {task.task_id!r}: notebook {name!r}", path, kernel
    if parsed.dag_file.endswith(".ipynb"):
        yield f"DAG {dag.dag_id!r}: {PurePosixPath(parsed.dag_file).name}", parsed.folder / parsed.dag_file, None


def _unset_variables(dag: DagSpec, known: Collection[str], line: int | None) -> Iterator[Problem]:
    for task in dag.tasks:
        for key in task.variable_inputs:
            if key not in known and not any(os.environ.get(prefix + key.upper()) for prefix in _VARIABLE_PREFIXES):
                yield Problem(
                    f"DAG {dag.dag_id!r}, task {task.task_id!r}: variable {key!r} is not set: "
                    f"`jupyter flow variables set {key} VALUE`",
                    line,
                    None,
                    "warning",
                )


def _ask(request: dict[str, Any]) -> list[list[dict[str, str]]]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "jupyter_flow.runner.notebook_check"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        answers: list[list[dict[str, str]]] = json.loads(done.stdout)["problems"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        unknown = {"kind": "warning", "message": "it could not be looked at: is it a valid notebook?"}
        return [[unknown] for _ in request["notebooks"]]
    return answers
