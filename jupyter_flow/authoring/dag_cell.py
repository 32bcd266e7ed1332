"""``%%dag`` cells: their line and their body become a DAG, in the author's kernel as in the house."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from .dag import DAG
from .exceptions import DagError
from .location import remember_lines, written_at

_MAGIC = re.compile(r"\s*%%(dag|task|setup)\b(.*)")
DEFINING = ("dag", "task")
"""Magics of the cells that make a notebook a DAG file."""


@dataclass(frozen=True)
class Cell:
    """A cell that begins with ``%%dag``, ``%%task`` or ``%%setup``.

    ``body_line``: the line of the cell (from 1) where its body starts.
    """

    magic: str
    line: str
    body: str
    body_line: int


@dataclass(frozen=True)
class DagLine:
    """What stands after ``%%dag``: the id and the arguments of the DAG."""

    dag_id: str
    arguments: Mapping[str, Any]


def split_cell(source: str) -> Cell | None:
    """Return the parts of a ``%%dag``, ``%%task`` or ``%%setup`` cell, None for every other cell."""
    lines = source.split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    match = None if first is None else _MAGIC.fullmatch(lines[first])
    if first is None or match is None:
        return None
    return Cell(match[1], match[2].strip(), "\n".join(lines[first + 1 :]), first + 2)


class LineParser(argparse.ArgumentParser):
    """Reads the line after a cell magic; what is wrong with it is a :class:`DagError`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog=prog, add_help=False, allow_abbrev=False, exit_on_error=False)

    def error(self, message: str) -> NoReturn:
        """Refuse the line."""
        raise DagError(f"{self.prog}: {message}")

    def read(self, line: str) -> dict[str, Any]:
        """Return the options that ``line`` gives, by name. Raises :class:`DagError` with one sentence."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise DagError(f"{self.prog}: {error}: put values with spaces in quotes") from None
        try:
            options = vars(self.parse_args(words))
        except argparse.ArgumentError as error:
            raise DagError(f"{self.prog}: {error}") from None
        return {name: value for name, value in options.items() if value is not None}


def pair(text: str) -> tuple[str, Any]:
    """Return name and value of ``NAME=VALUE``; the value is JSON, else text."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def words(text: str) -> list[str]:
    """Return the parts of comma-separated text."""
    return [word.strip() for word in text.split(",") if word.strip()]


def make_parser() -> LineParser:
    """Return the parser of the line after ``%%dag`` (also for the magic's help text)."""
    parser = LineParser("%%dag")
    parser.add_argument("dag_id", help="id of the DAG")
    parser.add_argument("--schedule", help='cron expression in quotes or preset, e.g. "0 2 * * *" or @daily')
    parser.add_argument("--start-date", help="first logical date, e.g. 2026-01-01")
    parser.add_argument("--end-date", help="last logical date")
    parser.add_argument("--timezone", help="IANA name, e.g. Europe/Berlin")
    parser.add_argument("--catchup", action="store_true", default=None, help="create runs for past dates too")
    parser.add_argument("--description", help="one line about the DAG")
    parser.add_argument("--tags", type=words, help="comma-separated tags")
    parser.add_argument("--owner", help="owner of the tasks")
    parser.add_argument("--retries", type=int, help="retries of every task")
    parser.add_argument("--retry-delay", type=float, help="seconds between tries")
    parser.add_argument("--max-active-runs", type=int, help="runs of the DAG at once")
    parser.add_argument("--max-active-tasks", type=int, help="tasks of a run at once")
    parser.add_argument("--dagrun-timeout", type=float, help="seconds for a run")
    parser.add_argument("--param", type=pair, action="append", help="NAME=VALUE (JSON or text), may be repeated")
    return parser


def parse_dag_line(line: str) -> DagLine:
    """Return id and arguments of a ``%%dag`` line. Raises :class:`DagError` with one sentence."""
    given = make_parser().read(line)
    dag_id = given.pop("dag_id")
    defaults = {name: given.pop(name) for name in ("owner", "retries", "retry_delay") if name in given}
    if defaults:
        given["default_args"] = defaults
    if "param" in given:
        given["params"] = dict(given.pop("param"))
    if "dagrun_timeout" in given:
        given["dagrun_timeout"] = timedelta(seconds=given["dagrun_timeout"])
    return DagLine(dag_id, given)


def run_dag_cell(line: DagLine, body: str, namespace: dict[str, Any], filename: str, body_line: int = 2) -> DAG:
    """Run the ``body`` of a ``%%dag`` cell within its DAG and return it; the body sees it as ``dag``.

    ``namespace``: where the body's names live; names of this package that it lacks are there for the body.
    ``filename``: how tracebacks name the cell. What the body raises comes through.
    """
    source = "\n" * (body_line - 1) + body  # so that line numbers are those of the cell
    remember_lines(filename, source)
    code = compile(source, filename, "exec", dont_inherit=True)
    author_names = _author_names(namespace)
    namespace.update(author_names)
    before = namespace.get("dag", _MISSING)
    try:
        with written_at(filename, body_line - 1):
            made = DAG(line.dag_id, **line.arguments)
        with made:
            namespace["dag"] = made
            exec(code, namespace)  # noqa: S102 - the cell is the author's code
    finally:
        if before is _MISSING:
            namespace.pop("dag", None)
        else:
            namespace["dag"] = before
    return made


_MISSING: Any = object()


def _author_names(namespace: Mapping[str, Any]) -> dict[str, Any]:
    import jupyter_flow

    names = [name for name in jupyter_flow.__all__ if not name.startswith("_") and name not in namespace]
    return {name: getattr(jupyter_flow, name) for name in names}
