"""``jupyter flow slas | deadlines``: what was late, and people's notes on it."""

from __future__ import annotations

from typing import Any

import click

from .output import instant, print_json, say, show_table
from .settings import FlowGroup, current


@click.group("slas", cls=FlowGroup)
def slas() -> None:
    """Missed SLAs of tasks."""


@slas.command("list")
@click.argument("dag_id", metavar="[DAG]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@click.option("--before", help="`next` of an earlier answer: the page after it.")
def list_slas(dag_id: str | None, limit: int, before: str | None) -> None:
    """List missed SLAs (of DAG alone, if named), the newest first."""
    settings = current()
    answer = settings.ask("slas.list", dag_id=dag_id, limit=limit, before=before)
    if settings.json:
        return print_json(answer)
    columns = ("DAG", "run", "task", "due (UTC)", "noticed (UTC)", "note")
    rows = [
        (
            item["dag_id"],
            item["run_id"],
            item["task_id"],
            instant(item["due_at"]),
            instant(item["noticed_at"]),
            item["note"] or "",
        )
        for item in answer["slas"]
    ]
    return show_table(columns, rows, "no SLA was missed")


@slas.command("note")
@click.argument("dag_id", metavar="DAG")
@click.argument("run_id", metavar="RUN")
@click.argument("task_id", metavar="TASK")
@click.argument("text", metavar="TEXT")
def note_sla(text: str, **names: Any) -> None:
    """Write TEXT as the note on a missed SLA (an empty one takes it away)."""
    settings = current()
    miss = settings.ask("slas.note", note=text or None, **names)
    print_json(miss) if settings.json else say(f"noted on {miss['task_id']} of {miss['run_id']}")


@click.group("deadlines", cls=FlowGroup)
def deadlines() -> None:
    """Deadlines of DAG runs."""


@deadlines.command("list")
@click.argument("dag_id", metavar="[DAG]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@click.option("--before", help="`next` of an earlier answer: the page after it.")
def list_deadlines(dag_id: str | None, limit: int, before: str | None) -> None:
    """List deadlines (of DAG alone, if named): pending, met or missed, the newest first."""
    settings = current()
    answer = settings.ask("deadlines.list", dag_id=dag_id, limit=limit, before=before)
    if settings.json:
        return print_json(answer)
    columns = ("DAG", "run", "number>", "name", "state", "due (UTC)", "note")
    rows = [
        (
            item["dag_id"],
            item["run_id"],
            item["position"],
            item["name"] or "",
            item["state"],
            instant(item["due_at"]),
            item["note"] or "",
        )
        for item in answer["deadlines"]
    ]
    return show_table(columns, rows, "no run has a deadline")


@deadlines.command("note")
@click.argument("dag_id", metavar="DAG")
@click.argument("run_id", metavar="RUN")
@click.argument("text", metavar="TEXT")
@click.option("--number", "position", type=click.IntRange(0), default=0, show_default=True, help="Which deadline.")
def note_deadline(text: str, **names: Any) -> None:
    """Write TEXT as the note on a deadline of a run (an empty one takes it away)."""
    settings = current()
    deadline = settings.ask("deadlines.note", note=text or None, **names)
    print_json(deadline) if settings.json else say(f"noted on {deadline['run_id']}")
