"""Attempts with whose kernel a later one went on: what they have started still carries their tags."""

from __future__ import annotations

from pathlib import Path

from ..wire import kept
from .leftovers import end_leftovers


def taken_from(home: Path, attempt_id: str, own_id: str) -> list[str]:
    """Return the attempts whose kernel attempt ``own_id`` holds, having taken over the one of ``attempt_id``."""
    found = kept.read(home, attempt_id)
    return [attempt_id, *found.earlier] if found is not None and found.heir == own_id else []


def end_earlier(home: Path, names: list[str]) -> None:
    """End what is left of earlier attempts with whose kernel a later one went on."""
    for name in names:
        end_leftovers(name, 0.0, thorough=True)
        kept.forget(home, name)
