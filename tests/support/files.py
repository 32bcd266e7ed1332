"""Writing DAG files and notebooks for tests."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Cell = str | dict[str, Any]


def write_dag(folder: Path, text: str, name: str = "example.py") -> Path:
    """Write a DAG file (``text`` is dedented) and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def notebook_json(cells: Sequence[Cell], kernel: str = "python3", language: str = "python") -> dict[str, Any]:
    """Return an nbformat 4.5 document.

    A cell is source text (a code cell) or a dict with ``source`` and optionally ``tags``, ``cell_type``, ``metadata``.
    """
    document: dict[str, Any] = {
        "cells": [],
        "metadata": {
            "kernelspec": {"name": kernel, "display_name": kernel, "language": language},
            "language_info": {"name": language},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    for number, cell in enumerate(cells):
        given = {"source": cell} if isinstance(cell, str) else dict(cell)
        kind = given.get("cell_type", "code")
        metadata = dict(given.get("metadata", {}))
        if given.get("tags"):
            metadata["tags"] = list(given["tags"])
        entry: dict[str, Any] = {
            "cell_type": kind,
            "id": f"cell-{number}",
            "metadata": metadata,
            "source": textwrap.dedent(given["source"]).strip("\n"),
        }
        if kind == "code":
            entry.update(execution_count=None, outputs=[])
        document["cells"].append(entry)
    return document


def write_notebook(
    folder: Path, cells: Sequence[Cell], name: str = "notebook.ipynb", kernel: str = "python3", language: str = "python"
) -> Path:
    """Write a notebook with ``cells`` (see :func:`notebook_json`) and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook_json(cells, kernel, language), indent=1), encoding="utf-8")
    return path


def parameters(source: str) -> dict[str, Any]:
    """Return a cell tagged ``parameters``."""
    return {"source": source, "tags": ["parameters"]}
