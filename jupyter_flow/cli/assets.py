"""``jupyter flow assets``: data that tasks make and DAGs wait for."""

from __future__ import annotations

import json
from typing import Any

import click

from .output import instant, print_json, say, show_fields, show_table
from .settings import FlowGroup, current
from .values import read_conf


@click.group("assets", cls=FlowGroup)
def assets() -> None:
    """Assets: data that tasks make and DAGs wait for."""


@assets.command("list")
def list_() -> None:
    """List the assets that DAGs name."""
    settings = current()
    found = settings.ask("assets.list")["assets"]
    if settings.json:
        return print_json(found)
    rows = [
        (
            item["name"],
            item["uri"] if item["uri"] != item["name"] else "",
            _tasks(item["producing_tasks"]),
            ", ".join(place["dag_id"] for place in item["scheduled_dags"]),
            item["event_count"],
            instant(item["last_event_at"]),
        )
        for item in found
    ]
    columns = ("asset", "uri", "made by", "starts", "events>", "last event (UTC)")
    return show_table(columns, rows, "no DAG names an asset")


@assets.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show an asset (named by its name or uri), what makes and uses it, and its latest events."""
    settings = current()
    found = settings.ask("assets.show", name=name)
    if settings.json:
        return print_json(found)
    shown = {
        **found,
        "made_by": _tasks(found["producing_tasks"]),
        "read_by": _tasks(found["consuming_tasks"]),
        "starts": ", ".join(place["dag_id"] for place in found["scheduled_dags"]),
    }
    show_fields(shown, ("name", "uri", "group", "extra", "made_by", "read_by", "starts", "event_count"))
    return _show_events(found["events"])


@assets.command("events")
@click.argument("name", required=False)
@click.option("--alias", metavar="NAME", help="Only events that came through this alias.")
@click.option("--limit", type=int, default=50, show_default=True, help="How many.")
def events(name: str | None, alias: str | None, limit: int) -> None:
    """List the events of the asset NAME, or of all, newest first."""
    settings = current()
    found = settings.ask("assets.events", name=name, alias=alias, limit=limit)["events"]
    return print_json(found) if settings.json else _show_events(found)


@assets.command("emit")
@click.argument("name")
@click.option("--extra", metavar="JSON", help="What to say of it: a JSON object, or @FILE.")
def emit(name: str, extra: str | None) -> None:
    """Say that something outside has changed the asset NAME: DAGs that wait for it run."""
    settings = current()
    event = settings.ask("assets.emit", name=name, extra=read_conf(extra, "--extra"))
    if settings.json:
        return print_json(event)
    return say(f"event {event['id']} of asset {event['asset']['name']} is recorded")


@assets.command("materialize")
@click.argument("name")
@click.option("--conf", metavar="JSON", help="conf of the run: a JSON object, or @FILE.")
@click.option("--unpause", is_flag=True, help="Unpause the DAG too.")
def materialize(name: str, conf: str | None, unpause: bool) -> None:
    """Run the DAG that makes the asset NAME."""
    settings = current()
    run = settings.ask("assets.materialize", name=name, conf=read_conf(conf), unpause=unpause)
    if settings.json:
        return print_json(run)
    return say(f"run {run['run_id']} of {run['dag_id']} is {run['state']}")


@assets.command("waiting")
@click.argument("dag_id", metavar="DAG")
def waiting(dag_id: str) -> None:
    """Show which assets in the schedule of DAG have had events since its last run."""
    settings = current()
    found = settings.ask("assets.waiting", dag_id=dag_id)
    if settings.json:
        return print_json(found)
    rows = [
        (f"alias {item['alias']}" if "alias" in item else item["name"], item["events"] or "none yet")
        for item in found["assets"]
    ]
    return show_table(("asset", "events since the last run>"), rows, f"the schedule of {dag_id} has no assets")


def _show_events(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            item["id"],
            instant(item["at"]),
            item["asset"]["name"],
            _source(item),
            json.dumps(item["extra"], ensure_ascii=False) if item["extra"] else "",
            ", ".join(f"{run['dag_id']} {run['run_id']}" for run in item["created_runs"]),
        )
        for item in found
    ]
    show_table(("event>", "at (UTC)", "asset", "from", "extra", "started"), rows, "no events")


def _source(item: dict[str, Any]) -> str:
    if item["source_dag_id"] is None:
        return str(item["actor"] or "")
    index = f"[{item['source_map_index']}]" if (item["source_map_index"] or -1) >= 0 else ""
    alias = f" through {item['alias']}" if item["alias"] else ""
    return f"{item['source_dag_id']}.{item['source_task_id']}{index}{alias}"


def _tasks(places: list[dict[str, str]]) -> str:
    return ", ".join(f"{place['dag_id']}.{place['task_id']}" for place in places)
