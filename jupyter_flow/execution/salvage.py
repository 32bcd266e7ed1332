"""What is made of the spool of an attempt whose runner could not: its last log lines, and a notebook that tells no lie.

Everything in a spool was written beside user code, and is read with suspicion.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from ..wire.log_end import LOG, append_lines, size_and_digest
from .results import BadResult, read_file

NOTEBOOK_MAX_BYTES = 20_000_000
"""Larger notebooks are left as they were saved last."""
EVENTS_MAX_BYTES = 50_000_000
LOG_MAX_BYTES = 200_000_000
_STATES = {"started": "running", "finished": "completed", "failed": "failed", "died": "failed", "interrupted": "failed"}


@dataclass(frozen=True)
class Salvaged:
    """What a report says of log and executed notebook; None where there is none. ``failing_cell``: 0-based."""

    log_size: int | None = None
    log_sha256: str | None = None
    notebook: str | None = None
    notebook_size: int | None = None
    notebook_sha256: str | None = None
    failing_cell: int | None = None


def salvage(spool: Path, lines: Sequence[str], at: str) -> Salvaged:
    """Close the log of a dead attempt with ``lines`` and mark the cell at which its notebook ended, dated ``at``."""
    append_lines(spool, lines, at)
    size, digest = size_and_digest(spool / LOG, LOG_MAX_BYTES) or (None, None)
    states = _cell_states(spool)
    failing = next((index for index, state in states.items() if state != "completed"), None)
    name, data = _notebook(spool, states, at)
    if data is None:
        return Salvaged(size, digest, name, failing_cell=failing)
    return Salvaged(size, digest, name, len(data), hashlib.sha256(data).hexdigest(), failing)


def _cell_states(spool: Path) -> dict[int, str]:
    """Return how far each cell came, by the events of the cells."""
    try:
        data = read_file(spool, "cells.jsonl", EVENTS_MAX_BYTES)
    except (BadResult, FileNotFoundError):
        return {}
    states: dict[int, str] = {}
    for line in data.split(b"\n"):
        if b'"output"' in line[:120]:
            continue  # most lines, and long ones
        try:
            event = json.loads(line)
            index, state = event["cell"], _STATES.get(event["event"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if type(index) is int and state is not None:
            states[index] = "failed" if state == "running" else state  # nobody works on it any more
    return states


def _notebook(spool: Path, states: dict[int, str], at: str) -> tuple[str | None, bytes | None]:
    """Correct the saved notebook; return its name and new content (None: left as it is)."""
    try:
        names = sorted(name for name in os.listdir(spool) if name.endswith(".ipynb") and not name.startswith("."))
    except OSError:
        return None, None
    if not names:
        return None, None
    name = max(names, key=lambda item: os.lstat(spool / item).st_mtime_ns)
    try:
        data = read_file(spool, name, NOTEBOOK_MAX_BYTES)
        node = json.loads(data)
        _mark(node, states, at)
        text = json.dumps(node, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        _replace(spool, name, text)
    except FileNotFoundError:
        return None, None
    except (BadResult, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return (name, None) if (spool / name).is_file() and not (spool / name).is_symlink() else (None, None)
    return name, text


def _mark(node: Any, states: dict[int, str], at: str) -> None:
    """Write papermill's metadata: what ended is ``completed``, what was under way ``failed``, the rest ``pending``."""
    for index, cell in enumerate(node["cells"]):
        facts = cell["metadata"].setdefault("papermill", {})
        state = states.get(index, facts.get("status", "pending"))
        if state == "running":
            state = "failed"
        facts["status"] = state
        if state == "failed":
            facts["exception"] = True
            facts["end_time"] = facts.get("end_time") or at
    whole = node["metadata"].setdefault("papermill", {})
    whole["exception"] = True
    whole["end_time"] = whole.get("end_time") or at


def _replace(spool: Path, name: str, data: bytes) -> None:
    temporary = spool / f".{name}.salvaged"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(data)
    faultpoint("salvage.before_rename")
    os.replace(temporary, spool / name)
    faultpoint("salvage.after_rename")
