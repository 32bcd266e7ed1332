"""From values that authors write to JSON that a spec can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from .exceptions import DagError
from .xcom_arg import XComArg

MAX_DEPTH = 30


def to_jsonable(value: Any, what: str, depth: int = 0) -> Any:
    """Return ``value`` as JSON data. ``what`` begins the sentence of a refusal.

    Dates become ISO 8601 text, paths text, timedeltas seconds, tuples lists, sets sorted lists, enum members
    their value, XComArgs their reference. Raises :class:`DagError` for everything else.
    """
    if depth > MAX_DEPTH:
        raise DagError(f"{what}: nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, XComArg):
        return value.to_data()
    if isinstance(value, Enum):
        return to_jsonable(value.value, what, depth + 1)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DagError(f"{what}: {value!r} is not a JSON number: pass it as text")
        return float(value)
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise DagError(f"{what}: the key {bad[0]!r} is not text")
        return {str(key): to_jsonable(item, f"{what}[{key!r}]", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_jsonable(item, f"{what}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((to_jsonable(item, what, depth + 1) for item in value), key=lambda item: (str(type(item)), item))
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return str(value)
    item = getattr(value, "item", None)  # a numpy scalar
    if callable(item) and getattr(value, "shape", None) == ():
        return to_jsonable(item(), what, depth + 1)
    raise DagError(f"{what}: a {type(value).__name__} is not JSON: pass plain values, or a path to a file")
