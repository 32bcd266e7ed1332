"""``jupyter flow demo``: the example training DAG to its end, and what came out of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..model.errors import FlowError, InvalidInput
from ..model.state import RunState, TaskState
from .output import clean, console, print_json, table
from .run import run_file
from .settings import FlowCommand, Settings, current
from .watch import show_run

EXAMPLE = Path("notebooks") / "training" / "training.py"


@click.command("demo", cls=FlowCommand)
@click.argument("file", type=click.Path(path_type=Path), default=EXAMPLE)
def demo(file: Path) -> int:
    """Run the example training DAG (notebooks/training/training.py of a clone); exit 0 only if every task succeeded."""
    settings = current()
    path = file.expanduser().absolute()
    if not path.is_file():
        raise InvalidInput(
            f"no example at {file}: the examples are in the source repository, not in the package; clone it and run "
            "`make demo` there, or name a DAG file"
        )
    run = run_file(settings, path, None, None, None)
    metrics = _metrics(settings, run)
    executed = _executed_notebooks(run)
    good = run["state"] == RunState.SUCCESS and all(task["state"] == TaskState.SUCCESS for task in run["tasks"])
    if settings.json:
        print_json({**run, "metrics": metrics, "notebooks": executed})
        return 0 if good else 1
    show_run(run)
    if metrics:
        rows = [
            (task_id, name, f"{value:.4g}") for task_id, values in metrics.items() for name, value in values.items()
        ]
        console().print(table(("task", "metric", "value>"), rows))
    if executed:
        click.echo(f"Executed notebooks, beneath {clean(settings.home / 'spool')}:")
        for name in executed.values():
            click.echo(f"  {clean(name)}")
    click.echo(f"See this run in JupyterLab:\n  {clean(_lab_line(settings, path.parent))}")
    return 0 if good else 1


def _lab_line(settings: Settings, folder: Path) -> str:
    """Return the command that opens JupyterLab on this home, with the Jupyter of this environment."""
    words = ["env", f"JUPYTER_FLOW_HOME={settings.home}", f"JUPYTER_FLOW_DAGS={folder}"]
    words += [str(Path(sys.executable).parent / "jupyter-lab"), str(folder)]
    return shlex.join(words)


def _executed_notebooks(run: Mapping[str, Any]) -> dict[str, str]:
    return {task["task_id"]: task["notebook_path"] for task in run["tasks"] if task["notebook_path"]}


def _metrics(settings: Settings, run: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return task id -> numbers that the task pushed as the XCom ``metrics`` (an object)."""
    found: dict[str, dict[str, float]] = {}
    for task in run["tasks"]:
        try:
            names = {"dag_id": run["dag_id"], "run_id": run["run_id"], "task_id": task["task_id"]}
            xcoms = settings.ask("tasks.xcom", key="metrics", **names)["xcoms"]
        except FlowError:
            continue  # the run matters, its numbers are an extra
        for item in xcoms:
            if isinstance(item["value"], dict):
                found[task["task_id"]] = dict(_numbers(item["value"]))
    return found


def _numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)
