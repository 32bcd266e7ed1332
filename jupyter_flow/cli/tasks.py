"""``jupyter flow tasks``: the task instances of a DAG run."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from ..model.errors import NotFound
from .output import STYLES, clean, console, instant, print_json, reason_text, say, seconds, show_fields, show_table
from .settings import FlowGroup, current
from .xcoms import COLUMNS, row_of

FOLLOW_PAUSE = 0.3
"""Seconds between two looks at a growing log."""


@click.group("tasks", cls=FlowGroup)
def tasks() -> None:
    """The task instances of a DAG run."""


def _one(command: Any) -> Any:
    """Add what names one task instance."""
    command = click.option(
        "--map-index", type=int, default=-1, show_default=True, help="Index of a mapped task instance."
    )(command)
    for name in ("task_id", "run_id", "dag_id"):
        command = click.argument(name, metavar=name.removesuffix("_id").upper())(command)
    return command


@tasks.command("list")
@click.argument("dag_id", metavar="DAG")
@click.argument("run_id", metavar="RUN")
def list_(dag_id: str, run_id: str) -> None:
    """List the task instances of a run."""
    settings = current()
    found = settings.ask("tasks.list", dag_id=dag_id, run_id=run_id)["tasks"]
    if settings.json:
        return print_json(found)
    columns = ("task", "operator", "state", "try>", "started (UTC)", "duration>", "reason")
    rows = [
        (
            task["task_id"],
            task["operator"],
            task["state"],
            task["try_number"] or "",
            instant(task["start_date"]),
            seconds(task["duration"]),
            reason_text(task),
        )
        for task in found
    ]
    return show_table(columns, rows, f"{run_id} has no tasks")


@tasks.command("show")
@_one
def show(**names: Any) -> None:
    """Show a task instance with its attempts and rendered fields."""
    settings = current()
    task = settings.ask("tasks.show", **names)
    if settings.json:
        return print_json(task)
    fields = ("task_id", "map_index", "operator", "state", "try_number", "max_tries", "start_date", "end_date")
    show_fields(
        {**task, "reason": reason_text(task), "duration": seconds(task["duration"])},
        (*fields, "duration", "reason", "failing_cell", "log_path", "notebook_path", "rendered"),
    )
    rows = [
        (
            attempt.get("attempt_number"),
            attempt.get("try_number"),
            attempt.get("outcome"),
            instant(attempt.get("started_at") or attempt.get("start_date")),
            _megabytes(attempt),
            seconds(attempt.get("cpu_time")),
            reason_text(attempt),
        )
        for attempt in task.get("attempts", ())
    ]
    columns = ("attempt>", "try>", "outcome", "started (UTC)", "memory>", "CPU>", "reason")
    return show_table(columns, rows, "no attempts yet")


def _megabytes(attempt: dict[str, Any]) -> str:
    """Return the most memory that an attempt held: of its processes together where they were sampled."""
    peak = max([attempt.get("peak_rss") or 0, *(sample[2] for sample in attempt.get("samples", ()))])
    return f"{peak / 1e6:.0f} MB" if peak else ""


@tasks.command("log")
@_one
@click.option("--attempt", type=int, help="Number of the attempt (default: the latest).")
@click.option("--follow", "-f", is_flag=True, help="Go on until the attempt is over.")
def log(attempt: int | None, follow: bool, **names: Any) -> None:
    """Print the log of a task instance."""
    settings = current()
    after = 0
    lines: list[dict[str, Any]] = []
    while True:
        part = settings.ask("tasks.log", attempt=attempt, after=after, **names)
        attempt = part["attempt_number"] if part["attempt_number"] is not None else attempt
        if settings.json:
            lines += part["lines"]
        else:
            _print_lines(part["lines"])
        after = max((line["seq"] for line in part["lines"]), default=after)
        if part["complete"] or not follow:
            break
        time.sleep(FOLLOW_PAUSE)
    if settings.json:
        print_json({**part, "lines": lines})


def _print_lines(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        for text in str(line["text"]).splitlines() or [""]:
            click.echo(clean(text, keep="\t"))


@tasks.command("callbacks")
@click.argument("dag_id", metavar="DAG")
@click.argument("run_id", metavar="RUN")
@click.argument("task_id", metavar="[TASK]", required=False)
@click.option("--log", is_flag=True, help="With the last lines of their logs.")
def callbacks(dag_id: str, run_id: str, task_id: str | None, log: bool) -> None:
    """List the callbacks of a run (of TASK alone, if named) and how they went."""
    settings = current()
    found = settings.ask("tasks.callbacks", dag_id=dag_id, run_id=run_id, task_id=task_id, log=log)["callbacks"]
    if settings.json:
        return print_json(found)
    columns = ("id>", "level", "event", "task", "state", "ended (UTC)", "reason")
    rows = [
        (
            item["id"],
            item["level"],
            item["event"],
            item["task_id"] or "",
            item["state"],
            instant(item["end_date"]),
            reason_text(item),
        )
        for item in found
    ]
    show_table(columns, rows, f"{run_id} has called nothing")
    for item in found if log else ():
        click.echo(f"--- {item['id']} {item['level']} {item['event']} {item['task_id'] or ''}".rstrip())
        _print_lines(item["log"])
    return None


@tasks.command("xcom")
@_one
@click.option("--key", help="Only this key; without --json prints its bare value.")
def xcom(key: str | None, **names: Any) -> None:
    """Print the values that a task instance pushed."""
    settings = current()
    found = settings.ask("tasks.xcom", key=key, **names)["xcoms"]
    if key is not None and not found:
        raise NotFound(f"{names['task_id']} of {names['run_id']} pushed no XCom {key!r}: list the keys without --key")
    if settings.json:
        return print_json(found)
    if key is not None:
        if found[0]["reference"] is not None:
            return say(found[0]["preview"])
        return print_json(found[0]["value"])
    return show_table(COLUMNS, [row_of(item) for item in found], f"{names['task_id']} pushed nothing")


@tasks.command("render")
@_one
@click.option("--attempt", type=int, help="Number of the attempt (default: the latest).")
def render(attempt: int | None, **names: Any) -> None:
    """Print the template fields of an attempt as they were rendered, with secrets masked."""
    settings = current()
    found = settings.ask("tasks.render", attempt=attempt, **names)
    if settings.json:
        return print_json(found)
    for name, value in found["rendered"].items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
        click.echo(clean(f"# {name}"))
        for line in text.splitlines():
            click.echo(clean(line, keep="\t"))
    if not found["rendered"]:
        say(f"{names['task_id']} has no template fields with a value")
    return None


@tasks.command("clear")
@_one
@click.option("--downstream/--only", default=True, show_default=True, help="Clear its downstream tasks too, or not.")
def clear(downstream: bool, **names: Any) -> None:
    """Run a task instance (and what depends on it) again, with the latest DAG version."""
    settings = current()
    task = settings.ask("tasks.clear", downstream=downstream, **names)
    if settings.json:
        return print_json(task)
    return say(f"{task['task_id']} of {names['run_id']} is cleared: it runs again")


@tasks.command("why")
@_one
def why(**names: Any) -> None:
    """Say why a task instance is in its state: one line for each reason, the nearest first."""
    settings = current()
    found = settings.ask("tasks.why", **names)
    if settings.json:
        return print_json(found)
    from rich.text import Text

    line = Text(clean(found["task_id"])).append(" is ")
    line.append(found["state"], style=STYLES.get(found["state"], ""))
    texts = [clean(reason["text"]) for reason in found["reasons"]]
    if texts:
        line.append(f": {texts[0]}")
    console().print(line, soft_wrap=True)
    for text in texts[1:]:
        console().print(Text(f"  and: {text}"), soft_wrap=True)
    return None
