"""From ``schedule=`` to a ScheduleSpec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..model.cron import PRESETS, normal_cron
from ..model.errors import InvalidInput
from ..model.schedule_checks import check_schedule
from ..model.spec import ScheduleSpec
from . import checks
from .exceptions import DagError

Meaning = Literal["interval", "trigger"]
"""What a cron expression or a timedelta by itself says: an interval to cover, or when to start."""
_ACCEPTED = "a cron expression, a preset, a timedelta, a relativedelta, a timetable, assets or None"
_CALENDAR = ("years", "months", "days", "leapdays", "hours", "minutes", "seconds", "microseconds")
_ABSOLUTE = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def schedule_spec(where: str, schedule: Any, meaning: Meaning = "interval") -> ScheduleSpec:
    """Return what ``schedule`` means: cron text, preset, timedelta, relativedelta, timetable, assets or None.

    ``meaning``: whether runs of cron text, timedelta and relativedelta cover the time to the next date and start at
    its end (``interval``), or start at their date and cover nothing (``trigger``). Raises :class:`DagError`.
    """
    spec = _spec(where, schedule, meaning)
    if (why := check_schedule(spec, "UTC")) is not None:
        raise DagError(f"{where}: {why}")
    return spec


def _spec(where: str, schedule: Any, meaning: Meaning) -> ScheduleSpec:
    if schedule is None:
        return ScheduleSpec()
    covers = meaning == "interval"
    if isinstance(schedule, str):
        return _from_text(where, schedule.strip(), covers)
    if isinstance(schedule, timedelta) or type(schedule).__name__ == "relativedelta":
        return ScheduleSpec("delta", interval=covers, summary=delta_words(schedule), **delta_fields(where, schedule))
    if (own := getattr(schedule, "schedule_spec", None)) is not None and not isinstance(schedule, type):
        found: ScheduleSpec = own(where)
        return found
    if hasattr(schedule, "to_condition") or isinstance(schedule, (list, tuple, set, frozenset)):
        return ScheduleSpec("assets", assets=asset_condition(where, schedule), summary="assets")
    if isinstance(schedule, type) and hasattr(schedule, "schedule_spec"):
        raise DagError(f"{where}: schedule is the class {schedule.__name__}: call it, schedule={schedule.__name__}(…)")
    if hasattr(schedule, "next_dagrun_info"):
        raise DagError(
            f"{where}: {type(schedule).__name__} has a next_dagrun_info but is no timetable: derive it from "
            "jupyter_flow.timetables.base.Timetable"
        )
    raise DagError(f"{where}: schedule must be {_ACCEPTED}, not a {type(schedule).__name__}")


def _from_text(where: str, text: str, covers: bool) -> ScheduleSpec:
    if text in ("@once", "@continuous"):
        return ScheduleSpec("once" if text == "@once" else "continuous", summary=text)
    if text in ("@none", "None"):
        return ScheduleSpec()
    return ScheduleSpec("cron", expression=cron_text(where, text), interval=covers, summary=text)


def cron_text(where: str, text: Any) -> str:
    """Return a cron expression or preset as its fields. Raises :class:`DagError`."""
    if not isinstance(text, str):
        raise DagError(f"{where}: a cron expression must be text, not {text!r}")
    try:
        return normal_cron(text)
    except InvalidInput as error:
        known = ["@once", "@continuous", "@none", *PRESETS]
        hint = checks.suggestion(text, known) if text.startswith("@") else ""
        raise DagError(f"{where}: {error}{hint}") from None


def delta_fields(where: str, delta: Any) -> dict[str, Any]:
    """Return ``seconds`` or ``relative`` of a ScheduleSpec for a timedelta or relativedelta."""
    if isinstance(delta, timedelta):
        return {"seconds": delta.total_seconds()}
    if type(delta).__name__ != "relativedelta":
        raise DagError(f"{where}: delta must be a timedelta or a relativedelta, not {delta!r}")
    parts = {name: value for name in _CALENDAR if (value := getattr(delta, name))}
    parts |= {name: value for name in _ABSOLUTE if (value := getattr(delta, name)) is not None}
    if delta.weekday is not None:
        parts["weekday"] = [delta.weekday.weekday, delta.weekday.n]
    if not parts.keys() - {"hours", "minutes", "seconds", "microseconds"}:
        return {"seconds": timedelta(**parts).total_seconds()}
    return {"relative": parts}


def delta_words(delta: Any) -> str:
    """Return a timedelta or relativedelta for people."""
    if isinstance(delta, timedelta):
        return f"every {timedelta(seconds=delta.total_seconds())}"
    parts = [f"{value:g} {name}" for name in _CALENDAR if (value := getattr(delta, name, 0))]
    return "every " + (", ".join(parts) or str(delta))


def asset_condition(where: str, assets: Any) -> Mapping[str, Any]:
    """Return the condition of one asset, an expression of assets, or a list: all of them."""
    if hasattr(assets, "to_condition"):
        found: Mapping[str, Any] = assets.to_condition()
        return found
    if not isinstance(assets, (list, tuple, set, frozenset)):
        raise DagError(f"{where}: assets must be assets, not a {type(assets).__name__}")
    items = list(assets)
    if not items:
        raise DagError(f"{where}: schedule is an empty list: name at least one asset, or None for manual runs only")
    for item in items:
        if not hasattr(item, "to_condition"):
            hint = ": several cron expressions are MultipleCronTriggerTimetable(…)" if isinstance(item, str) else ""
            raise DagError(f"{where}: a list as schedule holds assets, not {item!r}{hint}")
    conditions = [item.to_condition() for item in items]
    if isinstance(assets, (set, frozenset)):  # a set has no order, a spec always the same one
        conditions.sort(key=lambda condition: json.dumps(condition, sort_keys=True))
    return conditions[0] if len(conditions) == 1 else {"all": conditions}


def check_beside(
    where: str, spec: ScheduleSpec, timetable: Any, has_start_date: bool, catchup: bool, max_active_runs: int
) -> None:
    """Check what a schedule needs of the other arguments of its DAG. Raises :class:`DagError`."""
    if spec.kind in ("cron", "delta") and catchup and not has_start_date:
        raise DagError(
            f"{where}: start_date is missing: catchup needs to know the first date, "
            "e.g. start_date=datetime(2026, 1, 1)"
        )
    limit = 1 if spec.kind == "continuous" else getattr(timetable, "active_runs_limit", None)
    if isinstance(limit, int) and max_active_runs > limit:
        runs = "run" if limit == 1 else "runs"
        raise DagError(
            f"{where}: schedule {spec.summary!r} has no more than {limit} active {runs} at a time: "
            f"say max_active_runs={limit}"
        )


def zone_name(where: str, zone: Any) -> str:
    """Return the IANA name of a zone given as text or tzinfo. Raises :class:`DagError`."""
    name = zone if isinstance(zone, str) else getattr(zone, "key", None) or getattr(zone, "name", None)
    if zone is UTC:
        name = "UTC"
    elif isinstance(zone, tzinfo) and (fixed := _fixed_offset(zone)) is not None:
        name = _name_of_offset(where, fixed)
    if not isinstance(name, str) or not name:
        raise DagError(f"{where}: timezone must be an IANA name such as 'Europe/Berlin', not {zone!r}")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DagError(f"{where}: unknown timezone {name!r}: use an IANA name such as 'Europe/Berlin'") from None
    return name


def zone_of(moment: datetime | None) -> tzinfo | None:
    """Return the zone of ``moment``, if it has one."""
    return None if moment is None else moment.tzinfo


def _fixed_offset(zone: tzinfo) -> timedelta | None:
    """Return the offset of a zone that is nothing but one (the standard library's, pendulum's)."""
    if isinstance(zone, timezone) or type(zone).__name__ == "FixedTimezone":
        return zone.utcoffset(None)
    return None


def _name_of_offset(where: str, offset: timedelta) -> str:
    hours, rest = divmod(offset, timedelta(hours=1))
    if rest or not -12 <= hours <= 14:
        raise DagError(
            f"{where}: the offset {offset} of start_date is no timezone: say timezone='…' with an IANA name, "
            "such as 'Asia/Kolkata'"
        )
    return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"  # these names count westward


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
