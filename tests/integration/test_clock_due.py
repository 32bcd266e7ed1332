"""Clocks and scheduled runs: downtime, pauses, steps of the clock (R13), thirty days down (R14); what is missed."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, select
from support import flows
from support.stored_runs import store

from jupyter_flow.model.changes import RunChange
from jupyter_flow.model.rows import DagRun, MissedSlot
from jupyter_flow.model.spec import DagSpec, ScheduleSpec
from jupyter_flow.model.state import RunState
from jupyter_flow.service import due
from jupyter_flow.storage import dags, database, runs, timetables
from jupyter_flow.storage.schema import dag_run

STEPS = 10_000 if os.environ.get("JUPYTER_FLOW_R13") == "all" else 500
START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTELY = ScheduleSpec("cron", "* * * * *")
HOURLY = ScheduleSpec("cron", "0 * * * *")


class World:
    """A database with DAGs, and a scheduler that is told the time. Its runs succeed as soon as they are created."""

    def __init__(self, engine: Engine, now: datetime, *specs: DagSpec) -> None:
        self.engine = engine
        self.watch = due.ClockWatch(now)
        for spec in specs:
            self.parse(spec, now)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with database.begin_write(self.engine) as connection:
            yield connection

    def parse(self, spec: DagSpec, now: datetime) -> None:
        with self.writing() as connection:
            store(connection, spec, now=now)
            dag = dags.set_paused(connection, spec.dag_id, False, now, None)
            due.refresh_next(connection, dag, now)

    def restart(self, now: datetime, earlier: datetime) -> None:
        self.watch = due.ClockWatch(now, earlier)

    def tick(self, now: datetime, *, finish: bool = True, rounds: int = 10) -> list[DagRun]:
        created: list[DagRun] = []
        self.watch.look(now)
        with self.writing() as connection:
            if self.watch.is_back:
                due.refresh_all(connection, now)
                self.watch.is_back = False
            for _ in range(rounds if finish else 1):
                new = due.create_due(connection, now, self.watch.began)
                created += new
                for run in new if finish else ():
                    self.finish(connection, run, now)
        return created

    def finish(self, connection: Connection, run: DagRun, now: datetime) -> None:
        for state in (RunState.RUNNING, RunState.SUCCESS):
            run = runs.transition_run(connection, RunChange(run.id, state, None, run.row_version), now)

    def dates(self, dag_id: str = "d") -> list[datetime]:
        with self.engine.connect() as connection:
            query = select(dag_run.c.logical_date).where(dag_run.c.dag_id == dag_id).order_by(dag_run.c.logical_date)
            return list(connection.execute(query).scalars())

    def missed(self, dag_id: str = "d") -> list[MissedSlot]:
        with self.engine.connect() as connection:
            return timetables.list_missed(connection, dag_id)[::-1]

    def pause(self, paused: bool, now: datetime) -> None:
        with self.writing() as connection:
            dag = dags.set_paused(connection, "d", paused, now, None)
            if not paused:
                due.refresh_next(connection, dag, now, "missed_paused")


def spec(schedule: ScheduleSpec, dag_id: str = "d", **more: object) -> DagSpec:
    return flows.dag(dag_id=dag_id, schedule=schedule, **{"start_date": START.isoformat(), **more})


def words(slot: MissedSlot) -> tuple[str, str, int | None, str]:
    return (f"{slot.first_logical_date:%d %H:%M}", f"{slot.last_logical_date:%d %H:%M}", slot.count, slot.reason.code)


def test_without_catchup_every_date_that_is_passed_over_is_recorded_with_its_cause(engine: Engine) -> None:
    world = World(engine, START + 10 * HOUR, spec(HOURLY))
    assert [run.logical_date.hour for run in world.tick(START + 10 * HOUR)] == [9]
    assert [words(slot) for slot in world.missed()] == [("01 00:00", "01 08:00", 9, "missed_new")]
    assert str(world.missed()[0].reason).endswith("when the DAG was first seen with this schedule, and catchup is off")

    world.restart(START + 15.5 * HOUR, START + 11 * HOUR)  # the host was off from 11 to 15:30
    assert [run.logical_date.hour for run in world.tick(START + 15.5 * HOUR)] == [14]
    assert words(world.missed()[-1]) == ("01 10:00", "01 13:00", 4, "missed_host_off")

    assert [run.logical_date.hour for run in world.tick(START + 19 * HOUR)] == [18]  # the machine slept
    assert words(world.missed()[-1]) == ("01 15:00", "01 17:00", 3, "missed_late")

    world.pause(True, START + 19.5 * HOUR)
    assert world.tick(START + 22.5 * HOUR) == []
    world.pause(False, START + 22.5 * HOUR)
    assert words(world.missed()[-1]) == ("01 19:00", "01 20:00", 2, "missed_paused")
    assert [run.logical_date.hour for run in world.tick(START + 22.5 * HOUR)] == [21]
    assert len(world.missed()) == 4


def test_with_catchup_nothing_is_missed(engine: Engine) -> None:
    world = World(engine, START + 5 * HOUR, spec(HOURLY, catchup=True))
    world.tick(START + 5 * HOUR)
    world.restart(START + 3 * DAY, START + 5 * HOUR)
    world.tick(START + 3 * DAY)
    assert world.dates() == [START + number * HOUR for number in range(72)]
    assert world.missed() == []


def test_a_catchup_window_runs_what_is_young_enough_and_records_the_rest(engine: Engine) -> None:
    world = World(engine, START + 5 * HOUR, spec(HOURLY, catchup=True, catchup_window=3 * 3600.0))
    world.tick(START + 5 * HOUR)
    assert [date.hour for date in world.dates()] == [1, 2, 3, 4]
    assert words(world.missed()[0]) == ("01 00:00", "01 00:00", 1, "missed_new")
    world.restart(START + 15.5 * HOUR, START + 5 * HOUR)
    world.tick(START + 15.5 * HOUR)
    assert [date.hour for date in world.dates()] == [1, 2, 3, 4, 12, 13, 14]
    assert words(world.missed()[-1]) == ("01 05:00", "01 11:00", 7, "missed_host_off")
    assert str(world.missed()[-1].reason) == "no host ran when they were due, and the catchup window is 3:00:00"


def test_a_date_that_a_manual_run_has_is_recorded_as_taken(engine: Engine) -> None:
    world = World(engine, START + 1.5 * HOUR, spec(HOURLY, catchup=True))
    world.tick(START + 1.5 * HOUR)
    with world.writing() as connection:
        new = flows.new_run("d", START + HOUR, run_id="mine")
        version = dags.latest_version(connection, "d")
        runs.create_run(connection, new, version.id, dags.load_spec(version), START + HOUR)
    assert [run.logical_date.hour for run in world.tick(START + 3 * HOUR)] == [2]
    assert [words(slot) for slot in world.missed()] == [("01 01:00", "01 01:00", 1, "missed_taken")]
    assert str(world.missed()[0].reason) == "the date is taken by run mine"
    assert world.tick(START + 3.2 * HOUR) == []
    assert len(world.missed()) == 1


def test_a_date_whose_run_cannot_be_created_is_not_lost_silently(engine: Engine) -> None:
    world = World(engine, START + 1.5 * HOUR, spec(HOURLY, catchup=True))
    world.tick(START + 1.5 * HOUR)
    with world.writing() as connection:
        new = flows.new_run("d", START, run_id=f"scheduled__{(START + HOUR).isoformat()}", logical_date=None)
        version = dags.latest_version(connection, "d")
        runs.create_run(connection, new, version.id, dags.load_spec(version), START + HOUR)
    assert [run.logical_date.hour for run in world.tick(START + 3 * HOUR)] == [2]
    assert [words(slot) for slot in world.missed()] == [("01 01:00", "01 01:00", 1, "missed_refused")]
    assert "has a run 'scheduled__2026-03-01T01:00:00+00:00' already" in str(world.missed()[0].reason)


def test_dates_beyond_the_end_date_are_not_missed_and_those_before_it_are(engine: Engine) -> None:
    end = (START + 4 * HOUR).isoformat()
    world = World(engine, START + 1.5 * HOUR, spec(HOURLY, end_date=end))
    world.tick(START + 1.5 * HOUR)
    world.tick(START + DAY)
    assert world.dates() == [START]
    assert [words(slot) for slot in world.missed()] == [("01 01:00", "01 04:00", 4, "missed_late")]
    world.tick(START + 2 * DAY)
    assert len(world.missed()) == 1


def test_a_schedule_that_changes_goes_on_where_the_last_run_ended(engine: Engine) -> None:
    daily = ScheduleSpec("cron", "0 0 * * *")
    world = World(engine, START + DAY, spec(daily, catchup=True))
    world.tick(START + DAY)
    world.parse(spec(HOURLY, catchup=True), START + DAY + 2.5 * HOUR)
    world.tick(START + DAY + 2.5 * HOUR)
    assert world.dates() == [START, START + DAY, START + DAY + HOUR]
    world.parse(spec(replace(HOURLY, interval=False), catchup=True), START + DAY + 2.5 * HOUR)
    world.tick(START + DAY + 4 * HOUR)
    assert world.dates()[3:] == [START + DAY + 3 * HOUR, START + DAY + 4 * HOUR]


def test_a_continuous_dag_has_one_run_at_a_time_and_its_intervals_follow_on_each_other(engine: Engine) -> None:
    world = World(engine, START + HOUR, spec(ScheduleSpec("continuous"), max_active_runs=1))
    (first,) = world.tick(START + HOUR, finish=False)
    assert (first.data_interval_start, first.data_interval_end) == (START, START + HOUR)
    assert world.tick(START + 2 * HOUR, finish=False) == []
    with world.writing() as connection:
        world.finish(connection, first, START + 3 * HOUR)
    (second,) = world.tick(START + 3 * HOUR, finish=False)
    assert (second.data_interval_start, second.data_interval_end) == (START + HOUR, START + 3 * HOUR)
    with world.writing() as connection:
        world.finish(connection, second, START + 3 * HOUR)
    (third,) = world.tick(START + 2 * HOUR, finish=False)  # the clock was set back
    assert third.data_interval_start == START + 3 * HOUR
    assert third.data_interval_end == START + 3 * HOUR + timedelta(microseconds=1)
    assert third.run_after <= START + 2 * HOUR


def test_events_that_are_past_at_the_first_look_are_no_late_runs(engine: Engine) -> None:
    dates = tuple((START + number * HOUR).isoformat() for number in (1, 3, 5, 6))
    events = spec(ScheduleSpec("events", interval=False, events=dates), start_date=None)
    world = World(engine, START + 4 * HOUR, events)
    assert world.tick(START + 4 * HOUR) == []
    assert [run.logical_date.hour for run in world.tick(START + 5 * HOUR)] == [5]
    assert [run.logical_date.hour for run in world.tick(START + 9 * HOUR)] == [6]
    assert world.tick(START + DAY) == []
    assert world.dates() == [START + 5 * HOUR, START + 6 * HOUR]


def test_a_first_fire_without_start_date_waits_for_its_time(engine: Engine) -> None:
    trigger = ScheduleSpec("cron", "0 * * * *", interval=False)
    world = World(
        engine,
        START + 1.5 * HOUR,
        spec(trigger, "waits", start_date=None),
        spec(replace(trigger, run_immediately=True), "at_once", start_date=None),
        spec(replace(trigger, run_immediately=1800.0), "in_grace", start_date=None),
        spec(replace(trigger, run_immediately=None), "not_in_a_tenth", start_date=None),
    )
    assert [(run.dag_id, run.logical_date.hour) for run in world.tick(START + 1.5 * HOUR)] == [
        ("at_once", 1),
        ("in_grace", 1),
    ]
    assert sorted(run.dag_id for run in world.tick(START + 2 * HOUR + MINUTE)) == [
        "at_once",
        "in_grace",
        "not_in_a_tenth",
        "waits",
    ]


def test_a_clock_that_was_ahead_loses_no_date(engine: Engine) -> None:
    world = World(engine, START, spec(MINUTELY))
    for number in range(1, 5):
        world.tick(START + number * MINUTE)
    world.tick(datetime(2038, 1, 19, 3, 14, tzinfo=UTC))
    assert words(world.missed()[-1])[2:] == (6_252_669, "missed_late")
    for number in range(6, 10):
        world.tick(START + number * MINUTE)
    assert [date for date in world.dates() if date.year == 2026] == [
        START + number * MINUTE for number in (0, 1, 2, 3, 5, 6, 7, 8)
    ]
    assert [words(slot) for slot in world.missed()] == [("01 00:04", "01 00:04", 1, "missed_clock")]
    world.restart(START + 5 * MINUTE, datetime(2038, 1, 19, tzinfo=UTC))  # set back while no host ran
    assert world.tick(START + 12 * MINUTE) != []


def test_r13_a_clock_that_walks_at_random_makes_no_run_twice_and_loses_none(engine: Engine) -> None:
    seed = int(os.environ.get("JUPYTER_FLOW_SEED", "13"))
    chance = random.Random(seed)
    real = START + DAY
    fixed = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)]
    world = World(
        engine,
        real,
        spec(ScheduleSpec("cron", "*/10 * * * *"), "latest"),
        spec(ScheduleSpec("cron", "30 * * * *", interval=False), "all", catchup=True),
        spec(ScheduleSpec("delta", seconds=5400.0), "delta", catchup=True),
    )
    error = timedelta()
    for number in range(STEPS):
        step = chance.random()
        if step < 0.03:
            error = chance.choice([timedelta(), HOUR, -HOUR, DAY, -DAY, 30 * MINUTE])
        elif step < 0.034:
            error = chance.choice(fixed) - real
        elif step < 0.05:
            error = timedelta()
        real += 8 * HOUR if step > 0.998 else timedelta(seconds=chance.uniform(1, 300))
        if step > 0.99 and number % 2:
            world.restart(real + error, world.watch.began)
        world.tick(real + error, rounds=1)
    for _ in range(60):  # the clock is right from now on
        real += 5 * MINUTE
        world.tick(real, rounds=50)
    grids = {
        "latest": [START + count * 10 * MINUTE for count in range(int((real - START) / (10 * MINUTE)))],
        "all": [START + 30 * MINUTE + count * HOUR for count in range(int((real - START + 30 * MINUTE) / HOUR))],
        "delta": [START + count * 90 * MINUTE for count in range(int((real - START) / (90 * MINUTE)))],
    }
    for dag_id, expected in grids.items():
        found = world.dates(dag_id)
        assert len(found) == len(set(found))
        left_out = set(expected) - set(found)
        ranges = [(slot.first_logical_date, slot.last_logical_date) for slot in _all_missed(engine, dag_id)]
        lost = [date for date in left_out if not any(first <= date <= last for first, last in ranges)]
        assert lost == [], f"seed {seed}, {dag_id}: {lost[:5]}"
        if dag_id != "latest":
            assert left_out == set(), f"seed {seed}, {dag_id}"


def _all_missed(engine: Engine, dag_id: str) -> list[MissedSlot]:
    with engine.connect() as connection:
        return timetables.list_missed(connection, dag_id, 100_000)


def test_r14_thirty_days_down_with_a_hundred_minutely_dags(engine: Engine) -> None:
    kinds: list[dict[str, object]] = [{}, {"catchup": True, "catchup_window": 600.0}, {"catchup": True}]
    specs = [spec(MINUTELY, f"d{number}", **kinds[number % 3]) for number in range(100)]
    off = START + 10 * MINUTE
    world = World(engine, off, *specs)
    world.tick(off, rounds=1)
    back = off + 30 * DAY + timedelta(seconds=30)
    world.restart(back, off)
    began = time.process_time()
    with world.writing() as connection:
        created = due.create_due(connection, back, world.watch.began)
    assert time.process_time() - began < 10, "of this process: what else the machine does is not counted"
    by_dag: dict[str, int] = {}
    for run in created:
        by_dag[run.dag_id] = by_dag.get(run.dag_id, 0) + 1
    assert {by_dag[f"d{number}"] for number in range(0, 100, 3)} == {1}
    assert {by_dag[f"d{number}"] for number in range(1, 100, 3)} == {10}
    assert {by_dag[f"d{number}"] for number in range(2, 100, 3)} == {20}, "max_active_runs and some ahead"
    for number, count in ((0, 43_199), (1, 43_190)):
        (slot,) = [slot for slot in world.missed(f"d{number}") if slot.reason.code == "missed_host_off"]
        assert slot.count == count
        assert slot.first_logical_date == off
    assert [slot for slot in world.missed("d2") if slot.reason.code != "missed_new"] == []


def plan_of(connection: Connection, statement: Select[Any]) -> str:
    """How the database goes about a statement, when it is big."""
    compiled = statement.compile(connection)
    if not database.is_shared(connection):
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(None for _ in compiled.params))
        return "; ".join(row[-1] for row in plan)
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # else a table without rows is simply read
    examples = {str: "d", datetime: START, int: 1}
    kinds = {name: getattr(bind.type, "impl_instance", bind.type).python_type for name, bind in compiled.binds.items()}
    values = {name: examples[kind] for name, kind in kinds.items()}
    return "; ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {compiled}", values))


def test_the_last_scheduled_run_is_found_by_index_whatever_the_history(engine: Engine) -> None:
    with engine.connect() as connection:
        for statement in (timetables._LAST, timetables._AT, dags._DUE, dags._NEXT_DUE):
            plan = plan_of(connection, statement)
            assert "INDEX" in plan.upper(), plan
            assert "SCAN dag_run" not in plan, plan
            assert "Seq Scan" not in plan, plan
