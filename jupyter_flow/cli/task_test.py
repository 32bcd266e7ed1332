"""``jupyter flow tasks test``: one task of a DAG file by itself, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..model.errors import InvalidInput
from ..model.plain_json import read_json
from ..model.state import TaskState
from .output import clean, print_json, reason_text
from .run import existing_file, known_variables
from .settings import FlowCommand, current
from .values import read_conf, read_logical_date


@click.command("test", cls=FlowCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("task_id", metavar="TASK")
@click.option("--dag", "dag_id", metavar="ID", help="Which DAG of the file (needed if it holds several).")
@click.option("--conf", metavar="JSON", help="Params of the run, a JSON object, or @FILE holding one.")
@click.option("--logical-date", metavar="DATE", help="ISO 8601, or `none` for a run without a date (default: now).")
@click.option("--xcom", "xcoms", metavar="TASK[:KEY]=JSON", multiple=True, help="What another task pushed.")
def test(
    file: Path, task_id: str, dag_id: str | None, conf: str | None, logical_date: str | None, xcoms: tuple[str, ...]
) -> int:
    """Run one task of FILE by itself, with one try, and print what it says; exit 1 unless it succeeds.

    The other tasks count as done; the XComs that it pulls from them are given with --xcom. Nothing is recorded.
    """
    from ..service.single_task import run_single_task

    settings = current()
    found = run_single_task(
        settings.config(),
        settings.actor().user,
        existing_file(file),
        task_id,
        dag_id,
        read_conf(conf),
        read_logical_date(logical_date),
        _pushed(xcoms),
        known_variables(settings),
    )
    if settings.json:
        print_json(found)
    else:
        for task in found["tasks"]:
            _show(task)
    done = (TaskState.SUCCESS, TaskState.SKIPPED)
    return 0 if all(task["state"] in done for task in found["tasks"]) else 1


def _show(task: dict[str, Any]) -> None:
    for line in task["log"]:
        for text in str(line["text"]).splitlines() or [""]:
            click.echo(clean(text, keep="\t"))
    for item in task["xcoms"]:
        click.echo(clean(f"XCom {item['key']}: {item['preview']}"))
    name = task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else "")
    reason = reason_text(task)
    click.echo(clean(f"{name}: {task['state']}" + (f" ({reason})" if reason else "")))


def _pushed(texts: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        task_id, _, key = name.partition(":")
        try:
            found.setdefault(task_id, {})[key or "return_value"] = read_json(value)
        except (ValueError, RecursionError):
            sign = ""
        if not sign or not task_id:
            raise InvalidInput(f"--xcom {text!r}: write TASK=JSON or TASK:KEY=JSON, e.g. load='[1, 2]'")
    return found
