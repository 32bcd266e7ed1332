"""The runs of a DAG on a calendar of its zone: one small record a day, past and coming."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..model.errors import InvalidInput
from ..model.grids import place
from ..model.records import Actor
from ..storage import calendar, dags
from .authorize import authorize
from .documents import Document
from .house import House
from .schedule_views import upcoming_runs

MOST_DAYS = 400
COMING = 1_000
"""Coming runs that are looked at."""
YEARS = range(1900, 2200)


def dag_calendar(house: House, actor: Actor, dag_id: str, start: str | None = None, end: str | None = None) -> Document:
    """How many runs of a DAG are in which state on each day from ``start`` to ``end``, and how many are to come.

    Days are those of the schedule's zone, both included; the year if none are given. A run belongs to the day of its
    logical date, or that of its ``run_after`` if it has none. Days without runs are left out. ``coming_until``: the day
    after which coming runs are not counted any more, None if all are.
    """
    authorize(house.policy, actor, "read", dag_id)
    now = house.clock.wall()
    with house.reading() as connection:
        dag = dags.get_dag(connection, dag_id)
        name = dag.schedule.timezone or dag.timezone
        zone = ZoneInfo(name)
        today = now.astimezone(zone).date()
        first = _day("start", start) or today.replace(month=1, day=1)
        last = _day("end", end) or first.replace(month=12, day=31)
        count = (last - first).days + 1
        if not 0 < count <= MOST_DAYS:
            raise InvalidInput(f"end must be start or later, by {MOST_DAYS} days at most")
        days = [first + timedelta(days=number) for number in range(count)]
        bounds = [place(datetime.combine(day, time()), zone) for day in (*days, last + timedelta(days=1))]
        states = calendar.states_between(connection, dag_id, bounds)
        known = upcoming_runs(connection, dag, now, COMING, now=now) if bounds[-1] > now else []
    coming = Counter(info.logical_date.astimezone(zone).date() for info in known)
    return {
        "dag_id": dag_id,
        "timezone": name,
        "today": today.isoformat(),
        "start": first.isoformat(),
        "end": last.isoformat(),
        "days": [
            {"day": day.isoformat(), "states": found, "coming": coming[day]}
            for day, found in zip(days, states, strict=True)
            if found or coming[day]
        ],
        "coming_until": known[-1].logical_date.astimezone(zone).date().isoformat() if len(known) == COMING else None,
    }


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{name} {text!r} is not a day, e.g. 2026-01-31") from None
    if day.year not in YEARS:
        raise InvalidInput(f"{name} must be a day from {YEARS[0]} to {YEARS[-1]}")
    return day
