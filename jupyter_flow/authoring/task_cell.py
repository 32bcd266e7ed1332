"""The line of a ``%%task`` cell: the id, the arguments and the variables of a task."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..model.plain_json import read_json
from .dag_cell import LineParser, pair, words
from .exceptions import DagError


@dataclass(frozen=True)
class TaskLine:
    """What stands after ``%%task``.

    ``after``: ids of tasks that come before. ``inputs``: variables that other tasks' cells make, None = those that the
    cell uses. ``outputs``: variables that are handed on. ``parameters``: variables set before the cell; text in them is
    templated. ``dag_id``: whose task it is, None = the notebook's only DAG. ``arguments``: of the operator.
    """

    task_id: str
    after: tuple[str, ...]
    inputs: tuple[str, ...] | None
    outputs: tuple[str, ...]
    parameters: Mapping[str, Any]
    dag_id: str | None
    arguments: Mapping[str, Any]

    def in_words(self) -> str:
        """Return in one line what a house makes of the cell."""
        parts = [f"after {', '.join(self.after)}"] if self.after else []
        parts += [f"inputs {', '.join(self.inputs)}"] if self.inputs else []
        parts += [f"outputs {', '.join(self.outputs)}"] if self.outputs else []
        parts += [f"{name.replace('_', ' ')} {value}" for name, value in self.arguments.items()]
        return f"task {self.task_id}" + (f": {'; '.join(parts)}" if parts else "")


def parse_task_line(line: str) -> TaskLine:
    """Return what a ``%%task`` line says. Raises :class:`DagError` with one sentence."""
    given = _parser().read(line)
    inputs, outputs = given.pop("inputs", None), given.pop("outputs", [])
    for name in [*(inputs or ()), *outputs]:
        if not name.isidentifier():
            raise DagError(f"%%task {given['task_id']}: {name!r} is not the name of a variable")
    return TaskLine(
        task_id=given.pop("task_id"),
        after=tuple(given.pop("after", ())),
        inputs=None if inputs is None else tuple(inputs),
        outputs=tuple(dict.fromkeys(outputs)),
        parameters={**given.pop("params", {}), **dict(given.pop("param", ()))},
        dag_id=given.pop("dag", None),
        arguments=given,
    )


def _object(text: str) -> dict[str, Any]:
    try:
        value = read_json(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object like '{{\"rows\": 100}}'")
    return value


@cache
def _parser() -> LineParser:
    parser = LineParser("%%task")
    parser.add_argument("task_id", help="id of the task")
    parser.add_argument("--after", type=words, help="comma-separated ids of tasks that come before")
    parser.add_argument("--inputs", type=words, help="variables that other %%task cells hand on")
    parser.add_argument("--outputs", type=words, help="variables that this cell hands on")
    parser.add_argument("--params", type=_object, help="variables set before the cell, a JSON object")
    parser.add_argument("--param", type=pair, action="append", help="NAME=VALUE (JSON or text), may be repeated")
    parser.add_argument("--dag", help="id of the DAG, if the notebook has several")
    parser.add_argument("--kernel", dest="kernel_name", help="kernel (default: the notebook's)")
    parser.add_argument("--retries", type=int, help="tries after the first")
    parser.add_argument("--retry-delay", type=float, help="seconds between tries")
    parser.add_argument("--timeout", type=float, dest="execution_timeout", help="seconds for an attempt")
    parser.add_argument("--trigger-rule", help="e.g. all_done")
    parser.add_argument("--pool", help="pool that the task takes slots of")
    parser.add_argument("--pool-slots", type=int, help="so many")
    parser.add_argument("--priority-weight", type=int, help="a higher one starts first")
    parser.add_argument("--owner", help="owner of the task")
    parser.add_argument("--description", help="one line about the task")
    return parser
