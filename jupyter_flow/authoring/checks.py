"""Checks of arguments that authors give: a wrong one is refused in one sentence that names it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any

from .exceptions import DagError


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``": did you mean 'x'?"`` for the nearest of ``known``, or ``""``."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f": did you mean {close[0]!r}?" if close else ""


def seconds(where: str, name: str, value: Any) -> float:
    """Return a duration given as timedelta or number of seconds."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e10:
        raise DagError(f"{where}: {name} must be a timedelta or seconds, not {value!r}")
    return float(value)


def seconds_or_none(where: str, name: str, value: Any) -> float | None:
    """Return a duration, None for None."""
    return None if value is None else seconds(where, name, value)


def positive_seconds(where: str, name: str, value: Any) -> float | None:
    """Return a duration over zero, None for None."""
    if value is None:
        return None
    if (found := seconds(where, name, value)) <= 0:
        raise DagError(f"{where}: {name} must be longer than zero")
    return found


def whole(where: str, name: str, value: Any, least: int | None = None) -> int:
    """Return a whole number, not less than ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least}"
        raise DagError(f"{where}: {name} must be a whole number{bound}, not {value!r}")
    return int(value)


def text_or_none(where: str, name: str, value: Any) -> str | None:
    """Return text (a path too) or None."""
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "__fspath__"):
        return str(value)
    raise DagError(f"{where}: {name} must be text, not {value!r}")


def flag(where: str, name: str, value: Any) -> bool:
    """Return True or False; None counts as False."""
    if value is None or isinstance(value, bool):
        return bool(value)
    raise DagError(f"{where}: {name} must be True or False, not {value!r}")


def choice(where: str, name: str, value: Any, known: Collection[str]) -> str:
    """Return one of the texts ``known``."""
    if isinstance(value, str) and value in known:
        return str(value)
    hint = suggestion(str(value), known) or f": use one of {', '.join(known)}"
    raise DagError(f"{where}: unknown {name} {str(value)!r}{hint}")


def function_or_none(where: str, name: str, value: Any) -> Any:
    """Return something that can be called, or None."""
    if value is None or callable(value):
        return value
    raise DagError(f"{where}: {name} must be a function, not {value!r}")


def mapping(where: str, name: str, value: Any) -> dict[str, Any]:
    """Return a dict with text keys; None gives an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise DagError(f"{where}: {name} must be a dict with names as keys, not {value!r}")
    return dict(value)


def environment(where: str, value: Any) -> dict[str, Any] | None:
    """Return environment variables: names to text (numbers are written as text; templates are text)."""
    if value is None:
        return None
    result = mapping(where, "env", value)
    for name, item in result.items():
        if not name or "=" in name or "\0" in name:
            raise DagError(f"{where}: env: {name!r} is no name of an environment variable")
        if isinstance(item, (int, float)) and not isinstance(item, bool):
            result[name] = str(item)
        elif not (isinstance(item, str) or hasattr(item, "resolve")):
            raise DagError(f"{where}: env[{name!r}] must be text, not {item!r}")
    return result
