"""Identifiers: allowed characters, and how ids of runs are made."""

from __future__ import annotations

import re
from datetime import datetime

from .errors import InvalidInput
from .instants import to_iso
from .state import RunType

_ID = re.compile(r"[\w.~:+@-]{1,250}", re.ASCII)


def is_valid_id(text: object) -> bool:
    """Tell whether ``text`` is an id: ``[A-Za-z0-9_.~:+@-]``, 1 to 250 characters, not only dots."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None and text.strip(".") != ""


def check_id(text: object, what: str) -> str:
    """Return ``text`` if it is a valid id, else raise :class:`InvalidInput` naming ``what``."""
    if not is_valid_id(text):
        raise InvalidInput(f"{what} {text!r} is not a valid id: use 1 to 250 letters, digits and _ . ~ : + @ -")
    return str(text)


def check_name(text: object, what: str) -> str:
    """Return ``text`` if it can be a name: 1 to 250 printable characters, no space at its ends.

    Raises :class:`InvalidInput` naming ``what``.
    """
    if not isinstance(text, str) or not 0 < len(text) <= 250 or not text.isprintable() or text.strip() != text:
        raise InvalidInput(f"{what} {str(text)[:100]!r} is not a valid name: use 1 to 250 printable characters")
    return text


def run_id_for(run_type: RunType, instant: datetime) -> str:
    """Return e.g. ``scheduled__2026-01-01T00:00:00+00:00`` (``instant`` is aware, written in UTC)."""
    return f"{run_type}__{to_iso(instant)}"
