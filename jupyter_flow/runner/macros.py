"""``macros`` of templates: functions on dates and values. Functions only: a module would open the sandbox."""

from __future__ import annotations

import json
import random
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any


def ds_add(ds: str, days: int) -> str:
    """Return the date ``ds`` (YYYY-MM-DD) ``days`` later."""
    return (date.fromisoformat(ds) + timedelta(days=days)).isoformat()


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """Return the date text ``ds`` written in another ``strftime`` format."""
    return datetime.strptime(str(ds), input_format).strftime(output_format)


def filter_ds(moment: datetime | None) -> str | None:
    """``2026-01-31``."""
    return None if moment is None else moment.strftime("%Y-%m-%d")


def filter_ds_nodash(moment: datetime | None) -> str | None:
    """``20260131``."""
    return None if moment is None else moment.strftime("%Y%m%d")


def filter_ts(moment: datetime | None) -> str | None:
    """``2026-01-31T00:00:00+00:00``."""
    return None if moment is None else moment.isoformat()


def filter_ts_nodash(moment: datetime | None) -> str | None:
    """``20260131T000000``."""
    return None if moment is None else moment.strftime("%Y%m%dT%H%M%S")


def filter_ts_nodash_with_tz(moment: datetime | None) -> str | None:
    """``20260131T000000+0000``."""
    return None if moment is None else moment.strftime("%Y%m%dT%H%M%S%z")


FILTERS: dict[str, Any] = {
    "ds": filter_ds,
    "ds_nodash": filter_ds_nodash,
    "ts": filter_ts,
    "ts_nodash": filter_ts_nodash,
    "ts_nodash_with_tz": filter_ts_nodash_with_tz,
}

MACROS = SimpleNamespace(
    ds_add=ds_add,
    ds_format=ds_format,
    datetime=datetime,
    timedelta=timedelta,
    timezone=SimpleNamespace(utc=UTC),
    random=random.random,
    json=SimpleNamespace(dumps=json.dumps, loads=json.loads),
    time=SimpleNamespace(time=time.time, strftime=time.strftime, gmtime=time.gmtime),
    uuid=SimpleNamespace(uuid1=uuid.uuid1, uuid4=uuid.uuid4, uuid5=uuid.uuid5, NAMESPACE_URL=uuid.NAMESPACE_URL),
)
