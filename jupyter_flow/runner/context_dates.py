"""Dates of the context: today's names, and those that older documents teach."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..airflow_names.configuration import conf
from ..model.instants import from_iso_or_none
from ..model.records import Workload
from .macros import filter_ds, filter_ds_nodash, filter_ts, filter_ts_nodash, filter_ts_nodash_with_tz

_MANUAL = frozenset({"manual", "operator_triggered"})


def dates_of(workload: Workload) -> dict[str, Any]:
    """Return the names that belong to a logical date; none in a run without one."""
    run = workload.run
    logical = from_iso_or_none(run.logical_date)
    if logical is None:
        return {}
    start = from_iso_or_none(run.data_interval_start) or logical
    return {
        "logical_date": logical,
        "data_interval_start": start,
        "data_interval_end": from_iso_or_none(run.data_interval_end) or start,
        "prev_data_interval_start_success": from_iso_or_none(run.prev_data_interval_start_success),
        "prev_data_interval_end_success": from_iso_or_none(run.prev_data_interval_end_success),
        "ds": filter_ds(logical),
        "ds_nodash": filter_ds_nodash(logical),
        "ts": filter_ts(logical),
        "ts_nodash": filter_ts_nodash(logical),
        "ts_nodash_with_tz": filter_ts_nodash_with_tz(logical),
        "task_instance_key_str": f"{run.dag_id}__{workload.task.task_id}__{filter_ds_nodash(logical)}",
        **_old_dates(workload, logical),
    }


def old_names(workload: Workload) -> dict[str, Any]:
    """Return the old names that every run has."""
    return {"conf": conf, "tables": workload.run.params.get("tables")}


def _old_dates(workload: Workload, logical: datetime) -> dict[str, Any]:
    run = workload.run
    if run.run_type in _MANUAL:  # no schedule made it: what comes before and after is the date itself
        before: datetime | None = logical
        after: datetime | None = logical
    else:
        before = from_iso_or_none(run.prev_logical_date)
        after = from_iso_or_none(run.next_logical_date)
    prior = from_iso_or_none(run.prev_data_interval_start_success)
    ds = filter_ds(logical)
    dates: dict[str, Any] = {
        "END_DATE": ds,
        "end_date": ds,
        "execution_date": logical,
        "latest_date": ds,
        "next_execution_date": after,
        "prev_execution_date": before,
        "prev_execution_date_success": from_iso_or_none(run.prev_logical_date_success) or prior,
    }
    day = timedelta(days=1)
    for name, moment in {"next": after, "prev": before, "yesterday": logical - day, "tomorrow": logical + day}.items():
        dates[f"{name}_ds"] = filter_ds(moment)
        dates[f"{name}_ds_nodash"] = filter_ds_nodash(moment)
    return dates
