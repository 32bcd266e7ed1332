"""Which dates a backfill covers, which get a run, and how many run at once: without disk and clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.flows import T0, at, dag, daily, run_row, task

from jupyter_flow.model.rows import Backfill, Dag
from jupyter_flow.model.spec import ScheduleSpec
from jupyter_flow.model.state import RunState
from jupyter_flow.scheduling import backfills


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, number, hour, tzinfo=UTC)


def dag_row(schedule: ScheduleSpec, **more: object) -> Dag:
    values: dict[str, object] = {
        "id": 1, "dag_id": "d", "dag_folder": "/dags", "dag_file": "d.py", "version_id": 1, "version_number": 1,
        "description": None, "owner": "", "tags": (), "is_paused": True, "is_active": True, "schedule": schedule,
        "timezone": "UTC", "start_date": day(10), "end_date": None, "catchup": False, "max_active_runs": 16,
        "max_active_tasks": 16, "next_logical_date": None, "next_interval_start": None, "next_interval_end": None,
        "next_run_after": None,
    }  # fmt: skip
    return Dag(**(values | more))  # type: ignore[arg-type]


def backfill(**more: object) -> Backfill:
    values: dict[str, object] = {
        "id": 7, "dag_id": "d", "from_date": day(1), "to_date": day(5), "reprocess_behavior": "none",
        "max_active_runs": 2, "run_backwards": False, "conf": {}, "actor": "ada", "created_at": T0,
        "completed_at": None, "cancelled_at": None, "cancelled_by": None, "is_paused": False,
    }  # fmt: skip
    return Backfill(**(values | more))  # type: ignore[arg-type]


def dates(row: Dag, first: datetime, last: datetime, now: datetime = T0 + timedelta(days=365)) -> list[datetime]:
    return [info.logical_date for info in backfills.dates_between(row, first, last, now)]


def test_both_ends_are_included_and_dates_before_the_start_date_count() -> None:
    assert dates(dag_row(daily()), day(1), day(3)) == [day(1), day(2), day(3)]
    assert dates(dag_row(daily()), day(1, 1), day(3, 1)) == [day(2), day(3)]
    assert dates(dag_row(daily()), day(12), day(12)) == [day(12)]
    assert dates(dag_row(daily(), end_date=day(12)), day(11), day(20)) == [day(11), day(12)]
    assert dates(dag_row(daily("0 6 * * 1", interval=False)), day(1), day(20)) == [day(5, 6), day(12, 6), day(19, 6)]


def test_an_interval_that_is_not_over_is_left_out() -> None:
    assert dates(dag_row(daily()), day(11), day(20), now=day(13, 12)) == [day(11), day(12)]
    assert dates(dag_row(daily(interval=False)), day(11), day(20), now=day(13, 12)) == [day(11), day(12), day(13)]


@pytest.mark.parametrize("start", [day(1, 3), day(10, 9), day(25, 21)])
def test_dates_of_a_delta_stand_on_the_grid_of_the_dag_even_before_its_start(start: datetime) -> None:
    row = dag_row(ScheduleSpec("delta", seconds=6 * 3600), start_date=start)
    found = dates(row, day(5), day(6))
    assert found == [day(5, 3), day(5, 9), day(5, 15), day(5, 21)]


def test_no_more_dates_are_counted_than_a_backfill_may_have() -> None:
    row = dag_row(ScheduleSpec("delta", seconds=60), start_date=day(1))
    found = dates(row, day(1), day(31))
    assert len(found) == backfills.MOST_DATES + 1
    assert found[-1] == day(1) + timedelta(minutes=backfills.MOST_DATES)


@pytest.mark.parametrize(
    ("state", "none", "failed", "completed"),
    [
        (None, None, None, None),
        (RunState.QUEUED, "in flight", "in flight", "in flight"),
        (RunState.RUNNING, "in flight", "in flight", "in flight"),
        (RunState.SUCCESS, "already exists", "already exists", None),
        (RunState.FAILED, "already exists", None, None),
        (RunState.CANCELLED, "already exists", None, None),
    ],
)
def test_what_happens_to_dates_that_have_a_run(
    state: RunState | None, none: str | None, failed: str | None, completed: str | None
) -> None:
    found = [backfills.skip_reason(state, behavior) for behavior in backfills.REPROCESS]
    assert found == [none, failed, completed]


def test_its_own_limit_counts_and_not_that_of_the_dag_or_its_pause() -> None:
    queued = [run_row(RunState.QUEUED, id=number, queued_at=at(-number)) for number in (1, 2, 3)]
    plan = backfills.backfill_runs_to_start(backfill(), queued, running=1)
    assert [change.id for change in plan.start] == [3], "the one that was queued first"
    assert {run.id: str(reason) for run, reason in plan.waiting} == {
        1: "max_active_runs: 2 of 2 runs of backfill 7 are active",
        2: "max_active_runs: 2 of 2 runs of backfill 7 are active",
    }
    assert backfills.room(backfill(), 1) == 1
    assert backfills.room(backfill(), 5) == 0
    assert backfills.room(backfill(is_paused=True), 0) == 0


def test_refusals_say_what_to_do() -> None:
    plain = dag(task("a"), schedule=daily())
    past = dag(task("a", depends_on_past=True), schedule=daily())
    now = T0

    def refused(spec: object, *, reprocess: str = "none", backwards: bool = False) -> str | None:
        return backfills.refusal(spec, day(1), day(3), reprocess, backwards, now)  # type: ignore[arg-type]

    assert refused(plain) is None
    assert refused(plain, backwards=True) is None
    assert refused(past, reprocess="failed") is None
    assert "has depends_on_past: say what to do with dates that have a run" in str(refused(past))
    assert "cannot run backwards: task 'a'" in str(refused(past, reprocess="failed", backwards=True))
    assert "has the schedule 'none': a backfill takes its dates from" in str(refused(dag(task("a"))))
    custom = dag(task("a"), schedule=ScheduleSpec("custom", timetable="Mine"))
    assert "has a timetable of its own: a backfill takes its dates from" in str(refused(custom))
    only = dag(task("a"), schedule=daily(), allowed_run_types=("manual", "scheduled"))
    assert "does not allow backfill runs: its allowed_run_types are manual, scheduled" in str(refused(only))
