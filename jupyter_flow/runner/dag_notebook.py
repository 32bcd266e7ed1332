"""DAG notebooks: read as JSON, never executed whole. Only ``%%dag`` cells and cells tagged ``dag-setup`` run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..authoring.dag_cell import Cell, parse_dag_line, run_dag_cell, split_cell
from ..authoring.exceptions import DagError
from ..authoring.location import remember_lines

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

    Tracebacks name a cell ``<path>[cell N]``. Raises :class:`DagError` for a file that is no DAG notebook, and
    what the cells raise.
    """
    cells = list(code_cells(copy))
    for cell in cells:
        name = cell_name(path, cell.number)
        magic = split_cell(cell.source)
        if magic is None and SETUP_TAG in cell.tags:
            remember_lines(name, cell.source)
            exec(compile(cell.source, name, "exec", dont_inherit=True), namespace)  # noqa: S102 - the author's code
        elif magic is not None and magic.magic == "dag":
            _run_dag(magic, name, namespace)
        elif magic is not None:
            raise DagError("%%task cells make no DAG in this version: use %%dag", (name, 1))


def _run_dag(cell: Cell, name: str, namespace: dict[str, Any]) -> None:
    try:
        line = parse_dag_line(cell.line)
        run_dag_cell(line, cell.body, namespace, name, cell.body_line)
    except DagError as error:
        raise DagError(str(error), error.location or (name, cell.body_line - 1)) from None
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


def is_dag_notebook(notebook: Mapping[str, Any]) -> bool:
    """Tell whether a notebook (as JSON) defines DAGs: by its metadata or by a ``%%dag`` or ``%%task`` cell."""
    metadata = notebook.get("metadata", {}).get(METADATA_KEY)
    if isinstance(metadata, Mapping) and metadata.get("dag_file"):
        return True
    for cell in notebook.get("cells", ()):
        source = cell.get("source", "")
        text = source if isinstance(source, str) else "".join(source)
        if cell.get("cell_type") == "code" and split_cell(text) is not None:
            return True
    return False
