"""How XComs say that a JSON value stands for something richer. The house reads type and length, never the value.

A typed value is an object with the key :data:`MARK`, whose value names the type: ``{"__jupyter_flow__": "datetime",
"value": "2026-01-05T12:00:00+01:00", "zone": "Europe/Berlin"}``. The child side writes and reads them
(``authoring.serialization``); a kernel of another language may send them too.
"""

from __future__ import annotations

from typing import Any

MARK = "__jupyter_flow__"
REFERENCE = "__jupyter_flow_xcom__"
"""The one key of the JSON that, in the arguments of a task, stands for a value of the run (an output, a param …)."""
_WITH_ITEMS = frozenset({"tuple", "set", "frozenset", "dict"})


def typed(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    """Return the JSON of a typed value."""
    return {MARK: kind, "value": value, **more}


def mappable_length(data: Any) -> int | None:
    """Return how many elements a task that is mapped over the XCom ``data`` has; None if nothing maps over it.

    Lists, objects (their items), and typed collections have a length; text and numbers have none. A value that is
    kept in a file (array, frame) says its own.
    """
    if isinstance(data, list):
        return len(data)
    if not isinstance(data, dict):
        return None
    if MARK not in data:
        return len(data)
    if data[MARK] in _WITH_ITEMS and isinstance(data.get("value"), list):
        return len(data["value"])
    length = data.get("length")
    return length if type(length) is int and length >= 0 else None


def type_name(data: Any) -> str:
    """Return the name of the type of the XCom ``data``, for people."""
    if data is None:
        return "null"
    if isinstance(data, dict) and isinstance(data.get(MARK), str):
        reference = data.get("class")
        return reference.rpartition(":")[2] if isinstance(reference, str) else str(data[MARK])
    return type(data).__name__
