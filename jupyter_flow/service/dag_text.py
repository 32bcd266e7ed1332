"""Text of DAG files that run notebooks: a new one, and one that gets tasks added. Nothing is read nor run."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from ..model.errors import InvalidInput

PACKAGES = ("jupyter_flow", "airflow")
_STRANGE = re.compile(r"[^A-Za-z0-9_.-]+")


def new_text(dag_id: str, schedule: str | None, start_date: str, notebooks: Sequence[str], *, is_chain: bool) -> str:
    """Return a DAG file with one task for each of ``notebooks`` (paths relative to it).

    ``is_chain``: each waits for the one before it.
    """
    tasks = [_task(task_id, path) for task_id, path in zip(task_ids(notebooks), notebooks, strict=True)]
    chained = is_chain and len(tasks) > 1
    names = ["DAG", *(["NotebookOperator"] if tasks else []), *(["chain"] if chained else [])]
    dates = f", start_date={_quoted(start_date)}" if schedule is not None else ""
    lines = [
        f"from jupyter_flow import {', '.join(names)}",
        "",
        f"with DAG({_quoted(dag_id)}, schedule={_quoted(schedule)}{dates}):",
    ]
    if chained:
        lines += ["    chain(", *(f"        {task}," for task in tasks), "    )"]
    else:
        lines += [f"    {task}" for task in tasks or ["pass"]]
    return "\n".join(lines) + "\n"


def added_text(text: str, dag_id: str, known: Collection[str], notebooks: Sequence[str], after: str | None) -> str:
    """Return the Python DAG file ``text`` with tasks for ``notebooks`` at the end of the DAG ``dag_id``.

    ``known``: ids of its tasks. ``after``: the task that the new ones wait for. Raises :class:`InvalidInput` for a file
    that does not define the DAG by ``with DAG("…"):``.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise InvalidInput(f"line {error.lineno} of the DAG file is not Python: {error.msg}") from None
    block = next((node for node in ast.walk(tree) if isinstance(node, ast.With) and _names(node, dag_id)), None)
    if block is None or block.body[0].lineno == block.lineno:
        raise InvalidInput(f"the DAG file has no block `with DAG({_quoted(dag_id)}, …):`: add the tasks by hand")
    lines = text.split("\n")
    item = next(item for item in block.items if _is_dag(item.context_expr, dag_id))
    tasks = [_task(task_id, path) for task_id, path in zip(task_ids(notebooks, known), notebooks, strict=True)]
    name = item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else "dag"
    if after is not None:
        tasks = [f"{name}.get_task({_quoted(after)}) >> {task}" for task in tasks]
    indent = " " * block.body[0].col_offset
    end = block.body[-1].end_lineno or block.lineno
    lines[end:end] = [indent + task for task in tasks]
    call = item.context_expr
    if after is not None and item.optional_vars is None and call.end_lineno and call.end_col_offset:
        line = lines[call.end_lineno - 1].encode()
        lines[call.end_lineno - 1] = (line[: call.end_col_offset] + b" as dag" + line[call.end_col_offset :]).decode()
    return "\n".join(_with_import(lines, tree) if tasks else lines)


def task_ids(notebooks: Sequence[str], known: Collection[str] = ()) -> list[str]:
    """Return an id for the task of each notebook: its name, with a number where there is such a task already."""
    found: list[str] = []
    for path in notebooks:
        stem = usable_id(PurePosixPath(path).stem)
        number = 1
        while (task_id := stem if number == 1 else f"{stem}_{number}") in (*known, *found):
            number += 1
        found.append(task_id)
    return found


def usable_id(words: str) -> str:
    """Return an id that is as much like ``words`` as one can be."""
    return _STRANGE.sub("_", words).strip("._")[:200] or "notebook"


def relative(path: str, dag_file: str) -> str:
    """Return how the DAG file ``dag_file`` names the notebook ``path`` (both beneath the DAG folder)."""
    return os.path.relpath(path, os.path.dirname(dag_file) or ".")


def _task(task_id: str, notebook: str) -> str:
    return f"NotebookOperator(task_id={_quoted(task_id)}, notebook={_quoted(notebook)})"


def _quoted(text: str | None) -> str:
    """As Python writes it, in double quotes where that says the same."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain and "\\" not in plain else plain


def _names(block: ast.With, dag_id: str) -> bool:
    return any(_is_dag(item.context_expr, dag_id) for item in block.items)


def _is_dag(node: ast.expr, dag_id: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = [*node.args[:1], *(item.value for item in node.keywords if item.arg == "dag_id")]
    return name == "DAG" and any(isinstance(value, ast.Constant) and value.value == dag_id for value in given)


def _with_import(lines: list[str], tree: ast.Module) -> list[str]:
    """``lines`` with an import of what the tasks need, after the last one of the head of the file."""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imports:
        is_ours = isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES
        if is_ours and any((name.asname or name.name) == "NotebookOperator" for name in node.names):
            return lines
    first = imports[0] if imports else None
    at = 0
    for statement in tree.body[tree.body.index(first) :] if first else []:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            break
        at = statement.end_lineno or at
    if first is None and ast.get_docstring(tree) is not None:
        at = tree.body[0].end_lineno or 0
    return [*lines[:at], "from jupyter_flow import NotebookOperator", *lines[at:]]
