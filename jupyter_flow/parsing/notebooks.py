"""Checks the notebooks that tasks name, as JSON data: nothing is executed."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..model.spec import DagSpec, TaskSpec
from ..model.typed_values import REFERENCE
from .parsed import Problem

MAX_NOTEBOOK = 256 * 1024 * 1024
_ASSIGNMENT = re.compile(
    r"^\s*(?:(?:let|const|var|val|local|export)\s+)?([A-Za-z_.]\w*)\s*(?::[^=\n]+)?(?:=(?!=)|<-)", re.M
)


def check_notebooks(
    dag: DagSpec, folder: Path, root: Path, lines: Mapping[str, int] | None = None
) -> Iterator[Problem]:
    """Yield what is wrong with the notebooks of ``dag``, whose file lies in the DAG folder ``folder``.

    ``root``: notebooks must lie beneath it. Paths that are templates are known only at run time and left out.
    ``lines``: task_id -> line of the DAG file, where known.
    """
    base = folder / PurePosixPath(dag.dag_file).parent
    for task in dag.tasks:
        name = task.arguments.get("notebook")
        if not isinstance(name, str) or "{{" in name or "{%" in name:
            continue
        where = f"DAG {dag.dag_id!r}, task {task.task_id!r}: notebook {name!r}"
        line = (lines or {}).get(task.task_id)
        notebook = _load(base, name, root)
        if isinstance(notebook, str):
            yield Problem(f"{where} {notebook}", line)
        else:
            yield from _undeclared(where, task, notebook, line)


def _load(base: Path, name: str, root: Path) -> dict[str, Any] | str:
    """Return the notebook, or what is wrong with it as the end of a sentence."""
    if "://" in name:
        return "is a URL: name a file beneath the DAG folder"
    try:
        path = (base / name).resolve()
    except (OSError, ValueError):
        return "is not a usable path"
    if not path.is_relative_to(root.resolve()):
        return f"lies outside {root}: notebooks must be beneath it"
    try:
        if path.stat().st_size > MAX_NOTEBOOK:
            return f"is larger than {MAX_NOTEBOOK} bytes"
        content = path.read_bytes()
    except FileNotFoundError:
        return f"does not exist ({path})"
    except IsADirectoryError:
        return "is a folder"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        return f"is not valid JSON: {error}"
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list) or "nbformat" not in notebook:
        return "is not a notebook (no nbformat 4 cells)"
    return notebook


def _undeclared(where: str, task: TaskSpec, notebook: dict[str, Any], line: int | None) -> Iterator[Problem]:
    given = task.arguments.get("parameters")
    each = given if isinstance(given, list) else [given]  # of a mapped task those of its instances
    known = [item for item in each if isinstance(item, dict) and REFERENCE not in item]
    declared = declared_parameters(notebook)
    missing = sorted(set().union(*known) - (declared or set()))
    if missing:
        names = ", ".join(missing)
        hint = "it has no cell tagged 'parameters'" if declared is None else "its 'parameters' cell does not set them"
        yield Problem(f"{where} does not declare {names}: {hint}", line, kind="warning")


def declared_parameters(notebook: dict[str, Any]) -> set[str] | None:
    """Return the names that cells tagged ``parameters`` assign, None if there is no such cell."""
    found: set[str] | None = None
    for cell in notebook["cells"]:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        if isinstance(tags, list) and "parameters" in tags:
            source = cell.get("source", "")
            found = (found or set()) | _assigned(source if isinstance(source, str) else "".join(map(str, source)))
    return found


def _assigned(source: str) -> set[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(_ASSIGNMENT.findall(source))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
