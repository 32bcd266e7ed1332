"""DAG notebooks: read as JSON, never executed whole. Only ``%%dag`` cells and cells tagged ``dag-setup`` run.

``%%task`` cells become tasks unseen by Python: they run when their task does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..authoring.dag import DAG
from ..authoring.dag_cell import DEFINING, Cell, parse_dag_line, run_dag_cell, split_cell
from ..authoring.exceptions import DagError
from ..authoring.location import remember_lines
from .task_cells import TaskCell, add_tasks

SETUP_TAG = "dag-setup"
METADATA_KEY = "jupyter_flow"


@dataclass(frozen=True)
class SourceCell:
    """A code cell. ``number`` counts code cells from 1."""

    number: int
    source: str
    tags: tuple[str, ...]


def run_cells(copy: str, path: str, namespace: dict[str, Any]) -> None:
    """Run what defines DAGs in the notebook ``copy``, whose original is ``path``; DAGs register themselves.

    The DAG of ``%%task`` cells is that of the ``%%dag`` cell, or of the line in the notebook's metadata.
    Tracebacks name a cell ``<path>[cell N]``. Raises :class:`DagError` for a file that is no DAG notebook, and
    what the cells raise.
    """
    dags: dict[str, DAG] = {}
    tasks: list[TaskCell] = []
    if (text := dag_in_metadata(copy)) is not None:
        made = _run_dag(Cell("dag", text, "", 1), f"{path}[metadata]", namespace)
        dags[made.dag_id] = made
    for cell in code_cells(copy):
        name = cell_name(path, cell.number)
        magic = split_cell(cell.source)
        if magic is None and SETUP_TAG in cell.tags:
            remember_lines(name, cell.source)
            exec(compile(cell.source, name, "exec", dont_inherit=True), namespace)  # noqa: S102 - the author's code
        elif magic is not None and magic.magic == "dag":
            made = _run_dag(magic, name, namespace)
            dags.setdefault(made.dag_id, made)
        elif magic is not None and magic.magic == "task":
            tasks.append(TaskCell(cell.number, name, magic))
    add_tasks(tasks, dags, path)


def _run_dag(cell: Cell, name: str, namespace: dict[str, Any]) -> DAG:
    try:
        line = parse_dag_line(cell.line)
        return run_dag_cell(line, cell.body, namespace, name, cell.body_line)
    except DagError as error:
        raise DagError(str(error), error.location or (name, max(1, cell.body_line - 1))) from None
    except NameError as error:
        hint = f"tag the cell that defines it {SETUP_TAG!r}"
        raise NameError(f"{error}: {hint}").with_traceback(error.__traceback__) from None


def cell_name(path: str, number: int) -> str:
    """How tracebacks name a code cell."""
    return f"{path}[cell {number}]"


def code_cells(path: str) -> Iterator[SourceCell]:
    """Yield the code cells of a notebook file. Raises :class:`DagError` if it is none."""
    try:
        notebook = json.loads(Path(path).read_bytes())
        cells = notebook["cells"]
        found = [cell for cell in cells if cell["cell_type"] == "code"]
        for number, cell in enumerate(found, 1):
            source = cell["source"]
            tags = cell.get("metadata", {}).get("tags") or ()
            text = source if isinstance(source, str) else "".join(source)
            yield SourceCell(number, text, tuple(tag for tag in tags if isinstance(tag, str)))
    except (ValueError, RecursionError) as error:
        raise DagError(f"not a notebook: invalid JSON: {error}") from None
    except (KeyError, TypeError, AttributeError):
        raise DagError("not a notebook: it has no nbformat 4 cells") from None


def dag_in_metadata(path: str) -> str | None:
    """Return the ``%%dag`` line that the notebook's metadata holds (``{"jupyter_flow": {"dag": "ID …"}}``), or None."""
    try:
        found = json.loads(Path(path).read_bytes())["metadata"][METADATA_KEY]["dag"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def is_dag_notebook(notebook: Mapping[str, Any]) -> bool:
    """Tell whether a notebook (as JSON) defines DAGs: by its metadata or by a ``%%dag`` or ``%%task`` cell."""
    metadata = notebook.get("metadata", {}).get(METADATA_KEY)
    if isinstance(metadata, Mapping) and metadata.get("dag_file"):
        return True
    for cell in notebook.get("cells", ()):
        source = cell.get("source", "")
        text = source if isinstance(source, str) else "".join(source)
        if cell.get("cell_type") == "code" and (magic := split_cell(text)) and magic.magic in DEFINING:
            return True
    return False
