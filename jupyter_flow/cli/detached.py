"""What ``jupyter flow status`` and ``stop`` say of tasks that run on without a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ..model.errors import FlowError
from .output import clean, instant
from .settings import Settings

HOW = "`jupyter flow stop --tasks` ends them; a host (JupyterLab, `jupyter flow scheduler`) takes them over"


def find(settings: Settings) -> tuple[list[dict[str, Any]], str]:
    """Return the detached tasks of a home without a host, and why they cannot be told ('' if they can)."""
    from ..service.detached import list_detached

    try:
        return list_detached(settings.config()), ""
    except FlowError as error:
        return [], str(error)


def count(found: Sequence[object]) -> str:
    """Return how many tasks run on, as the beginning of a sentence."""
    return f"{len(found)} task{'s run' if len(found) != 1 else ' runs'} on without a host"


def show(found: Sequence[dict[str, Any]], trouble: str) -> None:
    """Print the detached tasks for people."""
    if trouble:
        click.echo(clean(f"what runs on without a host cannot be told: {trouble}"))
    if not found:
        return
    click.echo(f"detached  {count(found)}")
    for task in found:
        index = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
        since = f"since {instant(task['since'])} UTC" if task["since"] else "since a moment ago"
        name = f"{task['dag_id']}/{task['run_id']}/{task['task_id']}{index}"
        click.echo(clean(f"          {name}  pid {task['pid']}, {since}"))
    click.echo(f"          {HOW}")
