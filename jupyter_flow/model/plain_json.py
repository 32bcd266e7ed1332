"""JSON as the standard has it. Python's reader also takes NaN and Infinity, which no other reader understands."""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes) -> Any:
    """Return the value that ``text`` says. Raises ValueError (or RecursionError) for what is not JSON."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
