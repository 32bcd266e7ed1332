"""``jupyter flow variables``: small values that DAGs read by name."""

from __future__ import annotations

import click

from .output import print_json, say, show_table
from .settings import FlowGroup, current


@click.group("variables", cls=FlowGroup)
def variables() -> None:
    """Small values that DAGs read by name."""


@variables.command("list")
def list_() -> None:
    """List the variables."""
    settings = current()
    found = settings.ask("variables.list")["variables"]
    if settings.json:
        return print_json(found)
    rows = [(item["key"], item["value"], item["description"]) for item in found]
    return show_table(("key", "value", "description"), rows, "no variables: `jupyter flow variables set KEY VALUE`")


@variables.command("get")
@click.argument("key")
def get(key: str) -> None:
    """Print the value of KEY."""
    settings = current()
    found = settings.ask("variables.get", key=key)
    if settings.json:
        return print_json(found)
    return click.echo(found["value"])


@variables.command("set")
@click.argument("key")
@click.argument("value")
@click.option("--description", help="What it is for.")
def set_(key: str, value: str, description: str | None) -> None:
    """Set KEY to VALUE (text; JSON is kept as text and read by whoever asks for it)."""
    settings = current()
    settings.ask("variables.set", key=key, value=value, description=description)
    if settings.json:
        return print_json(settings.ask("variables.get", key=key))
    return say(f"variable {key} is set")


@variables.command("delete")
@click.argument("key")
def delete(key: str) -> None:
    """Delete the variable KEY."""
    settings = current()
    answer = settings.ask("variables.delete", key=key)
    if settings.json:
        return print_json(answer)
    return say(f"variable {key} is deleted")
