"""The line after ``%flow``: subcommands and their options."""

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn

from ..model.errors import InvalidInput
from ..model.plain_json import read_json


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(f"{self.prog}: {message} (`{self.prog} --help` says more)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _HelpShown


class _HelpShown(Exception):
    """``--help`` was printed: there is nothing to do."""


def parse_flow_line(line: str) -> argparse.Namespace | None:
    """Return the request of a ``%flow`` line; None when help was printed. Raises :class:`InvalidInput`."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInput(f"%flow: {error}: check the quotes") from None
    try:
        return _parser().parse_args(words or ["--help"])
    except _HelpShown:
        return None


def _parser() -> _Parser:
    parser = _Parser(prog="%flow", description="Ask the house about this notebook's DAG.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")

    register = commands.add_parser("register", help="make this notebook a DAG file of the house")
    register.add_argument("notebook", nargs="?", help="its path (default: the notebook of this kernel)")
    register.add_argument("--unpause", action="store_true", help="let its DAGs run on their schedule")

    trigger = commands.add_parser("trigger", help="start a run now")
    trigger.add_argument("dag_id", nargs="?", metavar="DAG", help="default: the last %%%%dag of this notebook")
    trigger.add_argument("--conf", type=_conf, metavar="JSON", help="params of the run, a JSON object")
    trigger.add_argument("--logical-date", metavar="DATE", help="ISO 8601, or `none`")
    trigger.add_argument("--unpause", action="store_true", help="unpause the DAG too")
    trigger.add_argument("--wait", action="store_true", help="wait for the end of the run")

    runs = commands.add_parser("runs", help="list runs, newest first")
    runs.add_argument("dag_id", nargs="?", metavar="DAG", help="default: the last %%%%dag of this notebook")
    runs.add_argument("--limit", type=int, default=10, help="at most so many (default: 10)")

    log = commands.add_parser("log", help="print the log of a task")
    log.add_argument("task_id", metavar="TASK")
    log.add_argument("--dag", dest="dag_id", metavar="DAG", help="default: the last %%%%dag of this notebook")
    log.add_argument("--run", dest="run_id", metavar="RUN", help="default: the latest run")

    check = commands.add_parser("check", help="load the saved notebook as the house would, and list its problems")
    check.add_argument("notebook", nargs="?", help="its path (default: the notebook of this kernel)")
    return parser


def _conf(text: str) -> dict[str, Any]:
    try:
        value = read_json(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"--conf is not JSON: {error}; write e.g. --conf '{{\"rows\": 100}}'") from None
    if not isinstance(value, dict):
        raise InvalidInput('--conf must be a JSON object like {"rows": 100}')
    return value
