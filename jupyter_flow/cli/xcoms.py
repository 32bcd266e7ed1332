"""``jupyter flow xcoms``: what tasks handed to each other."""

from __future__ import annotations

from typing import Any

import click

from .output import instant, print_json, say, show_table
from .settings import FlowGroup, current

COLUMNS = ("task", "index>", "key", "value", "type", "items>", "bytes>", "pushed (UTC)")


def row_of(item: dict[str, Any]) -> tuple[Any, ...]:
    """Return the row of an XCom in :data:`COLUMNS`."""
    length = "" if item["length"] is None else item["length"]
    index = "" if item["map_index"] < 0 else item["map_index"]
    place = (item["task_id"], index, item["key"])
    return (*place, item["preview"], item["type"], length, item["size"], instant(item["created_at"]))


@click.group("xcoms", cls=FlowGroup)
def xcoms() -> None:
    """What tasks handed to each other."""


@xcoms.command("list")
@click.argument("dag_id", metavar="DAG")
@click.argument("run_id", metavar="RUN", required=False)
@click.option("--task", "task_id", help="Only of this task.")
@click.option("--key", help="Only under this key.")
@click.option("--limit", type=int, default=100, show_default=True, help="How many at most.")
def list_(dag_id: str, run_id: str | None, **chosen: Any) -> None:
    """List the XComs of a DAG or of one run of it, the latest first."""
    settings = current()
    found = settings.ask("xcoms.list", dag_id=dag_id, run_id=run_id, **chosen)["xcoms"]
    if settings.json:
        return print_json(found)
    rows = [(item["run_id"], *row_of(item)) for item in found]
    return show_table(("run", *COLUMNS), rows, f"no XComs of {run_id or dag_id}")


@xcoms.command("delete")
@click.argument("dag_id", metavar="DAG")
@click.argument("run_id", metavar="RUN")
@click.argument("task_id", metavar="TASK")
@click.argument("key", metavar="KEY")
@click.option("--map-index", type=int, default=-1, show_default=True, help="Index of a mapped task instance.")
def delete(key: str, **names: Any) -> None:
    """Delete one XCom."""
    settings = current()
    answer = settings.ask("xcoms.delete", key=key, **names)
    if settings.json:
        return print_json(answer)
    return say(f"XCom {key} of {names['task_id']} is deleted")
