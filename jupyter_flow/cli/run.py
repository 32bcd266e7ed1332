"""``jupyter flow run`` and ``jupyter flow check``: one DAG file, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..model.errors import InvalidInput, NoHost
from ..model.slots import DEFAULT_POOL
from ..model.state import RunState
from .output import clean, print_json, show_table
from .settings import FlowCommand, Settings, current
from .values import read_conf, read_logical_date
from .watch import RunView, show_run


@click.command("run", cls=FlowCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dag", "dag_id", metavar="ID", help="Which DAG of the file (needed if it holds several).")
@click.option("--conf", metavar="JSON", help="Params of the run, a JSON object, or @FILE holding one.")
@click.option("--logical-date", metavar="DATE", help="ISO 8601, or `none` for a run without a date (default: now).")
def run(file: Path, dag_id: str | None, conf: str | None, logical_date: str | None) -> int:
    """Run one DAG of FILE to its end, paused or not; exit 1 unless it succeeded.

    The run is handed to the host if one lives; otherwise this process is the host meanwhile.
    """
    settings = current()
    document = run_file(settings, file, dag_id, read_conf(conf), read_logical_date(logical_date))
    print_json(document) if settings.json else show_run(document)
    return 0 if document["state"] == RunState.SUCCESS else 1


def run_file(
    settings: Settings, file: Path, dag_id: str | None, conf: dict[str, Any] | None, logical_date: str | None
) -> dict[str, Any]:
    """Run one DAG of ``file`` to its end, showing it, and return the run with its ``tasks``."""
    path = existing_file(file)
    from ..service.foreground import run_to_end

    with RunView(quiet=settings.json) as view:
        return run_to_end(
            settings.config(),
            settings.actor(),
            path,
            dag_id=dag_id,
            conf=conf,
            logical_date=logical_date,
            on_change=view,
        )


def existing_file(file: Path) -> Path:
    """Return ``file`` as an absolute path. Raises :class:`InvalidInput` unless it is a ``.py`` or ``.ipynb`` file."""
    path = file.expanduser().absolute()
    if not path.is_file():
        raise InvalidInput(
            f"{file}: {'is a folder' if path.is_dir() else 'no such file'}; name a .py or .ipynb DAG file"
        )
    if path.suffix not in (".py", ".ipynb"):
        raise InvalidInput(f"{file}: a DAG file ends with .py or .ipynb")
    return path


@click.command("check", cls=FlowCommand)
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> int:
    """Parse FILE and say what is wrong with it, and what will be when it runs: kernels, imports, paths, variables.

    Exit 2 if it does not load, 1 if a task of it would fail.
    """
    settings = current()
    path = existing_file(file)
    from ..service import offline
    from ..service.pools import pool_warnings
    from ..service.readiness import not_ready

    parsed = offline.parse_file(settings.config(), path)
    later = [] if parsed.failed else list(not_ready(parsed, known_variables(settings).keys()))
    problems = [
        {"file": str(file), "line": item.line, "message": item.message, "traceback": item.traceback, "kind": item.kind}
        for item in [*parsed.problems, *later]
    ]
    known = _pools(settings)
    problems += [
        {"file": str(file), "line": parsed.lines.get(dag.dag_id), "message": text, "traceback": None, "kind": "warning"}
        for dag in parsed.dags
        for text in pool_warnings(dag, known)
    ]
    found = [{"dag_id": dag.dag_id, "tasks": [task.task_id for task in dag.tasks]} for dag in parsed.dags]
    broken = any(item["kind"] == "error" for item in problems)
    code = 2 if parsed.failed else int(broken)
    if settings.json:
        print_json({"file": str(file), "ok": not broken, "dags": found, "problems": problems})
        return code
    for item in problems:
        place = f"{item['file']}:{item['line']}" if item["line"] else item["file"]
        click.echo(clean(f"{place}: {item['kind']}: {item['message']}"), err=True)
    if not parsed.failed:
        show_table(
            ("dag", "tasks"), [(dag["dag_id"], ", ".join(dag["tasks"])) for dag in found], f"{file}: no DAG in it"
        )
    return code


def known_variables(settings: Settings) -> dict[str, str]:
    """Return the variables that the house has; before the first host there are none."""
    try:
        return {item["key"]: item["value"] for item in settings.ask("variables.list")["variables"]}
    except NoHost:
        return {}


def _pools(settings: Settings) -> set[str]:
    """The names of the pools there are; before the first host there is the default one."""
    try:
        return {item["name"] for item in settings.ask("pools.list")["pools"]}
    except NoHost:
        return {DEFAULT_POOL}
