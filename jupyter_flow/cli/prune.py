"""``jupyter flow db prune``: retention by hand."""

from __future__ import annotations

from typing import Any

import click

from .output import print_json, say
from .settings import FlowCommand, current


@click.command("prune", cls=FlowCommand)
@click.option("--dry-run", is_flag=True, help="Say what would go, and leave it.")
@click.option("--days", type=click.FloatRange(0), help="Keep runs of so many days (0: all; default: keep_days).")
@click.option("--runs", type=click.IntRange(0), help="Keep so many runs of each DAG (default: keep_runs).")
@click.option("--bytes", "size", type=click.IntRange(0), help="Keep so many bytes of logs and notebooks (0: all).")
def prune(dry_run: bool, days: float | None, runs: int | None, size: int | None) -> None:
    """Delete old runs, logs and notebooks now. Failed ones are kept twice as long (keep_failed_factor)."""
    settings = current()
    found = settings.ask("house.prune", dry_run=dry_run, days=days, runs=runs, bytes=size)
    if settings.json:
        return print_json(found)
    for run in found["names"] if dry_run else ():
        say(f"{run['dag_id']}  {run['run_id']}  {run['state']}")
    return say(_sentence(found))


def _sentence(found: dict[str, Any]) -> str:
    verb = "would go" if found["dry_run"] else "deleted"
    return f"{found['runs']} runs, files of {found['attempts']} attempts, {found['bytes']:,} bytes: {verb}"
