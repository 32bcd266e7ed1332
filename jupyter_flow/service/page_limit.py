"""How much one answer may hold: every list has a limit."""

from __future__ import annotations

from typing import Any

from ..model.errors import InvalidInput


def check_limit(value: Any, most: int, name: str = "limit") -> None:
    """Refuse ``value``, given as ``name``, unless it is a whole number from 1 to ``most``. Raises InvalidInput."""
    if type(value) is not int or not 1 <= value <= most:
        raise InvalidInput(f"{name} {value!r} must be a number from 1 to {most}")
