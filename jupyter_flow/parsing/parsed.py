"""What is known of one DAG file after a parse: its DAGs, or its problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..model.spec import DagSpec


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a DAG file. An ``error`` keeps its DAGs from loading, a ``warning`` does not."""

    message: str
    line: int | None = None
    traceback: str | None = None
    kind: Literal["error", "warning"] = "error"


@dataclass(frozen=True)
class ParsedFile:
    """One DAG file after its parse. ``dag_file`` and ``files`` are posix paths relative to ``folder``.

    ``dags`` is empty when there is an error among ``problems``. ``files``: what the parse used (the DAG file,
    modules, static files), the content of its bundle. ``lines``: dag_id -> line of the DAG file, where known.
    """

    folder: Path
    dag_file: str
    dags: tuple[DagSpec, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Tell whether the file did not load."""
        return any(problem.kind == "error" for problem in self.problems)
