"""How answers are printed: JSON, or text for people; never with control codes that came from elsewhere."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..model.instants import from_iso
from .settings import current

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

STYLES: dict[str, str] = {
    "success": "green",
    "running": "cyan",
    "queued": "blue",
    "scheduled": "blue",
    "waiting": "dim",
    "failed": "bold red",
    "upstream_failed": "red",
    "cancelled": "magenta",
    "skipped": "dim cyan",
    "up_for_retry": "yellow",
    "up_for_reschedule": "yellow",
    "removed": "dim",
}
"""Terminal style of every task and run state."""


def clean(text: object, keep: str = "") -> str:
    """Return ``text`` with control and bidirectional characters (other than those in ``keep``) made visible."""
    return "".join(
        char if char in keep or (char.isprintable() and not _steers(char)) else char.encode("unicode_escape").decode()
        for char in str(text)
    )


def _steers(char: str) -> bool:
    return "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"


def one_line(text: object) -> str:
    """Return ``text`` as one line."""
    return clean(" ".join(str(text).split()))


def print_json(document: Any) -> None:
    """Print ``document`` as JSON on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def say(text: object) -> None:
    """Print a line for people (not with ``--json``)."""
    if not current().json:
        click.echo(clean(text))


def console() -> Console:
    """Return a console on stdout: as wide as the terminal, or when it is none, as ``$COLUMNS`` says, else 200."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)


def cell(value: object, style: str | None = None) -> Text:
    """Return a table cell: None empty, states coloured, no markup and no control codes."""
    from rich.text import Text

    text = "" if value is None else clean(value)
    return Text(text, style=style if style is not None else STYLES.get(text, ""))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> Table:
    """Return a table; ``columns`` whose name ends with ``>`` are right-aligned."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for name in columns:
        result.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", overflow="fold")
    for row in rows:
        result.add_row(*(value if isinstance(value, Text) else cell(value) for value in row))
    return result


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str, title: str | None = None) -> None:
    """Print a table, or the sentence ``empty`` if there are no rows."""
    if rows:
        console().print(table(columns, rows, title))
    else:
        click.echo(empty)


def show_fields(document: Mapping[str, Any], names: Iterable[str]) -> None:
    """Print ``name  value`` lines of a document, without those that are empty."""
    shown = [(name, document.get(name)) for name in names]
    wanted = [(name, value) for name, value in shown if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in wanted), default=0)
    for name, value in wanted:
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
        click.echo(f"{name.replace('_', ' '):<{width}}  {clean(text)}")


def seconds(value: float | None) -> str:
    """Return a duration for people: ``0.08 s``, ``12.3 s``, ``4 min 02 s``, ``3 h 10 min``."""
    if value is None:
        return ""
    if value < 10:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def instant(text: str | None) -> str:
    """Return an ISO instant for people, in UTC and to the second: ``2026-01-31 02:00:00``."""
    return from_iso(text).strftime("%Y-%m-%d %H:%M:%S") if text else ""


def reason_text(document: Mapping[str, Any]) -> str:
    """Return the text of a document's reason, empty if it has none."""
    reason = document.get("reason")
    return str(reason["text"]) if reason else ""
