"""``jupyter flow backfill``: run past dates of a DAG."""

from __future__ import annotations

from typing import Any

import click

from ..model.instants import from_iso, to_iso
from .output import instant, print_json, say, show_fields, show_table
from .settings import FlowGroup, current
from .values import read_conf

_DATES = ("logical date (UTC)", "run", "state")


@click.group("backfill", cls=FlowGroup)
def backfill() -> None:
    """Run past dates of a DAG."""


@backfill.command("create")
@click.argument("dag_id", metavar="DAG")
@click.option("--from", "--from-date", "from_date", required=True, metavar="DATE", help="First logical date.")
@click.option("--to", "--to-date", "to_date", required=True, metavar="DATE", help="Last logical date, included.")
@click.option(
    "--reprocess",
    "--reprocess-behavior",
    "reprocess_behavior",
    type=click.Choice(["none", "failed", "completed"]),
    default="none",
    show_default=True,
    help="Which dates that have a run already are run again: none, those that failed, all that ended.",
)
@click.option("--max-active-runs", type=int, default=10, show_default=True, help="Runs of this backfill at once.")
@click.option("--run-backwards", is_flag=True, help="Begin with the latest date.")
@click.option("--conf", "--dag-run-conf", "conf", metavar="JSON", help="conf of its runs: a JSON object, or @FILE.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and run nothing.")
def create(from_date: str, to_date: str, conf: str | None, dry_run: bool, **args: Any) -> None:
    """Run the dates of DAG from one date to another, each once, by the scheduler."""
    settings = current()
    args |= {"from_date": to_iso(from_iso(from_date)), "to_date": to_iso(from_iso(to_date)), "conf": read_conf(conf)}
    found = settings.ask("backfills.preview" if dry_run else "backfills.create", **args)
    if settings.json:
        return print_json(found)
    skipped = sum(1 for date in found["dates"] if date["skipped"])
    if dry_run:
        _show_dates(found)
    what = f"{len(found['dates']) - skipped} dates" + (f", {skipped} left out" if skipped else "")
    if dry_run:
        return say(f"would run {what}")
    number = found["backfill_id"]
    return say(f"backfill {number} of {found['dag_id']}: {what}; watch it with `jupyter flow backfill show {number}`")


@backfill.command("list")
@click.option("--dag", "dag_id", metavar="DAG", help="Only of this DAG.")
def list_(dag_id: str | None) -> None:
    """List the backfills, newest first."""
    settings = current()
    found = settings.ask("backfills.list", dag_id=dag_id)["backfills"]
    if settings.json:
        return print_json(found)
    rows = [
        (
            item["backfill_id"],
            item["dag_id"],
            item["state"],
            instant(item["from_date"]),
            instant(item["to_date"]),
            _progress(item),
        )
        for item in found
    ]
    columns = ("backfill>", "dag", "state", "from (UTC)", "to (UTC)", "dates")
    return show_table(columns, rows, "no backfills: `jupyter flow backfill create DAG --from DATE --to DATE`")


@backfill.command("show")
@click.argument("backfill_id", metavar="BACKFILL", type=int)
def show(backfill_id: int) -> None:
    """Show how far a backfill is, date by date."""
    settings = current()
    found = settings.ask("backfills.show", backfill_id=backfill_id)
    if settings.json:
        return print_json(found)
    fields = ("backfill_id", "dag_id", "state", "from_date", "to_date", "reprocess_behavior", "max_active_runs")
    show_fields({**found, "progress": _progress(found)}, (*fields, "run_backwards", "conf", "actor", "progress"))
    return _show_dates(found)


def _show_dates(found: dict[str, Any]) -> None:
    rows = [
        (
            instant(date["logical_date"]),
            date["run_id"],
            f"left out: {date['skipped']}" if date["skipped"] else date["state"],
        )
        for date in found["dates"]
    ]
    show_table(_DATES, rows, "no dates")


def _state(item: dict[str, Any]) -> str | None:
    return f"left out: {item['skipped']}" if item["skipped"] else item["state"]


def _progress(found: dict[str, Any]) -> str:
    counts = found["progress"]
    texts = [f"{counts['finished']} of {counts['total'] - counts['skipped']} done"]
    texts += [f"{counts[name]} {text}" for name, text in _COUNTS.items() if counts[name]]
    return ", ".join(texts)


_COUNTS = {"active": "active", "pending": "to come", "skipped": "left out"}


@backfill.command("cancel")
@click.argument("backfill_id", metavar="BACKFILL", type=int)
def cancel(backfill_id: int) -> None:
    """End a backfill: no further date runs, running ones go on."""
    _change("backfills.cancel", backfill_id, "is cancelled: no further date runs")


@backfill.command("pause")
@click.argument("backfill_id", metavar="BACKFILL", type=int)
def pause(backfill_id: int) -> None:
    """Start no further date of a backfill for now."""
    _change("backfills.pause", backfill_id, "is paused")


@backfill.command("unpause")
@click.argument("backfill_id", metavar="BACKFILL", type=int)
def unpause(backfill_id: int) -> None:
    """Go on with a backfill."""
    _change("backfills.unpause", backfill_id, "goes on")


def _change(op: str, backfill_id: int, done: str) -> None:
    settings = current()
    found = settings.ask(op, backfill_id=backfill_id)
    if settings.json:
        return print_json(found)
    return say(f"backfill {backfill_id} of {found['dag_id']} {done}")
