"""What happens to the cells of a notebook that runs: from ``cells.jsonl``, folded so that no storm reaches a reader."""

from __future__ import annotations

import json
from typing import Any

from ..model.errors import InvalidInput
from ..model.records import Actor
from ..model.state import TASK_ACTIVE
from .documents import Document
from .house import House
from .log_lines import read_records
from .outputs import find_attempt

MAX_EVENTS = 2000
MAX_BYTES = 4 << 20
MAX_LINE = 64 << 20
"""One output: images are large."""
_KEPT = {
    "started": (),
    "output": ("output",),
    "updated": ("output", "position"),
    "cleared": (),
    "progress": ("fraction", "text"),
    "finished": ("execution_count",),
    "failed": ("execution_count", "reason"),
    "died": ("signal", "exit_code"),
    "interrupted": (),
}


def task_cells(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    attempt: int | None = None,
    after: int = 0,
) -> Document:
    """What happened to the cells of an attempt (default the latest) after the event ``after``, folded.

    ``complete``: the attempt is over and these are the last ones; else ask again with ``seq``.
    """
    if type(after) is not int or after < 0:
        raise InvalidInput(f"after {after!r} must be the seq of an event of a cell")
    row, chosen, folder = find_attempt(house, actor, dag_id, run_id, task_id, map_index, attempt)
    if chosen is None:
        is_over = row.state not in TASK_ACTIVE and row.end_date is not None
        return {"attempt_number": 0, "events": [], "seq": after, "complete": is_over}
    found = read_records(folder / "cells.jsonl", after, MAX_EVENTS, _parse, longest=MAX_LINE, most_bytes=MAX_BYTES)
    return {
        "attempt_number": chosen.attempt_number,
        "events": fold(found),
        "seq": found[-1]["seq"] if found else after,
        "complete": chosen.finished_at is not None and not found,
    }


def fold(events: list[Document]) -> list[Document]:
    """Leave out what later events undo: text that was overwritten, outputs that were cleared or replaced."""
    kept: list[Document | None] = []
    outputs: dict[int, list[int]] = {}
    last: dict[tuple[Any, ...], int] = {}
    for event in events:
        cell, kind = event["cell"], event["event"]
        if kind == "cleared":
            for place in outputs.pop(cell, []):
                kept[place] = None
        elif kind == "output":
            places = outputs.setdefault(cell, [])
            at = last.get(("output", cell)) if places else None
            if at is not None and (joined := _joined(kept[at], event)) is not None:
                kept[at] = joined
                continue
            last["output", cell] = len(kept)
            places.append(len(kept))
        elif kind in ("updated", "progress"):
            mark = (kind, cell, event.get("position"))
            at = last.get(mark)
            if at is not None and kept[at] is not None:
                kept[at] = None
            last[mark] = len(kept)
            if kind == "updated":
                outputs.setdefault(cell, []).append(len(kept))
        kept.append(event)
    return [event for event in kept if event is not None]


def overwritten(text: str) -> str:
    """Return ``text`` as a terminal shows it: of a line that was written over only the last state."""
    if "\r" not in text:
        return text
    *lines, last = text.split("\n")
    open_end = "\r" if last.endswith("\r") else ""
    return "\n".join([*map(_last_state, lines), _last_state(last) + open_end])


def _last_state(line: str) -> str:
    """The line return in front stays: the line may go on one that a reader has already."""
    before, written_over, shown = line.rstrip("\r").rpartition("\r")
    return f"\r{shown}" if written_over or before else shown


def _joined(before: Document | None, event: Document) -> Document | None:
    """Return both outputs as one if they are text of the same stream, else None."""
    if before is None:
        return None
    one, other = before["output"], event["output"]
    if one.get("output_type") != "stream" or other.get("output_type") != "stream":
        return None
    if one.get("name") != other.get("name"):
        return None
    text = overwritten(str(one.get("text", "")) + str(other.get("text", "")))
    return {**before, "seq": event["seq"], "output": {**one, "text": text}}


def _parse(raw: bytes) -> Document | None:
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or type(event.get("seq")) is not int:
        return None
    cell, kind = event.get("cell"), event.get("event")
    if type(cell) is not int or cell < 0 or not isinstance(kind, str) or kind not in _KEPT:
        return None
    if "output" in _KEPT[kind] and not isinstance(event.get("output"), dict):
        return None
    if kind == "updated" and type(event.get("position")) is not int:
        return None
    kept = {name: event[name] for name in _KEPT[kind] if name in event}
    return {"seq": event["seq"], "at": str(event.get("at")), "cell": cell, "event": kind, **kept}
