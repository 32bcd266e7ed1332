"""Column types under which every database keeps the same and refuses the same.

SQLite takes text of any length with any character and whole numbers of any size up to 64 bits; a server that declares
them narrower refuses the statement, and with it the transaction of everybody else's work. So what is too long, too
large or no text is settled here, before the database sees it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator

from ..model.errors import InvalidInput
from .database import KEY, NEVER_REUSE_IDS

__all__ = [
    "AT_ONCE",
    "KEY",
    "NEVER",
    "NEVER_REUSE_IDS",
    "Count",
    "Id",
    "JsonText",
    "Large",
    "UtcDateTime",
    "Word",
    "Words",
    "or_none",
    "plain_text",
]

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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Return what attaches UTC where the database forgot it; one call a value, as many columns are instants."""
        read = self.impl_instance.result_processor(dialect, coltype)

        def process(value: Any) -> datetime | None:
            if value is None:
                return None
            found: Any = value if read is None else read(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)  # type: ignore[no-any-return]

        return process


class TooLong(InvalidInput, DontWrapMixin):
    """A name that does not fit its column. It is not cut: two names could become one."""


class Id(TypeDecorator[str]):
    """A name of at most ``length`` characters by which something is found; :class:`InvalidInput` if it has more."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.longest = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse what is too long."""
        if value is None:
            return None
        if len(value) > self.longest:
            raise TooLong(f"the name {value[:40]!r}… has {len(value)} characters, more than {self.longest}: shorten it")
        return plain_text(value)


class Word(TypeDecorator[str]):
    """Text of at most ``length`` characters that names nothing: what is longer is cut."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.longest = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Cut what is too long."""
        return None if value is None else plain_text(value)[: self.longest]


class Words(TypeDecorator[str]):
    """Text of any length."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write what every database takes."""
        return None if value is None else plain_text(value)


class _Bounded(TypeDecorator[int]):
    impl = Integer
    cache_ok = True
    largest = 2**31 - 1

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Write the nearest number that fits."""
        return value if value is None else max(-self.largest, min(int(value), self.largest))


class Count(_Bounded):
    """A whole number; what does not fit into 32 bits becomes the nearest one that does."""

    cache_ok = True


class Large(_Bounded):
    """A size or a clock's ticks; what does not fit into 64 bits becomes the nearest that does."""

    impl = BigInteger
    cache_ok = True
    largest = 2**63 - 1


class JsonText(TypeDecorator[Any]):
    """Any JSON value as canonical text; None is SQL NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write compact JSON with sorted keys; NaN is refused."""
        if value is None:
            return None
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return plain_text(text)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read the JSON back."""
        return None if value is None else json.loads(value)


AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""``check_at`` of a row that somebody else than its holder has changed."""


def or_none(instant: datetime) -> datetime | None:
    """Return ``instant``, or None if it is :data:`NEVER`."""
    return None if instant == NEVER else instant


def plain_text(text: str) -> str:
    """Return ``text`` with � for what is no character: NUL and halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
