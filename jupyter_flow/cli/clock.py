"""How times of schedules are printed: on the wall clock of their zone, with what daylight saving does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.instants import from_iso
from ..model.wall import daylight_note, wall_text
from .output import clean, instant, show_table


def on_wall(text: str | None, zone: str) -> str:
    """Return an ISO instant as a clock in ``zone`` shows it, with the offset unless the zone is UTC."""
    if not text:
        return ""
    return instant(text) if zone == "UTC" else wall_text(from_iso(text), zone)


def next_words(dag: Mapping[str, Any]) -> str:
    """Return when the next run of a DAG starts and what it covers, in a sentence; empty if there is none."""
    run, zone = dag["next_run"], dag["schedule_timezone"]
    if not run:
        return ""
    words = f"{on_wall(run['run_after'], zone)} {zone}"
    if note := daylight_note(from_iso(run["run_after"]), zone):
        words += f" ({note})"
    if run["data_interval_start"] != run["data_interval_end"]:
        start, end = (on_wall(run[name], zone) for name in ("data_interval_start", "data_interval_end"))
        words += f", covering [{start}, {end})"
    return words


def show_next_runs(runs: Sequence[Mapping[str, Any]], dag: Mapping[str, Any]) -> None:
    """Print runs to come."""
    zone = dag["schedule_timezone"]
    names = ("run_after", "logical_date", "data_interval_start", "data_interval_end")
    rows: list[tuple[str, ...]] = []
    for run in runs:
        start, logical, begin, end = (on_wall(run[name], zone) for name in names)
        covers = "" if begin == end else f"[{begin}, {end})"
        rows.append((start, logical, covers, daylight_note(from_iso(run["run_after"]), zone)))
    if not any(row[3] for row in rows):
        rows = [row[:3] for row in rows]
    columns = (f"starts ({clean(zone)})", "logical date", "covers", "daylight saving")
    schedule = dag["schedule"]
    empty = (
        f"{clean(dag['dag_id'])} has no schedule" if schedule is None else f"{clean(schedule)}: no run at a known time"
    )
    show_table(columns[: len(rows[0])] if rows else columns, rows, empty)


def show_missed(missed: Sequence[Mapping[str, Any]], dag: Mapping[str, Any]) -> None:
    """Print dates that got no run."""
    zone = dag["schedule_timezone"]
    rows = [
        (
            on_wall(item["first_logical_date"], zone),
            on_wall(item["last_logical_date"], zone),
            "many" if item["count"] is None else item["count"],
            item["reason"]["text"],
        )
        for item in missed
    ]
    columns = (f"first date ({clean(zone)})", "last date", "dates>", "why")
    show_table(columns, rows, f"{clean(dag['dag_id'])} missed no date")
