"""Simulation: what the decisions of a window would be, compared with what can be worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.flows import dag, task

from jupyter_flow.model.instants import from_iso
from jupyter_flow.model.rows import Dag
from jupyter_flow.model.slots import SlotLimits
from jupyter_flow.model.spec import DagSpec, ScheduleSpec
from jupyter_flow.scheduling.forecast import Forecast, SimulatedDag
from jupyter_flow.scheduling.simulation import simulate

DAY = datetime(2026, 3, 2, tzinfo=UTC)
LIMITS = SlotLimits(parallelism=4, notebook_parallelism=2, pools={"default_pool": 128, "narrow": 1})


def scheduled(spec: DagSpec, expression: str, zone: str = "UTC", **more: object) -> SimulatedDag:
    schedule = ScheduleSpec("cron", expression)
    values: dict[str, object] = {
        "id": 1, "dag_id": spec.dag_id, "dag_folder": "/d", "dag_file": spec.dag_file, "version_id": 1,
        "version_number": 1, "description": None, "owner": "", "tags": (), "is_paused": True, "is_active": True,
        "schedule": schedule, "timezone": zone, "start_date": datetime(2026, 1, 1, tzinfo=UTC), "end_date": None,
        "catchup": False, "max_active_runs": spec.max_active_runs, "max_active_tasks": spec.max_active_tasks,
        "next_logical_date": None, "next_interval_start": None, "next_interval_end": None, "next_run_after": None,
    }  # fmt: skip
    return SimulatedDag(Dag(**(values | more)), spec)  # type: ignore[arg-type]


def forecast(*dags: SimulatedDag, hours: float = 24, seconds: float = 600, limits: SlotLimits = LIMITS) -> Forecast:
    return simulate(dags, DAY, DAY + timedelta(hours=hours), lambda _dag, _task: seconds, limits)


def test_runs_start_when_they_are_due_and_take_as_long_as_their_tasks() -> None:
    found = forecast(scheduled(dag(task("a"), task("b", "a")), "0 * * * *"), hours=3)
    assert [run.run_after for run in found.runs] == [DAY + timedelta(hours=hour) for hour in range(3)]
    assert {run.waited for run in found.runs} == {0.0}
    assert {(run.end_date - run.start_date).total_seconds() for run in found.runs} == {1200.0}
    assert {str(run.state) for run in found.runs} == {"success"}
    assert found.waits == []


def test_a_narrow_pool_lets_tasks_wait_and_says_how_long() -> None:
    spec = dag(*(task(f"t{number}", pool="narrow") for number in range(3)))
    found = forecast(scheduled(spec, "0 0 * * *"), hours=1)
    assert sorted(item.waited for item in found.tasks) == [0.0, 600.0, 1200.0]
    (wait,) = found.waits
    assert (wait.code, wait.name, wait.seconds, wait.most) == ("pool_full", "narrow", 1800.0, 2)
    assert found.peaks["pool narrow"] == 1


def test_dags_of_one_hour_share_the_slots_of_the_house() -> None:
    dags = [scheduled(dag(task("a"), task("b"), task("c"), dag_id=name), "0 2 * * *") for name in ("one", "two")]
    found = forecast(*dags)
    assert found.peaks["parallelism"] == 4
    assert {wait.code for wait in found.waits} == {"parallelism"}
    assert max(run.end_date for run in found.runs) == DAY + timedelta(hours=2, minutes=20)


def test_runs_over_max_active_runs_wait_for_earlier_ones() -> None:
    spec = dag(task("long"), max_active_runs=1)
    found = forecast(scheduled(spec, "0 * * * *"), hours=3, seconds=5400)
    assert [run.waited for run in found.runs] == [0.0, 1800.0, 3600.0]
    assert {wait.code for wait in found.waits} == {"max_active_runs"}


def test_a_run_timeout_ends_a_run_that_takes_too_long() -> None:
    found = forecast(scheduled(dag(task("a"), dagrun_timeout=300.0), "0 0 * * *"), hours=1)
    (run,) = found.runs
    assert (str(run.state), run.end_date) == ("failed", DAY + timedelta(minutes=5))


@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_an_hourly_dag_has_as_many_runs_as_the_local_day_has_hours(day: str, count: int) -> None:
    subject = scheduled(dag(task("a")), "0 * * * *", "Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime.fromisoformat(day)
    begin, end = (at.replace(tzinfo=berlin).astimezone(UTC) for at in (first, first + timedelta(days=1)))
    found = simulate([subject], begin, end, lambda _dag, _task: 1.0, LIMITS)
    assert len(found.runs) == count


def test_the_past_is_simulated_like_the_future() -> None:
    begin = from_iso("2026-01-05T00:00:00Z")
    subject = scheduled(dag(task("a")), "0 0 * * *")
    found = simulate([subject], begin, begin + timedelta(days=7), lambda _dag, _task: 60.0, LIMITS)
    assert len(found.runs) == 7


def test_mapped_tasks_have_the_given_number_of_instances() -> None:
    mapped = {"kind": "product", "inputs": {"x": {"xcom": ["files", "return_value"]}}}
    spec = dag(task("files"), task("load", "files", expand=mapped), task("report", "load"))
    subject = scheduled(spec, "0 0 * * *")
    found = simulate([subject], DAY, DAY + timedelta(hours=1), lambda _dag, _task: 600, LIMITS, lambda _dag, _task: 6)
    assert sorted(item.map_index for item in found.tasks if item.task_id == "load") == [0, 1, 2, 3, 4, 5]
    (run,) = found.runs
    assert run.end_date == DAY + timedelta(minutes=40)  # four slots: the six need two rounds


def test_slas_and_deadlines_that_are_missed_are_named() -> None:
    deadline = {"name": "soon", "reference": {"kind": "queued_at"}, "interval": 900.0, "has_callback": False}
    spec = dag(task("quick", sla=3600.0), task("slow", "quick", sla=900.0), deadlines=(deadline,))
    found = forecast(scheduled(spec, "0 0 * * *"), hours=1)
    due, end = DAY + timedelta(minutes=15), DAY + timedelta(minutes=20)
    assert [(late.what, late.name, late.due_at, late.done_at) for late in found.late] == [
        ("sla", "slow", due, end),
        ("deadline", "soon", due, end),
    ]


def test_the_same_question_has_the_same_answer() -> None:
    dags = [scheduled(dag(task("a"), task("b", "a"), dag_id=name), "*/20 * * * *") for name in ("one", "two", "six")]
    assert forecast(*dags, hours=6) == forecast(*dags, hours=6)
