"""Values of the command line that need reading: JSON and dates. What is wrong with them is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..model.errors import InvalidInput
from ..model.instants import from_iso, to_iso
from ..model.plain_json import read_json


def read_conf(text: str | None, option: str = "--conf") -> dict[str, Any] | None:
    """Read ``--conf`` (or ``option``): a JSON object, or ``@FILE`` holding one. Raises :class:`InvalidInput`."""
    if text is None:
        return None
    if text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    try:
        value = read_json(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{option} is not JSON: {error}; write e.g. {option} '{{\"rows\": 100}}'") from None
    if not isinstance(value, dict):
        raise InvalidInput(f'{option} must be a JSON object like {{"rows": 100}}, not {type(value).__name__}')
    return value


def read_logical_date(text: str | None) -> str | None:
    """Read ``--logical-date``: ISO 8601 (UTC when it has no offset), or ``none`` for a dateless run."""
    if text is None or text == "none":
        return text
    return to_iso(from_iso(text))
