"""``jupyter flow dags``: the DAGs of the house. Four of these commands parse the DAG folders when no host runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from ..model.errors import InvalidInput, NoHost
from ..model.state import RunState
from .clock import next_words, on_wall, show_missed, show_next_runs
from .output import clean, print_json, reason_text, say, show_fields, show_table
from .settings import FlowGroup, Settings, current
from .values import read_conf, read_logical_date
from .watch import RunView, show_run, wait_for_end


@click.group("dags", cls=FlowGroup)
def dags() -> None:
    """DAGs, and the files they come from."""


def _ask_or_parse(settings: Settings, op: str, **args: Any) -> Any:
    """Ask the living host; without one parse the DAG folders, or read the database when there are none."""
    try:
        client = settings.client()
    except NoHost:
        if not settings.dag_folders():
            return settings.ask(op, **args)
        return _parse(settings, op, **args)
    with client:
        return client.call(op, **args)


def _parse(settings: Settings, op: str, **args: Any) -> Any:
    from ..service import offline

    for folder in settings.dag_folders():
        if not folder.is_dir():
            raise InvalidInput(f"DAG folder {folder} is not a folder: name one with --dags DIR or $JUPYTER_FLOW_DAGS")
    functions: dict[str, Callable[..., Any]] = {
        "dags.list": offline.list_dags,
        "dags.show": offline.show_dag,
        "dags.next": offline.next_runs,
        "dags.errors": offline.list_errors,
    }
    return functions[op](settings.config(), **args)


@dags.command("list")
def list_() -> None:
    """List the DAGs."""
    settings = current()
    found = _ask_or_parse(settings, "dags.list")["dags"]
    if settings.json:
        return print_json(found)
    rows = [
        (
            dag["dag_id"],
            "paused" if dag["is_paused"] else "",
            dag["schedule"] or "manual",
            on_wall((dag["next_run"] or {}).get("run_after"), dag["schedule_timezone"]),
            " ".join(run["state"] for run in dag["recent_runs"][-3:]),
            dag["dag_file"],
        )
        for dag in found
    ]
    columns = ("dag", "", "schedule", "next run", "last runs", "file")
    return show_table(columns, rows, "no DAGs: `jupyter flow dags errors` lists files that do not load")


@dags.command("show")
@click.argument("dag_id", metavar="DAG")
def show(dag_id: str) -> None:
    """Show a DAG and its tasks."""
    settings = current()
    dag = _ask_or_parse(settings, "dags.show", dag_id=dag_id)
    if settings.json:
        return print_json(dag)
    fields = ("dag_id", "description", "owner", "tags", "state", "schedule", "timezone", "dag_file", "version")
    params = ", ".join(f"{name}={param['default']!r}" for name, param in dag["params"].items())
    show_fields(
        {
            **dag,
            "state": "paused" if dag["is_paused"] else "active",
            "schedule": dag["schedule"] or "manual",
            "next_run": next_words(dag),
            "params": params,
            "warnings": "; ".join(dag["warnings"]),
        },
        (*fields, "next_run", "params", "warnings"),
    )
    labels = {(item["upstream"], item["downstream"]): item["label"] for item in dag["labels"]}
    rows = [
        (
            task["task_id"],
            task["operator"],
            "setup" if task["is_setup"] else "teardown" if task["is_teardown"] else task["trigger_rule"],
            task["priority_weight"],
            task["pool"],
            ", ".join(_arrow(name, labels.get((task["task_id"], name))) for name in task["downstream"]),
            task.get("notebook"),
        )
        for task in dag["tasks"]
    ]
    heads = ("task", "operator", "trigger rule", "weight>", "pool", "downstream", "notebook")
    return show_table(heads, rows, "no tasks")


def _arrow(task_id: str, label: str | None) -> str:
    return task_id if label is None else f"{task_id} ({label})"


@dags.command("errors")
def errors() -> None:
    """List DAG files that do not load, and warnings about those that do."""
    settings = current()
    found = _ask_or_parse(settings, "dags.errors")
    if settings.json:
        return print_json(found)
    rows = [(item["file"], item["line"], item["kind"], item["message"]) for item in found]
    return show_table(("file", "line>", "", "message"), rows, "every DAG file loads")


@dags.command("next")
@click.argument("dag_id", metavar="DAG")
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many.")
@click.option("--after", metavar="DATE", help="Those after this instant (ISO 8601) instead of after now.")
def next_(dag_id: str, count: int, after: str | None) -> None:
    """List the next scheduled runs of a DAG: when they start and which data interval they cover."""
    settings = current()
    found = _ask_or_parse(settings, "dags.next", dag_id=dag_id, count=count, after=read_logical_date(after))
    if settings.json:
        return print_json(found)
    return show_next_runs(found, _ask_or_parse(settings, "dags.show", dag_id=dag_id))


@dags.command("missed")
@click.argument("dag_id", metavar="DAG")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
def missed(dag_id: str, limit: int) -> None:
    """List scheduled dates of a DAG that got no run, and why."""
    settings = current()
    found = settings.ask("dags.missed", dag_id=dag_id, limit=limit)
    if settings.json:
        return print_json(found["missed"])
    return show_missed(found["missed"], settings.ask("dags.show", dag_id=dag_id))


@dags.command("reload")
def reload() -> None:
    """Parse the DAG files now; returns when all are read."""
    settings = current()
    with settings.client(timeout=600) as client:
        answer = client.call("dags.reload", wait=True)
        found = client.call("dags.errors")
    if settings.json:
        return print_json(answer)
    broken = len({item["file"] for item in found if item["kind"] == "error"})
    return say("DAG files are read" + (f"; {broken} do not load: `jupyter flow dags errors`" if broken else ""))


@dags.command("pause")
@click.argument("dag_id", metavar="DAG")
def pause(dag_id: str) -> None:
    """Start no new runs of a DAG; those that run go on."""
    _command("dags.pause", dag_id, "is paused")


@dags.command("unpause")
@click.argument("dag_id", metavar="DAG")
def unpause(dag_id: str) -> None:
    """Let a DAG run on its schedule."""
    _command("dags.unpause", dag_id, "is unpaused")


def _command(op: str, dag_id: str, done: str) -> None:
    settings = current()
    dag = settings.ask(op, dag_id=dag_id)
    if settings.json:
        return print_json(dag)
    return say(f"{dag_id} {done}")


@dags.command("delete")
@click.argument("dag_id", metavar="DAG")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(dag_id: str, yes: bool) -> None:
    """Forget a DAG and all its runs. Its file stays: while it is there, the DAG comes back without its past."""
    settings = current()
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete {clean(dag_id)} and all its runs?", abort=True, err=True)
    answer = settings.ask("dags.delete", dag_id=dag_id)
    if settings.json:
        return print_json(answer)
    return say(f"{dag_id} is deleted")


@dags.command("trigger")
@click.argument("dag_id", metavar="DAG")
@click.option("--conf", metavar="JSON", help="Params of the run, a JSON object, or @FILE holding one.")
@click.option("--logical-date", metavar="DATE", help="ISO 8601, or `none` for a run without a date (default: now).")
@click.option("--run-id", metavar="ID", help="Name of the run (default: made from its date).")
@click.option("--unpause", is_flag=True, help="Unpause the DAG too.")
@click.option("--wait", is_flag=True, help="Wait for the end of the run; exit 1 unless it succeeded.")
def trigger(
    dag_id: str, conf: str | None, logical_date: str | None, run_id: str | None, unpause: bool, wait: bool
) -> int:
    """Start a run of a DAG now."""
    settings = current()
    args = {
        "dag_id": dag_id,
        "conf": read_conf(conf),
        "logical_date": read_logical_date(logical_date),
        "run_id": run_id,
        "unpause": unpause,
    }
    run = settings.ask("dags.trigger", **args)
    _tell_if_paused(run, wait)
    if not wait:
        print_json(run) if settings.json else say(f"{run['run_id']} of {dag_id} is {run['state']}")
        return 0
    with RunView(quiet=settings.json) as view:
        run = wait_for_end(settings, dag_id, run["run_id"], view)
    print_json(run) if settings.json else show_run(run)
    return 0 if run["state"] == RunState.SUCCESS else 1


def _tell_if_paused(run: dict[str, Any], wait: bool) -> None:
    reason = run.get("reason")
    if reason and reason["code"] == "dag_paused":
        waits = "waiting for" if wait else "it starts at"
        hint = f"{reason_text(run)}: {waits} `jupyter flow dags unpause {run['dag_id']}` (or trigger with --unpause)"
        click.echo(clean(hint), err=True)
