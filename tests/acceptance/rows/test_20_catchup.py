"""Row 20: start dates in the past, ``catchup`` True, False or a timedelta, downtime, pauses; what is missed is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from support.houses import House
from support.waiting import wait_for

DAG_FILE = """
from datetime import datetime, timedelta

from jupyter_flow import DAG, EmptyOperator

for dag_id, schedule, start, catchup in [
    ("past_all", "@weekly", "{weeks}", True),
    ("past_one", "@weekly", "{weeks}", False),
    ("past_window", "@weekly", "{weeks}", timedelta(weeks=3)),
    ("off_all", "* * * * * *", "{now}", True),
    ("off_one", "* * * * * *", "{now}", False),
    ("off_window", "* * * * * *", "{now}", timedelta(seconds=2)),
]:
    with DAG(dag_id, schedule=schedule, start_date=start, catchup=catchup, max_active_runs=30):
        EmptyOperator(task_id="a")
"""
SECOND = timedelta(seconds=1)


def dates(house: House, dag_id: str) -> list[datetime]:
    rows = house.rows("SELECT logical_date FROM dag_run WHERE dag_id = ? ORDER BY logical_date", dag_id)
    return [datetime.fromisoformat(row["logical_date"]).replace(tzinfo=UTC) for row in rows]


def missed(house: House, dag_id: str) -> list[dict[str, Any]]:
    return house.call("dags.missed", dag_id=dag_id)["missed"][::-1]


def unpause(house: House, *dag_ids: str) -> None:
    for dag_id in dag_ids:
        house.wait_for_dag(dag_id)
        house.call("dags.unpause", dag_id=dag_id)


def write(house: House) -> datetime:
    now = datetime.now(UTC).replace(microsecond=0)
    sunday = now.replace(hour=0, minute=0, second=0) - timedelta(days=now.isoweekday() % 7)
    text = DAG_FILE.replace("{weeks}", str(sunday - timedelta(weeks=6))).replace("{now}", str(now))
    house.write_dag(text, "catching_up.py")
    return sunday


def test_a_start_date_in_the_past_brings_all_one_or_the_young_intervals(house: House) -> None:
    sunday = write(house)
    weeks = [sunday - timedelta(weeks=number) for number in range(6, 0, -1)]
    unpause(house, "past_all", "past_one", "past_window")
    wait_for(lambda: dates(house, "past_all") == weeks, lambda: f"all run: {dates(house, 'past_all')}", 30)
    wait_for(lambda: dates(house, "past_one") == weeks[-1:], lambda: f"the last runs: {dates(house, 'past_one')}", 30)
    wait_for(lambda: dates(house, "past_window") == weeks[-3:], lambda: f"three run: {dates(house, 'past_window')}", 30)
    assert missed(house, "past_all") == []
    (one,) = missed(house, "past_one")
    assert (one["first_logical_date"], one["count"]) == (weeks[0].isoformat(), 5)
    assert one["reason"]["text"].endswith("first seen with this schedule, and catchup is off")
    (window,) = missed(house, "past_window")
    assert (window["last_logical_date"], window["count"]) == (weeks[2].isoformat(), 3)
    assert window["reason"]["text"].endswith("and the catchup window is 21 days, 0:00:00")
    (shown,) = house.cli_json("dags", "missed", "past_one")
    assert shown == one
    assert "5   they were past when the DAG was first seen" in house.cli("dags", "missed", "past_one").out
    assert house.cli("dags", "missed", "past_all").out == "past_all missed no date\n"


def test_what_was_due_while_no_host_ran_is_caught_up_or_recorded_and_no_date_runs_twice(house: House) -> None:
    unpause(house, "off_all", "off_one", "off_window")
    for dag_id in ("off_all", "off_one", "off_window"):
        wait_for(lambda dag_id=dag_id: len(dates(house, dag_id)) >= 2, f"{dag_id} runs", 30)
    house.stop()
    stopped = datetime.now(UTC)
    wait_for(lambda: datetime.now(UTC) > stopped + 4 * SECOND, "some dates go by", 30)
    house.start()
    back = datetime.now(UTC)

    def current(dag_id: str) -> bool:
        known = dates(house, dag_id)
        return bool(known) and known[-1] > back + SECOND

    for dag_id in ("off_all", "off_one", "off_window"):
        wait_for(lambda dag_id=dag_id: current(dag_id), f"{dag_id} goes on", 30)
        house.call("dags.pause", dag_id=dag_id)
    for dag_id in ("off_all", "off_one", "off_window"):
        known = dates(house, dag_id)
        assert len(known) == len(set(known))
        gaps = {after - SECOND for before, after in pairwise(known) if after - before > SECOND}
        ranges = [(item["first_logical_date"], item["last_logical_date"]) for item in missed(house, dag_id)]
        assert gaps <= {datetime.fromisoformat(last) for _, last in ranges}, f"{dag_id}: each gap is told of"
    everything = dates(house, "off_all")
    assert everything[-1] - everything[0] == (len(everything) - 1) * SECOND
    (off,) = [item for item in missed(house, "off_one") if item["reason"]["code"] == "missed_host_off"]
    first, last = (datetime.fromisoformat(off[f"{name}_logical_date"]) for name in ("first", "last"))
    assert stopped - 3 * SECOND < first < last < back
    assert off["count"] == (last - first) / SECOND + 1 >= 2
    assert off["reason"]["text"] == "no host ran when they were due, and catchup is off"
    (window,) = [item for item in missed(house, "off_window") if item["reason"]["code"] == "missed_host_off"]
    assert window["count"] < off["count"] + 1
    assert "the catchup window is 0:00:02" in window["reason"]["text"]


def test_dates_of_a_pause_are_recorded_when_it_ends(house: House) -> None:
    before = dates(house, "off_one")[-1]
    wait_for(lambda: datetime.now(UTC) > before + 4 * SECOND, "some dates go by", 30)
    house.call("dags.unpause", dag_id="off_one")
    wait_for(lambda: dates(house, "off_one")[-1] > before, "it goes on", 30)
    house.call("dags.pause", dag_id="off_one")
    paused = [item for item in missed(house, "off_one") if item["reason"]["code"] == "missed_paused"]
    assert paused
    assert paused[-1]["reason"]["text"] == "the DAG was paused when they were due, and catchup is off"


def test_a_custom_timetable_far_behind_makes_one_late_run_and_tells_of_the_rest(house: House) -> None:
    house.write_dag(
        """
        from datetime import datetime, timedelta

        from jupyter_flow import DAG, EmptyOperator
        from jupyter_flow.timetables.base import DagRunInfo, Timetable

        class Daily(Timetable):
            def next_dagrun_info(self, *, last_automated_data_interval, restriction):
                start = last_automated_data_interval.end if last_automated_data_interval else restriction.earliest
                return DagRunInfo.interval(start, start + timedelta(days=1))

        with DAG("far_behind", schedule=Daily(), start_date=datetime(2019, 1, 1)):
            EmptyOperator(task_id="a")
        """,
        "far_behind.py",
    )
    house.wait_for_dag("far_behind")
    house.call("dags.reload", wait=True, timeout=60)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    unpause(house, "far_behind")
    wait_for(lambda: dates(house, "far_behind"), "it runs", 30)
    house.call("dags.reload", wait=True, timeout=60)
    (only,) = dates(house, "far_behind")
    assert today - timedelta(days=2) <= only <= today - timedelta(days=1)
    (item,) = missed(house, "far_behind")
    assert item["first_logical_date"] == "2019-01-01T00:00:00+00:00"
    assert item["count"] == (only - datetime(2019, 1, 1, tzinfo=UTC)).days
    next_run = house.call("dags.show", dag_id="far_behind")["next_run"]
    assert next_run["logical_date"] == (only + timedelta(days=1)).isoformat()
