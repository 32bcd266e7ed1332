"""``jupyter flow runs``: DAG runs."""

from __future__ import annotations

import sys
from typing import Any

import click

from ..model.state import RunState
from .diagnosis_block import show_diagnosis
from .output import clean, instant, print_json, reason_text, say, seconds, show_table
from .settings import FlowGroup, current
from .watch import RunView, show_run, wait_for_end


@click.group("runs", cls=FlowGroup)
def runs() -> None:
    """DAG runs."""


def _one(command: Any) -> Any:
    """Add what names one run."""
    for name in ("run_id", "dag_id"):
        command = click.argument(name, metavar=name.removesuffix("_id").upper())(command)
    return command


@runs.command("list")
@click.argument("dag_id", metavar="[DAG]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=25, show_default=True, help="At most so many.")
def list_(dag_id: str | None, limit: int) -> None:
    """List runs, newest first (of all DAGs, or of DAG)."""
    settings = current()
    found = settings.ask("runs.list", dag_id=dag_id, limit=limit)["runs"]
    if settings.json:
        return print_json(found)
    columns = ("dag", "run", "type", "state", "started (UTC)", "duration>", "reason")
    rows = [
        (
            run["dag_id"],
            run["run_id"],
            run["run_type"],
            run["state"],
            instant(run["start_date"]),
            seconds(run["duration"]),
            reason_text(run),
        )
        for run in found
    ]
    return show_table(columns, rows, "no runs yet: `jupyter flow dags trigger DAG`")


@runs.command("show")
@_one
def show(dag_id: str, run_id: str) -> None:
    """Show a run and its tasks, and of a failed one what failed first."""
    settings = current()
    run = settings.ask("runs.show", dag_id=dag_id, run_id=run_id)
    if settings.json:
        return print_json(run)
    show_run(run)
    if run["state"] == RunState.FAILED:
        show_diagnosis(settings.ask("runs.diagnosis", dag_id=dag_id, run_id=run_id))
    return None


@runs.command("watch")
@_one
def watch(dag_id: str, run_id: str) -> int:
    """Watch a run until it is over; exit 1 unless it succeeded."""
    settings = current()
    with RunView(quiet=settings.json) as view:
        run = wait_for_end(settings, dag_id, run_id, view)
    print_json(run) if settings.json else show_run(run)
    return 0 if run["state"] == RunState.SUCCESS else 1


@runs.command("cancel")
@_one
def cancel(dag_id: str, run_id: str) -> None:
    """Ask a run to stop; its tasks and their kernels end."""
    _command("runs.cancel", "asked to stop", dag_id=dag_id, run_id=run_id)


@runs.command("clear")
@_one
@click.option("--only-failed", is_flag=True, help="Only tasks that did not succeed.")
def clear(dag_id: str, run_id: str, only_failed: bool) -> None:
    """Run the tasks of a run again, with the latest DAG version."""
    _command("runs.clear", "cleared: it runs again", dag_id=dag_id, run_id=run_id, only_failed=only_failed)


@runs.command("mark")
@_one
@click.argument("state", type=click.Choice([RunState.SUCCESS.value, RunState.FAILED.value]))
def mark(dag_id: str, run_id: str, state: str) -> None:
    """Force a run into STATE; tasks that still run are stopped."""
    _command("runs.mark", f"marked {state}", dag_id=dag_id, run_id=run_id, state=state)


def _command(op: str, done: str, **args: Any) -> None:
    settings = current()
    run = settings.ask(op, **args)
    if settings.json:
        return print_json(run)
    return say(f"{run['run_id']} of {run['dag_id']} is {done}")


@runs.command("delete")
@_one
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(dag_id: str, run_id: str, yes: bool) -> None:
    """Delete a finished run with its logs, notebooks and XComs."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete run {clean(run_id)} of {clean(dag_id)}?", abort=True, err=True)
    settings = current()
    answer = settings.ask("runs.delete", dag_id=dag_id, run_id=run_id)
    if settings.json:
        return print_json(answer)
    return say(f"{dag_id}/{run_id} is deleted")
