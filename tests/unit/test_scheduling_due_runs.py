from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from support.flows import T0, at, daily, run_row

from jupyter_flow.model.rows import Dag
from jupyter_flow.model.slots import RunCounts
from jupyter_flow.model.spec import ScheduleSpec
from jupyter_flow.model.state import RunState
from jupyter_flow.scheduling.due_runs import QUEUED_AHEAD, due_runs, next_for, runs_to_start

START = datetime(2026, 1, 1, tzinfo=UTC)


def dag_row(schedule: ScheduleSpec | None = None, **more: object) -> Dag:
    values: dict[str, object] = {
        "id": 1, "dag_id": "d", "dag_folder": "/dags", "dag_file": "d.py", "version_id": 1, "version_number": 1,
        "description": None, "owner": "", "tags": (), "is_paused": False, "is_active": True,
        "schedule": schedule or daily(), "timezone": "UTC", "start_date": START, "end_date": None, "catchup": True,
        "max_active_runs": 2, "max_active_tasks": 16, "next_logical_date": None, "next_interval_start": None,
        "next_interval_end": None, "next_run_after": None,
    }  # fmt: skip
    return Dag(**(values | more))  # type: ignore[arg-type]


def test_catchup_creates_up_to_the_limit_and_some_queued_the_rest_stays_due() -> None:
    due = due_runs(dag_row(), RunCounts(), None, START + timedelta(days=30, hours=1))
    assert len(due.new) == 2 + QUEUED_AHEAD
    assert [info.logical_date.day for info in due.new] == [1, 2, 3, 4, 5, 6]
    assert due.next.logical_date.day == 7
    full = due_runs(dag_row(), RunCounts(queued=QUEUED_AHEAD, running=2), due.new[-1].logical_date, T0)
    assert full.new == []
    assert full.next == due.next


def test_catchup_never_misses_or_doubles_an_interval() -> None:
    last, seen, now = None, [], START + timedelta(days=30, hours=1)
    while (due := due_runs(dag_row(), RunCounts(), last, now)).new:
        seen += [info.logical_date for info in due.new]
        last = seen[-1]
    assert seen == [START + timedelta(days=number) for number in range(30)]


def test_without_catchup_one_run_is_late_at_most() -> None:
    dag = dag_row(catchup=False)
    now = START + timedelta(days=30, hours=1)
    due = due_runs(dag, RunCounts(), None, now)
    assert [info.logical_date.day for info in due.new] == [30]
    assert due.next.run_after == START + timedelta(days=31)
    assert due_runs(dag, RunCounts(), due.new[0].logical_date, now).new == []


def test_thirty_days_down_with_a_minute_dag_is_cheap_and_creates_one_run() -> None:
    dag = dag_row(daily("* * * * *"), catchup=False)
    due = due_runs(dag, RunCounts(), START, START + timedelta(days=30))
    assert len(due.new) == 1


def test_once_is_over_after_one() -> None:
    dag = dag_row(ScheduleSpec("once"))
    due = due_runs(dag, RunCounts(), None, T0)
    assert [info.logical_date for info in due.new] == [START]
    assert due.next is None
    assert next_for(dag, START, T0) is None


def queued(number: int, seconds: float, **more: object):
    return run_row(RunState.QUEUED, id=number, run_after=at(seconds), **more)


def test_queued_runs_start_oldest_first_up_to_the_limit() -> None:
    started = runs_to_start(dag_row(), [queued(3, -1), queued(1, -3), queued(2, -2)], 0, T0)
    assert [change.id for change in started.start] == [1, 2]
    assert all(change.state is RunState.RUNNING for change in started.start)
    [(run, reason)] = started.waiting
    assert run.id == 3
    assert str(reason) == "max_active_runs: 2 of 2 runs of the DAG are active"


def test_a_paused_dag_starts_nothing_but_what_ignores_the_pause() -> None:
    started = runs_to_start(dag_row(is_paused=True), [queued(1, -1), queued(2, -1)], 0, T0, ignore_pause={2})
    assert [change.id for change in started.start] == [2]
    assert [str(reason) for _, reason in started.waiting] == ["DAG is paused"]


def test_runs_of_the_future_and_cancelled_ones_do_not_start() -> None:
    asked = [queued(1, 10), queued(2, -1, cancel_requested_at=T0)]
    started = runs_to_start(replace(dag_row(), max_active_runs=9), asked, 0, T0)
    assert started.start == []
    assert started.waiting == []
