"""Column types: instants that are always aware, and JSON as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

from .database import NEVER_REUSE_IDS

__all__ = ["NEVER", "NEVER_REUSE_IDS", "JsonText", "UtcDateTime", "or_none"]

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""``check_at`` of a row that nobody has to look at again."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in (any zone), aware UTC out, whatever the database does with zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values; write UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: attach a zone first")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Attach UTC where the database forgot it."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """Any JSON value as canonical text; None is SQL NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write compact JSON with sorted keys; NaN is refused."""
        if value is None:
            return None
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read the JSON back."""
        return None if value is None else json.loads(value)


def or_none(instant: datetime) -> datetime | None:
    """Return ``instant``, or None if it is :data:`NEVER`."""
    return None if instant == NEVER else instant
