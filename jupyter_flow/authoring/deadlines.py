"""Deadlines of DAG runs and SLAs of tasks, as authors give them and as their specs hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from . import checks
from .callbacks import DeadlineCallback
from .exceptions import DagError


@dataclass(frozen=True)
class Reference:
    """What a deadline counts from: one of :class:`DeadlineReference`."""

    kind: str
    instant: datetime | None = None
    max_runs: int | None = None
    min_runs: int | None = None

    def to_data(self, zone: str) -> dict[str, Any]:
        """Return the reference as its spec holds it; a naive instant is in ``zone``."""
        data: dict[str, Any] = {"kind": self.kind}
        if self.instant is not None:
            aware = self.instant if self.instant.tzinfo else self.instant.replace(tzinfo=ZoneInfo(zone))
            data["instant"] = aware.isoformat()
        if self.max_runs is not None:
            data |= {"max_runs": self.max_runs, "min_runs": self.min_runs}
        return data


class DeadlineReference:
    """What a deadline may count from.

    ``DAGRUN_LOGICAL_DATE`` (runs without a logical date have no such deadline), ``DAGRUN_QUEUED_AT``,
    ``FIXED_DATETIME(dt)``, ``AVERAGE_RUNTIME(max_runs, min_runs)``: the instant at which the run is made plus the mean
    duration of the last ``max_runs`` ended runs; no deadline while there are fewer than ``min_runs``.
    """

    DAGRUN_LOGICAL_DATE: ClassVar = Reference("logical_date")
    DAGRUN_QUEUED_AT: ClassVar = Reference("queued_at")

    @classmethod
    def FIXED_DATETIME(cls, dt: datetime) -> Reference:  # noqa: N802 - Airflow's name
        """Count from ``dt``; naive: in the DAG's zone."""
        if not isinstance(dt, datetime):
            raise DagError(f"DeadlineReference.FIXED_DATETIME takes a datetime, not {dt!r}")
        return Reference("fixed", dt)

    @classmethod
    def AVERAGE_RUNTIME(cls, max_runs: int = 10, min_runs: int | None = None) -> Reference:  # noqa: N802
        """Count from the instant at which the run is made plus the mean duration of past runs."""
        where = "DeadlineReference.AVERAGE_RUNTIME"
        most = checks.whole(where, "max_runs", max_runs or 10, 1)
        least = checks.whole(where, "min_runs", most if min_runs is None else min_runs, 1)
        if least > most:
            raise DagError(f"{where}: min_runs {least} is more than max_runs {most}")
        return Reference("average_runtime", max_runs=most, min_runs=least)


class DeadlineAlert:
    """A run must have succeeded ``interval`` after ``reference``; else ``callback`` is called, once.

    ``callback``: a :class:`SyncCallback` or :class:`AsyncCallback`; None only records the miss.
    """

    def __init__(
        self,
        reference: Reference,
        interval: timedelta | float,
        callback: DeadlineCallback | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(reference, Reference):
            names = "DAGRUN_LOGICAL_DATE, DAGRUN_QUEUED_AT, FIXED_DATETIME(dt) or AVERAGE_RUNTIME(max_runs, min_runs)"
            raise DagError(f"DeadlineAlert: reference must be DeadlineReference.{names}, not {reference!r}")
        if callback is not None and not isinstance(callback, DeadlineCallback):
            raise DagError(f"DeadlineAlert: callback must be SyncCallback(…) or AsyncCallback(…), not {callback!r}")
        self.reference = reference
        self.interval = _interval(interval)
        self.callback = callback
        self.name = checks.text_or_none("DeadlineAlert", "name", name)

    def to_data(self, zone: str = "UTC") -> dict[str, Any]:
        """Return the deadline as the DAG's spec holds it (see ``model.spec.DagSpec``); ``zone``: the DAG's."""
        return {
            "name": self.name,
            "reference": self.reference.to_data(zone),
            "interval": self.interval.total_seconds(),
            "has_callback": self.callback is not None,
        }


def check_deadlines(where: str, value: Any) -> tuple[DeadlineAlert, ...]:
    """Return the alerts given as ``deadline=``: one, several or None."""
    given = () if value is None else tuple(value) if isinstance(value, Sequence) else (value,)
    if bad := [item for item in given if not isinstance(item, DeadlineAlert)]:
        raise DagError(f"{where}: deadline must be a DeadlineAlert or a list of them, not {bad[0]!r}")
    return given


def _interval(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value  # may be negative: so long before the reference
    return timedelta(seconds=checks.seconds("DeadlineAlert", "interval", value))
