"""Cron expressions, as far as they can be judged by looking at them: presets, field count, characters."""

from __future__ import annotations

import re

from .errors import InvalidInput

PRESETS: dict[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MAX_LENGTH = 256
_NAMES = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT"
_FIELD = re.compile(rf"(?:[0-9*,/#?-]|L|{_NAMES})+", re.IGNORECASE)


def normal_cron(expression: str) -> str:
    """Return the five fields of a cron expression or preset, separated by single spaces.

    Only the form is checked. Raises :class:`InvalidInput` with one sentence.
    """
    if len(expression) > MAX_LENGTH:
        raise InvalidInput(f"cron expression of {len(expression)} characters: more than {MAX_LENGTH}")
    text = expression.strip()
    if text.startswith("@"):
        if text not in PRESETS:
            known = ", ".join(["@once", *PRESETS])
            raise InvalidInput(f"unknown schedule preset {text!r}: use one of {known}, or a cron expression")
        return PRESETS[text]
    fields = text.split()
    if len(fields) != 5:
        raise InvalidInput(
            f"cron expression {text!r} has {len(fields)} fields, not 5 (minute hour day-of-month month day-of-week)"
        )
    for item in fields:
        if _FIELD.fullmatch(item) is None:
            raise InvalidInput(f"cron expression {text!r}: {item!r} is not a cron field, e.g. 5, */10, 1-5 or MON")
    return " ".join(fields)
