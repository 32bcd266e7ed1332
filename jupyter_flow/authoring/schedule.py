"""From ``schedule=`` to a ScheduleSpec."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..model.cron import normal_cron
from ..model.errors import InvalidInput
from ..model.spec import ScheduleSpec
from .exceptions import DagError


def schedule_spec(where: str, schedule: Any) -> ScheduleSpec:
    """Return what ``schedule`` (cron text, preset, timedelta or None) means. Raises :class:`DagError`."""
    if schedule is None:
        return ScheduleSpec()
    if isinstance(schedule, timedelta):
        span = schedule.total_seconds()
        if span < 1:
            raise DagError(f"{where}: schedule {schedule!r} must be at least one second")
        return ScheduleSpec("delta", seconds=span, summary=f"every {schedule}")
    if not isinstance(schedule, str):
        kind = type(schedule).__name__
        raise DagError(f"{where}: schedule must be a cron expression, a preset, a timedelta or None, not a {kind}")
    text = schedule.strip()
    if text == "@once":
        return ScheduleSpec("once", summary=text)
    if text == "@none":
        return ScheduleSpec()
    if text == "@continuous":
        raise DagError(f"{where}: schedule '@continuous' is not in this version yet")
    try:
        expression = normal_cron(text)
    except InvalidInput as error:
        raise DagError(f"{where}: {error}") from None
    _check_fires(where, text, expression)
    return ScheduleSpec("cron", expression=expression, summary=text)


def _check_fires(where: str, text: str, expression: str) -> None:
    # 90 ms, only for cron schedules
    from croniter import CroniterBadDateError, CroniterError, croniter  # type: ignore[import-untyped]

    try:
        croniter(expression, datetime(2024, 1, 1, tzinfo=UTC)).get_next(datetime)
    except CroniterBadDateError:
        raise DagError(f"{where}: cron expression {text!r} never fires: there is no such date") from None
    except (CroniterError, ValueError, KeyError, IndexError) as error:
        raise DagError(f"{where}: cron expression {text!r} is not valid: {error}") from None


def zone_name(where: str, zone: Any) -> str:
    """Return the IANA name of a zone given as text or tzinfo. Raises :class:`DagError`."""
    name = zone if isinstance(zone, str) else getattr(zone, "key", None) or getattr(zone, "name", None)
    if zone is UTC:
        name = "UTC"
    if not isinstance(name, str) or not name:
        raise DagError(f"{where}: timezone must be an IANA name such as 'Europe/Berlin', not {zone!r}")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DagError(f"{where}: unknown timezone {name!r}: use an IANA name such as 'Europe/Berlin'") from None
    return name


def zone_of(moment: datetime | None) -> tzinfo | None:
    """Return the zone of ``moment`` if it has an IANA name, else None (a fixed offset is no zone)."""
    zone = None if moment is None else moment.tzinfo
    return zone if zone is not None and (hasattr(zone, "key") or hasattr(zone, "name")) else None


def instant(where: str, name: str, value: Any) -> datetime | None:
    """Return a date given as datetime, date or ISO text; naive stays naive. Raises :class:`DagError`."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return datetime(value.year, value.month, value.day)  # a date
    except (ValueError, AttributeError, TypeError):
        raise DagError(f"{where}: {name} must be a datetime or ISO 8601 text, not {value!r}") from None
