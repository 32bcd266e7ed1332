"""``%%task`` cells: as tasks of the notebook's DAG when it is parsed, as a small notebook when one runs."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ..authoring.cell_names import names_read, names_set
from ..authoring.checks import suggestion
from ..authoring.dag import DAG
from ..authoring.dag_cell import Cell, split_cell
from ..authoring.exceptions import DagError
from ..authoring.location import remember_lines, written_at
from ..authoring.runtime import CellRequest
from ..authoring.task_cell import TaskLine, parse_task_line
from ..operators.notebook_cell import NotebookCellOperator

SETUP_TAG = "setup"
PARAMETERS_TAG = "parameters"
_TIMING = re.compile(r"^([ \t]*)(?:%time[ \t]+|%%(?:time|capture)\b.*)", re.M)
"""Magics that run the Python after them in the cell's own names."""


@dataclass(frozen=True)
class TaskCell:
    """A ``%%task`` cell. ``number``: which code cell of the notebook. ``name``: how tracebacks call it."""

    number: int
    name: str
    cell: Cell


def add_tasks(cells: Sequence[TaskCell], dags: Mapping[str, DAG], path: str) -> None:
    """Make tasks of ``cells`` in the ``dags`` of the notebook ``path``. Raises :class:`DagError` naming the cell."""
    made: dict[int, NotebookCellOperator] = {}
    lines: dict[int, TaskLine] = {}
    outputs: dict[tuple[str, str], str] = {}  # (DAG, variable) -> the task that set it last, from the top down
    later = {name for cell in cells for name in _line(cell).outputs}
    for item in cells:
        place = (item.name, item.cell.body_line - 1)
        with _at(place), written_at(*place):
            line = lines[item.number] = _line(item)
            dag = _dag_of(line, dags)
            tree = _tree(item)
            known = {name: task_id for (dag_id, name), task_id in outputs.items() if dag_id == dag.dag_id}
            inputs = _inputs(line, tree, known, later)
            _check_outputs(line, tree, inputs)
            made[item.number] = NotebookCellOperator(
                line.task_id,
                os.path.basename(path),
                item.number,
                line.parameters,
                inputs,
                line.outputs,
                dag=dag,
                **line.arguments,
            )
            outputs.update({(dag.dag_id, name): line.task_id for name in line.outputs})
    for item in cells:
        place = (item.name, item.cell.body_line - 1)
        task, line = made[item.number], lines[item.number]
        with _at(place), written_at(*place):
            _place_after(task, line)


def _place_after(task: NotebookCellOperator, line: TaskLine) -> None:
    assert task.dag is not None  # noqa: S101 - it was made in one
    for before in dict.fromkeys([*line.after, *task.inputs.values()]):
        if not task.dag.has_task(before):
            hint = suggestion(before, task.dag.task_ids)
            raise DagError(f"%%task {line.task_id}: --after names {before!r}, which the DAG does not have{hint}")
        task.set_upstream(task.dag.get_task(before))


def _line(item: TaskCell) -> TaskLine:
    with _at((item.name, item.cell.body_line - 1)):
        return parse_task_line(item.cell.line)


def _dag_of(line: TaskLine, dags: Mapping[str, DAG]) -> DAG:
    where = f"%%task {line.task_id}"
    if not dags:
        raise DagError(f"{where}: the notebook has no DAG: add a cell `%%dag ID` above")
    if line.dag_id is not None:
        if line.dag_id not in dags:
            raise DagError(f"{where}: the notebook has no DAG {line.dag_id!r}{suggestion(line.dag_id, dags)}")
        return dags[line.dag_id]
    if len(dags) > 1:
        raise DagError(f"{where}: the notebook has several DAGs, say which: --dag {' or --dag '.join(dags)}")
    return next(iter(dags.values()))


def _tree(item: TaskCell) -> ast.Module:
    """Return the cell's code, what IPython adds to Python made plain. Raises SyntaxError."""
    plain = _TIMING.sub(r"\1", item.cell.body)
    before = "\n" * (item.cell.body_line - 1)  # so that line numbers are those of the cell
    remember_lines(item.name, before + plain)
    try:
        return ast.parse(before + plain, item.name)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        blank = "\n" * (len(plain) - len(plain.lstrip("\n")))  # IPython drops them
        return ast.parse(before + blank + TransformerManager().transform_cell(plain), item.name)


def _inputs(line: TaskLine, tree: ast.Module, known: Mapping[str, str], later: set[str]) -> dict[str, str]:
    """Return variable -> id of the task whose output it is; ``known``: those of the cells above."""
    if line.inputs is None:
        return {name: known[name] for name in sorted(names_read(tree)) if name in known and name not in line.parameters}
    for name in line.inputs:
        if name not in known:
            hint = f": add --outputs {name} to the cell that makes it"
            hint = (
                ": move the cell that hands it on above this one" if name in later else suggestion(name, known) or hint
            )
            raise DagError(f"%%task {line.task_id}: input {name!r} is no output of a %%task cell above{hint}")
    return {name: known[name] for name in line.inputs}


def _check_outputs(line: TaskLine, tree: ast.Module, inputs: Mapping[str, str]) -> None:
    made = names_set(tree)
    if made is None or "get_ipython" in names_read(tree):
        return  # what a magic sets is its own affair
    for name in line.outputs:
        if name not in made and name not in inputs and name not in line.parameters:
            hint = suggestion(name, made)
            raise DagError(f"%%task {line.task_id}: output {name!r} is never assigned in the cell{hint}")


@contextmanager
def _at(place: tuple[str, int]) -> Iterator[None]:
    """Add the ``place`` of the cell to a :class:`DagError` that has none."""
    try:
        yield
    except DagError as error:
        raise DagError(str(error), error.location or place) from None


# --- when one runs


def small_notebook(node: Any, request: CellRequest, has_parameters: bool) -> Any:
    """Return the notebook of one task: setup cells, parameters, inputs, the cell, outputs. ``node`` stays as it is.

    ``has_parameters``: whether parameters will be injected. Raises ValueError if there is no such ``%%task`` cell.
    """
    from nbformat.v4 import new_code_cell

    code = [cell for cell in node.cells if cell.cell_type == "code"]
    chosen = code[request.number - 1] if 0 < request.number <= len(code) else None
    magic = None if chosen is None else split_cell(chosen.source)
    if chosen is None or magic is None or magic.magic != "task":
        raise ValueError(f"its code cell {request.number} is no %%task cell")
    first = [_without_magic(cell) for cell in code if cell is not chosen and _is_first(cell)]
    if has_parameters and not any(PARAMETERS_TAG in _tags(cell) for cell in first):
        first.append(_tagged(new_code_cell("# parameters of the task"), PARAMETERS_TAG))
    task_cell = _without_magic(chosen)
    cells = [*first, *_speech(request), task_cell]
    if request.outputs:
        lines = [f"jupyter_flow_helper.xcom_push({name!r}, {name})" for name in request.outputs]
        cells.append(_tagged(new_code_cell("\n".join(["import jupyter_flow_helper", "", *lines])), "task-outputs"))
    made = deepcopy(node)
    made.cells = cells
    return made


def _speech(request: CellRequest) -> Iterator[Any]:
    from nbformat.v4 import new_code_cell

    if request.inputs:
        lines = [
            f"{name} = jupyter_flow_helper.xcom_pull({task_id!r}, {name!r})" for name, task_id in request.inputs.items()
        ]
        yield _tagged(new_code_cell("\n".join(["import jupyter_flow_helper", "", *lines])), "task-inputs")


def _tags(cell: Any) -> Sequence[str]:
    tags = cell.metadata.get("tags")
    return tags if isinstance(tags, list) else ()


def _tagged(cell: Any, tag: str) -> Any:
    cell.metadata["tags"] = [tag]
    return cell


def _is_first(cell: Any) -> bool:
    magic = split_cell(cell.source)
    if magic is not None:
        return magic.magic == "setup"
    return SETUP_TAG in _tags(cell) or PARAMETERS_TAG in _tags(cell)


def _without_magic(cell: Any) -> Any:
    """Return a copy of the cell whose own magic is a comment: a kernel need not know it."""
    copy = deepcopy(cell)
    magic = split_cell(copy.source)
    if magic is not None:
        line = f"# %%{magic.magic} {magic.line}".rstrip()
        copy.source = magic.body if magic.body.lstrip().startswith("%%") else f"{line}\n{magic.body}"
    return copy
