"""``literal``: a value of a template field that is taken as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARK = "__jupyter_flow_literal__"


class LiteralValue:
    """A value that is not rendered: its braces stay, and a path of a template file stays a path."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Return the value."""
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiteralValue) and self.value == other.value

    def __hash__(self) -> int:
        return hash((LiteralValue, repr(self.value)))

    def __repr__(self) -> str:
        return f"literal({self.value!r})"


def literal(value: Any) -> LiteralValue:
    """Return ``value`` for a template field such that it is not rendered."""
    return LiteralValue(value)
