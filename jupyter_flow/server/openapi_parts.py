"""What descriptions of operations are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
INTEGER: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
EMPTY: Schema = {"type": "object", "additionalProperties": False}


@dataclass(frozen=True)
class Operation:
    """One method of one path. ``query``: name → (schema, description); ``body``: properties of the JSON object."""

    summary: str
    answer: Schema
    query: dict[str, tuple[Schema, str]]
    body: dict[str, Schema] | None = None
    required: tuple[str, ...] = ()


def operation(
    summary: str,
    answer: Schema,
    *,
    body: dict[str, Schema] | None = None,
    required: tuple[str, ...] = (),
    **query: tuple[Schema, str],
) -> Operation:
    """Return the description of one method."""
    return Operation(summary, answer, query, body, required)


def record(optional: dict[str, Schema] | None = None, **properties: Schema) -> Schema:
    """Return the schema of an object that has all these properties, and may have the ``optional`` ones."""
    return {"type": "object", "properties": {**properties, **(optional or {})}, "required": list(properties)}


def ref(name: str) -> Schema:
    """Return a reference to the schema ``name``."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(name: str) -> Schema:
    """Return the schema of a list of ``name``."""
    return {"type": "array", "items": ref(name)}


def extended(name: str, **more: Schema) -> Schema:
    """Return the schema ``name`` with further properties."""
    return {"allOf": [ref(name), {"type": "object", "properties": more, "required": list(more)}]}
