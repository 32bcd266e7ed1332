"""Row 18: what ``schedule=`` takes, which runs it brings (``dags next``), and that they start by themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from support.houses import House, states_of
from support.waiting import wait_for

KINDS = """
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import FR, relativedelta
from jupyter_flow import DAG, Asset, EmptyOperator
from jupyter_flow.timetables import (
    AssetOrTimeSchedule, CronDataIntervalTimetable, CronTriggerTimetable, DeltaDataIntervalTimetable,
    DeltaTriggerTimetable, EventsTimetable, MultipleCronTriggerTimetable, NullTimetable,
)
from jupyter_flow.timetables.base import DagRunInfo, Timetable


class FullMoons(Timetable):
    "Every 29 days and a half; runs two days later."

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        last = last_automated_data_interval
        start = last.end if last is not None else restriction.earliest
        info = DagRunInfo.interval(start, start + timedelta(days=29, hours=12))
        return DagRunInfo(info.run_after + timedelta(days=2), info.data_interval)


START = datetime(2026, 1, 1)
SCHEDULES = {
    "cron": "30 2 * * mon-fri",
    "seconds": "59 23 * * * */20",
    "preset": "@quarterly",
    "last_day": "0 6 L * *",
    "second_tuesday": "0 0 * * tue#2",
    "delta": timedelta(hours=36),
    "calendar": relativedelta(months=1, day=31),
    "fridays": relativedelta(months=1, day=31, weekday=FR(-1)),
    "trigger": CronTriggerTimetable("0 9 * * *", timezone="Asia/Tokyo", interval=timedelta(hours=3)),
    "intervals": CronDataIntervalTimetable("0 9 * * *", timezone="Asia/Tokyo"),
    "several": MultipleCronTriggerTimetable("0 6 * * *", "0 6,18 * * sat", timezone="UTC"),
    "delta_trigger": DeltaTriggerTimetable(timedelta(days=2), interval=timedelta(days=1)),
    "delta_interval": DeltaDataIntervalTimetable(relativedelta(weeks=1)),
    "events": EventsTimetable([datetime(2030, 6, 1, 12), datetime(2029, 4, 5)], description="two matches"),
    "or_time": AssetOrTimeSchedule(timetable=CronTriggerTimetable("@daily"), assets=[Asset("prices")]),
    "custom": FullMoons(),
    "assets": [Asset("prices")],
    "once": "@once",
    "none": None,
    "null": NullTimetable(),
}
for name, schedule in SCHEDULES.items():
    with DAG(f"kind_{name}", schedule=schedule, start_date=START):
        EmptyOperator("a")
for name, cron in {"night": "30 2 * * *", "half_hours": "*/30 1-3 * * *"}.items():
    with DAG(f"berlin_{name}", schedule=cron, start_date=START, timezone="Europe/Berlin"):
        EmptyOperator("a")
with DAG("kind_continuous", schedule="@continuous", start_date=START, max_active_runs=1):
    EmptyOperator("a")
"""
AFTER = "2027-03-26T00:00:00+00:00"


@pytest.fixture(scope="module")
def kinds(house: House) -> House:
    house.write_dag(KINDS, "kinds.py")
    house.wait_for_dag("kind_continuous")
    house.call("dags.reload", wait=True, timeout=60)
    return house


def brought(house: House, dag_id: str, count: int = 2, after: str = AFTER) -> list[tuple[str, str, str, str]]:
    """``dags next`` as (starts, logical date, interval start, interval end), in UTC."""
    names = ("run_after", "logical_date", "data_interval_start", "data_interval_end")
    found = house.call("dags.next", dag_id=dag_id, count=count, after=after)
    assert all(list(run) == list(names) for run in found)
    return [tuple(short(run[name]) for name in names) for run in found]


def short(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%m-%d %H:%M:%S}".removesuffix(":00")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "cron",
            ["03-26 02:30|03-25 02:30|03-25 02:30|03-26 02:30", "03-29 02:30|03-26 02:30|03-26 02:30|03-29 02:30"],
        ),
        (
            "seconds",
            [
                "03-26 23:59|03-25 23:59:40|03-25 23:59:40|03-26 23:59",
                "03-26 23:59:20|03-26 23:59|03-26 23:59|03-26 23:59:20",
            ],
        ),
        (
            "preset",
            ["04-01 00:00|01-01 00:00|01-01 00:00|04-01 00:00", "07-01 00:00|04-01 00:00|04-01 00:00|07-01 00:00"],
        ),
        ("last_day", ["03-31 06:00|02-28 06:00|02-28 06:00|03-31 06:00"]),
        ("second_tuesday", ["04-13 00:00|03-09 00:00|03-09 00:00|04-13 00:00"]),
        (
            "delta",
            ["03-27 00:00|03-25 12:00|03-25 12:00|03-27 00:00", "03-28 12:00|03-27 00:00|03-27 00:00|03-28 12:00"],
        ),
        (
            "calendar",
            ["03-31 00:00|02-28 00:00|02-28 00:00|03-31 00:00", "04-30 00:00|03-31 00:00|03-31 00:00|04-30 00:00"],
        ),
        ("fridays", ["04-30 00:00|03-26 00:00|03-26 00:00|04-30 00:00"]),
        (
            "trigger",
            ["03-27 00:00|03-26 21:00|03-26 21:00|03-27 00:00", "03-28 00:00|03-27 21:00|03-27 21:00|03-28 00:00"],
        ),
        ("intervals", ["03-27 00:00|03-26 00:00|03-26 00:00|03-27 00:00"]),
        (
            "several",
            [f"{at}|{at}|{at}|{at}" for at in ("03-26 06:00", "03-27 06:00", "03-27 18:00", "03-28 06:00")],
        ),
        ("delta_trigger", ["03-27 00:00|03-26 00:00|03-26 00:00|03-27 00:00"]),
        ("delta_interval", ["04-01 00:00|03-25 00:00|03-25 00:00|04-01 00:00"]),
        (
            "events",
            ["04-05 00:00|04-05 00:00|04-05 00:00|04-05 00:00", "06-01 12:00|06-01 12:00|06-01 12:00|06-01 12:00"],
        ),
        ("or_time", ["03-27 00:00|03-27 00:00|03-27 00:00|03-27 00:00"]),
        ("custom", ["04-20 00:00|03-19 12:00|03-19 12:00|04-18 00:00"]),
        ("assets", []),
        ("once", []),
        ("none", []),
        ("null", []),
    ],
)
def test_next_runs_of_every_kind_of_schedule(kinds: House, name: str, expected: list[str]) -> None:
    found = brought(kinds, f"kind_{name}", max(1, len(expected)))
    assert ["|".join(run) for run in found] == expected


def test_the_command_line_prints_them_as_json_and_for_people(kinds: House) -> None:
    found = kinds.cli_json("dags", "next", "kind_cron", "--after", "2027-03-26", "--count", "1")
    assert found == [
        {
            "run_after": "2027-03-26T02:30:00+00:00",
            "logical_date": "2027-03-25T02:30:00+00:00",
            "data_interval_start": "2027-03-25T02:30:00+00:00",
            "data_interval_end": "2027-03-26T02:30:00+00:00",
        }
    ]
    spring = kinds.cli("dags", "next", "berlin_night", "--after", "2027-03-27T12:00", "--count", "2").out
    assert "starts (Europe/Berlin)" in spring
    assert "2027-03-28 03:00:00+02:00" in spring
    assert "[2027-03-27 02:30:00+01:00, 2027-03-28 03:00:00+02:00)" in spring
    assert "02:00 to 03:00 is skipped" in spring
    autumn = kinds.cli("dags", "next", "berlin_half_hours", "--after", "2027-10-30T23:00Z", "--count", "8").out
    lines = [line.split("+", 1)[0].strip() + " " + line.rsplit("   ", 1)[-1].strip() for line in autumn.splitlines()]
    assert [line for line in lines if "twice" in line] == [
        "2027-10-31 02:00:00 comes twice: the first time",
        "2027-10-31 02:30:00 comes twice: the first time",
        "2027-10-31 02:00:00 comes twice: the second time",
        "2027-10-31 02:30:00 comes twice: the second time",
    ]


def test_a_fixed_time_runs_once_a_day_through_both_changes_of_the_clock(kinds: House) -> None:
    spring = brought(kinds, "berlin_night", 3, "2027-03-27T12:00:00+00:00")
    assert [run[0] for run in spring] == ["03-28 01:00", "03-29 00:30", "03-30 00:30"]
    autumn = brought(kinds, "berlin_night", 3, "2027-10-30T12:00:00+00:00")
    assert [run[0] for run in autumn] == ["10-31 00:30", "11-01 01:30", "11-02 01:30"]
    assert all(earlier[3] == later[2] for earlier, later in pairwise(spring))


def ended(house: House, dag_id: str, count: int) -> list[dict[str, Any]]:
    def over() -> Any:
        runs = [run for run in house.call("runs.list", dag_id=dag_id)["runs"] if run["run_type"] == "scheduled"]
        done = sorted((run for run in runs if run["end_date"]), key=lambda run: run["logical_date"])
        return done[:count] if len(done) >= count else None

    return wait_for(over, f"{count} scheduled runs of {dag_id} end", 60)


def test_a_cron_of_seconds_starts_runs_by_itself_in_its_zone(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("every_two_seconds", schedule="* * * * * */2", timezone="Asia/Kathmandu", max_active_runs=1):
            BashOperator(task_id="say", bash_command="echo {{ data_interval_end }}")
        """,
        "seconds.py",
    )
    house.wait_for_dag("every_two_seconds")
    began = datetime.now(UTC)
    house.call("dags.unpause", dag_id="every_two_seconds")
    runs = ended(house, "every_two_seconds", 2)
    house.call("dags.pause", dag_id="every_two_seconds")
    for run in runs:
        begin, end = (datetime.fromisoformat(run[name]) for name in ("data_interval_start", "data_interval_end"))
        assert end - begin == timedelta(seconds=2)
        assert run["run_after"] == run["data_interval_end"]
        assert datetime.fromisoformat(run["start_date"]) >= end
        assert end > began - timedelta(seconds=4)
        assert run["timezone"] == "Asia/Kathmandu"
        assert run["wall_text"] == f"{end + timedelta(hours=5, minutes=45):%Y-%m-%d %H:%M:%S}+05:45"


def test_once_runs_once_and_a_continuous_dag_again_and_again_one_run_at_a_time(kinds: House) -> None:
    kinds.call("dags.unpause", dag_id="kind_once")
    kinds.call("dags.unpause", dag_id="kind_continuous")
    runs = ended(kinds, "kind_continuous", 3)
    kinds.call("dags.pause", dag_id="kind_continuous")
    assert runs[0]["data_interval_start"] == "2026-01-01T00:00:00+00:00"
    for earlier, later in pairwise(runs):
        assert later["data_interval_start"] == earlier["data_interval_end"]
        assert later["start_date"] >= earlier["end_date"]
    (once,) = ended(kinds, "kind_once", 1)
    assert once["logical_date"] == "2026-01-01T00:00:00+00:00"
    assert kinds.call("dags.show", dag_id="kind_once")["next_run"] is None
    assert len(kinds.call("runs.list", dag_id="kind_once")["runs"]) == 1


def test_a_custom_timetable_is_asked_in_a_child_ahead_of_time(house: House) -> None:
    house.write_dag(
        """
        import os
        from datetime import datetime, timedelta

        from jupyter_flow import DAG, BashOperator
        from jupyter_flow.timetables.base import DagRunInfo, DataInterval, Timetable

        class Weeks(Timetable):
            "Weeks that begin on Sunday; manual runs cover the day before."

            @property
            def summary(self):
                return "weekly, by us"

            def next_dagrun_info(self, *, last_automated_data_interval, restriction):
                with open(os.path.join(os.path.dirname(__file__), "asked.txt"), "a") as file:
                    file.write(f"{os.getpid()} ")
                last = last_automated_data_interval
                if last is not None:
                    start = last.end
                else:
                    start = restriction.earliest
                    start += timedelta(days=(6 - start.weekday()) % 7)
                if restriction.latest is not None and start > restriction.latest:
                    return None
                return DagRunInfo.interval(start, start + timedelta(days=7))

            def infer_manual_data_interval(self, *, run_after):
                end = run_after.replace(hour=0, minute=0, second=0, microsecond=0)
                return DataInterval(end - timedelta(days=1), end)

        DATES = {"start_date": datetime(2026, 1, 1), "end_date": datetime(2026, 2, 1)}
        with DAG("weeks", schedule=Weeks(), catchup=True, **DATES):
            BashOperator(task_id="say", bash_command="echo {{ data_interval_start | ds }}")
        """,
        "weeks.py",
    )
    dag = house.wait_for_dag("weeks")
    assert dag["schedule"] == "weekly, by us"
    house.call("dags.reload", wait=True, timeout=60)
    next_run = house.call("dags.show", dag_id="weeks")["next_run"]
    assert (next_run["logical_date"], next_run["run_after"]) == (
        "2026-01-04T00:00:00+00:00",
        "2026-01-11T00:00:00+00:00",
    )
    manual = house.run_dag("weeks")
    today = datetime.fromisoformat(manual["logical_date"]).date()
    assert manual["data_interval_start"] == f"{today - timedelta(days=1)}T00:00:00+00:00"
    assert manual["data_interval_end"] == f"{today}T00:00:00+00:00"
    runs = ended(house, "weeks", 5)
    assert [run["logical_date"][:10] for run in runs] == [
        f"2026-0{day}" for day in ("1-04", "1-11", "1-18", "1-25", "2-01")
    ]
    assert all(states_of(house.run("weeks", run["run_id"])) == {"say": "success"} for run in runs)
    assert house.call("dags.show", dag_id="weeks")["next_run"] is None
    asked_by = set((house.dags / "asked.txt").read_text().split())
    assert str(house.pid) not in asked_by


BAD = {
    "b01": ('"61 * * * *"', "DAG 'b01': cron expression '61 * * * *' is not valid: out of range"),
    "b02": ('"@dayly"', "DAG 'b02': unknown schedule preset '@dayly': use one of @once, "),
    "b03": ('["@daily"]', "DAG 'b03': a list as schedule holds assets, not '@daily'"),
    "b04": ("CronTriggerTimetable", "DAG 'b04': schedule is the class CronTriggerTimetable: call it, "),
    "b05": ('CronTriggerTimetable("0 2 * *")', "CronTriggerTimetable: cron expression '0 2 * *' has 4 fields, not 5"),
    "b06": (
        '"@continuous"',
        "DAG 'b06': schedule '@continuous' has no more than 1 active run at a time: say max_active",
    ),
    "b07": ("Random()", "DAG 'b07': timetable Random is not deterministic: asked twice, it said run_after "),
    "b08": ("Broken()", "DAG 'b08': timetable Broken: next_dagrun_info failed: ZeroDivisionError: division by zero"),
    "b09": ("Naive()", "DAG 'b09': timetable Naive: data interval 2026-01-01T00:00:00 has no timezone"),
    "b10": ("CronPartitionTimetable", "timetables of partitions are not here"),
}


def test_wrong_schedules_are_import_errors_of_one_line(house: House) -> None:
    for dag_id, (name, _) in BAD.items():
        schedule = name.replace("CronPartition", "timetables.CronPartition")
        house.write_dag(
            f"""
            import random
            from datetime import datetime, timedelta

            from jupyter_flow import DAG, EmptyOperator
            import jupyter_flow.timetables as timetables
            from jupyter_flow.timetables import CronTriggerTimetable
            from jupyter_flow.timetables.base import DagRunInfo, Timetable

            class Random(Timetable):
                def next_dagrun_info(self, *, last_automated_data_interval, restriction):
                    start = last_automated_data_interval.end if last_automated_data_interval else restriction.earliest
                    return DagRunInfo.interval(start, start + timedelta(hours=random.randint(1, 1000)))

            class Broken(Timetable):
                def next_dagrun_info(self, *, last_automated_data_interval, restriction):
                    return 1 / 0

            class Naive(Timetable):
                def next_dagrun_info(self, *, last_automated_data_interval, restriction):
                    return DagRunInfo.exact(datetime(2026, 1, 1))

            with DAG("{dag_id}", schedule={schedule}, start_date=datetime(2026, 1, 1)):
                EmptyOperator("a")
            """,
            f"{dag_id}.py",
        )

    def all_known() -> Any:
        errors = {item["file"]: item for item in house.call("dags.errors") if item["kind"] == "error"}
        return errors if {f"{dag_id}.py" for dag_id in BAD} <= set(errors) else None

    errors = wait_for(all_known, lambda: f"all are refused: {house.call('dags.errors')}", 60)
    for dag_id, (_, sentence) in BAD.items():
        assert sentence in errors[f"{dag_id}.py"]["message"]
        assert "\n" not in errors[f"{dag_id}.py"]["message"]
    assert errors["b08.py"]["line"] == 16, "the line of the timetable that failed"


def test_without_a_host_the_dag_files_are_asked(houses: Callable[[], House]) -> None:
    alone = houses()
    alone.write_dag(KINDS, "kinds.py")
    found = alone.cli_json("dags", "next", "kind_custom", "--after", "2027-03-26", "--count", "2")
    assert [run["run_after"] for run in found] == ["2027-04-20T00:00:00+00:00", "2027-05-19T12:00:00+00:00"]
    assert alone.cli_json("dags", "next", "kind_once", "--after", "2027-03-26") == []
