"""The diagnosis of a failed run as one short block of text."""

from __future__ import annotations

from typing import Any

import click

from .output import clean


def show_diagnosis(found: dict[str, Any]) -> None:
    """Print what failed first: cell, exception, own code, hints with their evidence. Nothing if nothing failed."""
    failure = found["failure"]
    if failure is None:
        return
    index = f"[{failure['map_index']}]" if failure["map_index"] >= 0 else ""
    cell = failure["cell"]
    where = f", cell {cell['number']}" if cell else ""
    click.echo(clean(f"failed first: {failure['task_id']}{index}{where}"))
    if error := failure["exception"]:
        click.echo(clean(f"  {error['type']}: {error['message'].splitlines()[0] if error['message'] else ''}"))
    elif failure["reason"] is not None:
        click.echo(clean(f"  {failure['reason']['text']}"))
    if cell:
        for number, line in enumerate(cell["source"].splitlines(), cell["first_line"]):
            click.echo(clean(f"  {'>' if number == cell['error_line'] else ' '} {number:>3} {line}"))
    for frame in [frame for frame in failure["frames"] if frame["is_own"] and not frame["is_cell"]][:3]:
        click.echo(clean(f"  {frame['file']}:{frame['line']} {frame['function']}  {frame['code']}"))
    for hint in failure["hints"]:
        click.echo(clean(f"  {hint['text']}"))
        for line in hint["evidence"]:
            click.echo(clean(f"    {line}"))
    for other in failure["also_failed"]:
        names = ", ".join(other["task_ids"]) + (" …" if other["count"] > len(other["task_ids"]) else "")
        click.echo(clean(f"  also {other['state']}: {other['count']} ({names})"))
