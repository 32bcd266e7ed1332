"""``jupyter flow pools``: how many tasks of a kind may run at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..model.errors import InvalidInput
from ..model.plain_json import read_json
from .output import print_json, say, show_table
from .settings import FlowGroup, current

_COLUMNS = ("pool", "slots>", "open>", "running>", "queued>", "scheduled>", "description")


@click.group("pools", cls=FlowGroup)
def pools() -> None:
    """Pools: slots that tasks share."""


@pools.command("list")
def list_() -> None:
    """List the pools with their slots: free, held by running and queued tasks, wanted by scheduled ones."""
    settings = current()
    found = settings.ask("pools.list")["pools"]
    if settings.json:
        return print_json(found)
    rows = [
        (
            item["name"],
            "no bound" if item["slots"] < 0 else item["slots"],
            item["open_slots"],
            item["running_slots"],
            item["queued_slots"],
            item["scheduled_slots"],
            item["description"],
        )
        for item in found
    ]
    return show_table(_COLUMNS, rows, "no pools")


@pools.command("get")
@click.argument("name")
def get(name: str) -> None:
    """Print how many slots the pool NAME has."""
    settings = current()
    found = settings.ask("pools.show", name=name)
    if settings.json:
        return print_json(found)
    return click.echo(found["slots"])


@pools.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("slots", type=int)
@click.argument("description", required=False)
@click.option("--description", "text", help="What it is for.")
def set_(name: str, slots: int, description: str | None, text: str | None) -> None:
    """Create or change the pool NAME: SLOTS is how many slots it has (-1: no bound)."""
    settings = current()
    found = settings.ask("pools.set", name=name, slots=slots, description=text if text is not None else description)
    if settings.json:
        return print_json(found)
    return say(f"pool {name} has {'no bound' if slots < 0 else f'{slots} slots'}")


@pools.command("delete")
@click.argument("name")
def delete(name: str) -> None:
    """Delete the pool NAME: tasks that want its slots wait."""
    settings = current()
    answer = settings.ask("pools.delete", name=name)
    if settings.json:
        return print_json(answer)
    return say(f"pool {name} is deleted")


@pools.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Set the pools of the JSON file FILE: {"name": {"slots": 4, "description": "text"}}."""
    settings = current()
    try:
        wanted = read_json(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is not JSON: {error}") from None
    found = settings.ask("pools.import", pools_by_name=wanted)["pools"]
    if settings.json:
        return print_json(found)
    return say(f"{len(wanted)} pools are set")


@pools.command("export")
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Write all pools to the JSON file FILE, which `pools import` reads."""
    settings = current()
    found = settings.ask("pools.list")["pools"]
    data = {item["name"]: {"slots": item["slots"], "description": item["description"]} for item in found}
    file.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if settings.json:
        return print_json(found)
    return say(f"{len(data)} pools are in {file}")
