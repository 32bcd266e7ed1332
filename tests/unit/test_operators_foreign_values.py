"""Values cross to another interpreter and back as they are: both sides write and read the same typed values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from jupyter_flow.authoring.serialization import deserialize, serialize
from jupyter_flow.operators import foreign_call

VALUES: list[Any] = [
    None,
    True,
    7,
    1.5,
    float("inf"),
    "text",
    [1, [2, {"a": None}]],
    {"a": {"b": [1]}},
    {1: "one", ("x", 2): "pair"},
    {"__jupyter_flow__": "a name of the author's"},
    (1, (2, 3)),
    {1, 2, 3},
    frozenset({"a"}),
    date(2026, 1, 5),
    time(12, 30),
    timedelta(days=-1, seconds=3, microseconds=4),
    datetime(2026, 1, 5, 12),
    datetime(2026, 1, 5, 12, tzinfo=UTC),
    datetime(2026, 7, 5, 12, tzinfo=ZoneInfo("Europe/Berlin")),
    Decimal("1.10"),
    UUID(int=5),
    Path("/tmp/x"),
    b"\x00\xff",
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_both_sides_agree(value: Any) -> None:
    for back in (foreign_call.decode(serialize(value)), deserialize(foreign_call.encode(value))):
        assert back == value
        assert type(back) is type(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        assert foreign_call.decode(serialize(value)).utcoffset() == value.utcoffset()


@pytest.mark.parametrize("value", [object(), [object()], {"a": object()}])
def test_what_cannot_leave_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match=r"the return value.*: a object cannot leave this interpreter"):
        foreign_call.encode(value, "the return value")
