"""Schedules, dates, zones and params of a DAG."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jupyter_flow import DAG, Param
from jupyter_flow.authoring.exceptions import DagError, FlowWarning
from jupyter_flow.model.spec import ScheduleSpec

START = datetime(2026, 1, 1)


def refused(match: str) -> Any:
    return pytest.raises(DagError, match=match)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (None, ScheduleSpec()),
        ("@once", ScheduleSpec("once", summary="@once")),
        ("@hourly", ScheduleSpec("cron", "0 * * * *", summary="@hourly")),
        ("@daily", ScheduleSpec("cron", "0 0 * * *", summary="@daily")),
        ("@weekly", ScheduleSpec("cron", "0 0 * * 0", summary="@weekly")),
        ("@monthly", ScheduleSpec("cron", "0 0 1 * *", summary="@monthly")),
        ("@quarterly", ScheduleSpec("cron", "0 0 1 */3 *", summary="@quarterly")),
        ("@yearly", ScheduleSpec("cron", "0 0 1 1 *", summary="@yearly")),
        (" 0  2 * * MON-fri ", ScheduleSpec("cron", "0 2 * * MON-fri", summary="0  2 * * MON-fri")),
        ("0 0 L * *", ScheduleSpec("cron", "0 0 L * *", summary="0 0 L * *")),
        (timedelta(hours=6), ScheduleSpec("delta", seconds=21600.0, summary="every 6:00:00")),
    ],
)
def test_schedules(schedule: Any, expected: ScheduleSpec) -> None:
    assert DAG("d", schedule=schedule, start_date=START).schedule == expected


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        ("* * *", r"cron expression '\* \* \*' has 3 fields, not 5"),
        ("", "has 0 fields, not 5"),
        ("61 * * * *", "is not valid"),
        ("0 0 30 2 *", "never fires: there is no such date"),
        ("0 0 * * FOO", "'FOO' is not a cron field"),
        ("$(x) * * * *", "is not a cron field"),
        ("@dayly", "unknown schedule preset '@dayly': use one of @once"),
        ("@continuous", "'@continuous' has no more than 1 active run at a time: say max_active_runs=1"),
        ("1" * 100_000, "cron expression of 100000 characters"),
        (timedelta(0), "schedule interval of 0.0 s is not usable: give a timedelta between 1 s and 100 years"),
        (5, "schedule must be a cron expression, a preset, a timedelta, .*, not a int"),
    ],
)
def test_bad_schedules(schedule: Any, sentence: str) -> None:
    with refused(f"DAG 'd': .*{sentence}"):
        DAG("d", schedule=schedule, start_date=START)


@pytest.mark.parametrize("schedule", ["@daily", "0 2 * * *", timedelta(days=1)])
def test_catchup_needs_a_start_date(schedule: Any) -> None:
    with refused("DAG 'd': start_date is missing: catchup needs to know the first date"):
        DAG("d", schedule=schedule, catchup=True)
    DAG("d", schedule=schedule)
    DAG("d", schedule="@once", catchup=True)
    DAG("d", schedule=schedule, catchup=True, default_args={"start_date": START})


def test_both_names_of_the_schedule_are_refused() -> None:
    with refused("DAG 'd': schedule_interval is the old name of schedule: give one of them"):
        DAG("d", schedule=None, schedule_interval=None)
    with pytest.warns(FlowWarning, match="DAG 'd': schedule_interval is the old name of schedule: write schedule="):
        dag = DAG("d", schedule_interval="@daily", start_date=START)
    assert dag.schedule == DAG("d", schedule="@daily", start_date=START).schedule


@pytest.mark.filterwarnings("ignore:DAG 'd' has no tasks")
@pytest.mark.parametrize(
    ("arguments", "start", "zone"),
    [
        ({"start_date": START}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": date(2026, 1, 1)}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": "2026-01-01"}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": datetime(2026, 1, 1, tzinfo=UTC)}, "2026-01-01T00:00:00+00:00", "UTC"),
        ({"start_date": START, "timezone": "Europe/Berlin"}, "2025-12-31T23:00:00+00:00", "Europe/Berlin"),
        ({"start_date": START.replace(tzinfo=ZoneInfo("Asia/Tokyo"))}, "2025-12-31T15:00:00+00:00", "Asia/Tokyo"),
    ],
)
def test_dates_and_zones(arguments: dict[str, Any], start: str, zone: str) -> None:
    spec = DAG("d", **arguments).to_spec()
    assert (spec.start_date, spec.timezone) == (start, zone)


def test_bad_dates_and_zones() -> None:
    with refused("unknown timezone 'Mars/Base'"):
        DAG("d", timezone="Mars/Base")
    with refused("start_date must be a datetime or ISO 8601 text, not 'yesterday'"):
        DAG("d", start_date="yesterday")
    with refused("end_date .* is before start_date"):
        DAG("d", start_date="2026-02-01", end_date="2026-01-01").to_spec()


def test_limits_and_their_old_names() -> None:
    with pytest.warns(FlowWarning, match="concurrency is the old name of max_active_tasks: write max_active_tasks="):
        assert DAG("d", concurrency=3).max_active_tasks == 3
    dag = DAG("d", max_active_tasks=3, max_active_runs=2, dagrun_timeout=timedelta(hours=1), tags=["b", "a", "b"])
    assert (dag.max_active_tasks, dag.max_active_runs, dag.dagrun_timeout, dag.tags) == (3, 2, 3600.0, ("b", "a"))
    with refused("max_active_runs must be a whole number of at least 1, not 0"):
        DAG("d", max_active_runs=0)
    with refused("tags must be a list of texts, not the text 'x'"):
        DAG("d", tags="x")


# params


@pytest.mark.filterwarnings("ignore:DAG 'd' has no tasks")
def test_params_become_data() -> None:
    params = {
        "n": Param(5, type="integer", minimum=1, description="how many"),
        "name": "x",
        "who": Param(type="string"),
    }
    spec = DAG("d", params=params).to_spec()
    assert spec.params == {
        "n": {"default": 5, "schema": {"type": "integer", "minimum": 1}, "description": "how many"},
        "name": {"default": "x", "schema": {}, "description": None},
        "who": {"default": None, "schema": {"type": "string"}, "description": None, "required": True},
    }


def test_bad_params() -> None:
    with refused("param 'n': the default does not fit its schema: 'x' is not of type 'integer'"):
        DAG("d", params={"n": Param("x", type="integer")}).to_spec()
    with refused("param 'n': the JSON schema is not valid"):
        DAG("d", params={"n": Param(1, type="whole")}).to_spec()
    with refused("param 'n' needs a default, because the DAG has a schedule"):
        DAG("d", schedule="@daily", start_date=START, params={"n": Param(type="integer")}).to_spec()
    with refused("param 'n': a object is not JSON"):
        DAG("d", params={"n": object()}).to_spec()
