"""``macros`` and filters of templates: functions on dates and values, with Airflow's names and meanings.

Modules are handed out as :class:`Part`: a list of their functions. A whole module would open the sandbox.
"""

from __future__ import annotations

import importlib
import random as _random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from .stamps import now


def ds_add(ds: str, days: int) -> str:
    """Return the date ``ds`` (YYYY-MM-DD) ``days`` later (earlier if negative)."""
    if not days:
        return str(ds)
    return (datetime.strptime(str(ds), "%Y-%m-%d") + timedelta(days=days)).strftime("%Y-%m-%d")


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """Return the date text ``ds`` written in another ``strftime`` format."""
    return datetime.strptime(str(ds), input_format).strftime(output_format)


def ds_format_locale(ds: str, input_format: str, output_format: str, locale: Any = None) -> str:
    """Return the date text ``ds`` (read by the ``strptime`` pattern ``input_format``) in the words of ``locale``.

    ``output_format`` is a pattern of Unicode's CLDR (``EEEE, d MMMM yyyy``), ``locale`` a name such as ``de_DE``
    (default ``en_US``).
    """
    from babel.dates import format_datetime

    moment = datetime.strptime(str(ds), input_format)
    return str(format_datetime(moment, format=output_format, locale=locale or "en_US"))


def datetime_diff_for_humans(dt: datetime, since: datetime | None = None) -> str:
    """Return the distance of ``dt`` from now (``"2 days ago"``, ``"in 2 days"``) or from ``since`` (``"… after"``)."""
    from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

    moment = _aware(dt)
    other = now() if since is None else _aware(since)
    later = moment > other
    gap = relativedelta(max(moment, other), min(moment, other))
    text = _distance(gap.years, gap.months, gap.days, gap.hours, gap.minutes, gap.seconds)
    if since is None:
        return f"in {text}" if later else f"{text} ago"
    return f"{text} {'after' if later else 'before'}"


def _distance(years: int, months: int, days: int, hours: int, minutes: int, seconds: int) -> str:
    """The largest unit, rounded up when the rest is nearly another one."""
    weeks, rest = divmod(days, 7)
    if years:
        return _count(years + (months > 6), "year")
    if months == 11 and days > 15:
        return _count(1, "year")
    if months:
        return _count(months + (days >= 27), "month")
    if weeks:
        return _count(weeks + (rest > 3), "week")
    if rest:
        return _count(rest + (hours >= 22), "day")
    if hours:
        return _count(hours, "hour")
    if minutes:
        return _count(minutes, "minute")
    return _count(seconds, "second") if seconds > 10 else "a few seconds"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


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
    """``20260131T000000+0000``, with microseconds if there are any."""
    if moment is None:
        return None
    fraction = f".{moment.microsecond:06}" if moment.microsecond else ""
    return f"{moment.strftime('%Y%m%dT%H%M%S')}{fraction}{moment.strftime('%z')}"


FILTERS: dict[str, Any] = {
    "ds": filter_ds,
    "ds_nodash": filter_ds_nodash,
    "ts": filter_ts,
    "ts_nodash": filter_ts_nodash,
    "ts_nodash_with_tz": filter_ts_nodash_with_tz,
}


class Part:
    """The functions ``names`` of a module (a name may be ``"here=there"``), imported when they are first used."""

    def __init__(self, module: str, names: str) -> None:
        self._module = module
        pairs = (name.partition("=") for name in names.split())
        self._names = {here: there or here for here, _, there in pairs}

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            raise AttributeError(f"templates have no {self._module}.{name}; there are: {', '.join(self._names)}")
        return getattr(importlib.import_module(self._module), self._names[name])

    def __dir__(self) -> list[str]:
        return list(self._names)


_FREQUENCIES = "YEARLY MONTHLY WEEKLY DAILY HOURLY MINUTELY SECONDLY"
_WEEKDAYS = "MO TU WE TH FR SA SU"

MACROS = SimpleNamespace(
    ds_add=ds_add,
    ds_format=ds_format,
    ds_format_locale=ds_format_locale,
    datetime_diff_for_humans=datetime_diff_for_humans,
    datetime=datetime,
    timedelta=timedelta,
    timezone=SimpleNamespace(utc=UTC),
    random=_random.random,
    dateutil=SimpleNamespace(
        parser=Part("dateutil.parser", "parse isoparse"),
        relativedelta=Part("dateutil.relativedelta", f"relativedelta {_WEEKDAYS}"),
        rrule=Part("dateutil.rrule", f"rrule rruleset rrulestr {_FREQUENCIES} {_WEEKDAYS}"),
        tz=Part("dateutil.tz", "gettz tzutc tzlocal tzoffset UTC"),
        easter=Part("dateutil.easter", "easter"),
    ),
    json=Part("json", "dumps loads"),
    time=Part("time", "time time_ns strftime strptime gmtime localtime mktime ctime asctime monotonic perf_counter"),
    uuid=Part("uuid", "UUID uuid1 uuid3 uuid4 uuid5 NAMESPACE_DNS NAMESPACE_URL NAMESPACE_OID NAMESPACE_X500"),
    yaml=Part("yaml", "safe_load safe_dump load=safe_load dump=safe_dump"),
)
