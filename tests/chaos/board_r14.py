"""R14: a house that slept for a month, with DAGs that were due every minute, wakes up.

The month is made by moving the recorded past back by 30 days while no host runs.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.houses import House
from support.waiting import wait_for

TITLE = "30 days down, 100 minute-level DAGs"
TARGET = "healthy ≤ 10 s, exactly the configured catch-up, every skipped range reported"
SCALE = 1.0
SMOKE = 0.1

DAYS = 30
WINDOW = 5
DAG = """
from datetime import datetime, timedelta, timezone
from jupyter_flow import DAG, EmptyOperator

for n in range(COUNT):
    with DAG(f"m{n}", schedule="* * * * *", start_date=datetime(2020, 1, 1, tzinfo=timezone.utc),
             catchup=timedelta(minutes=WINDOW) if n % 10 == 0 else False, max_active_runs=16):
        EmptyOperator(task_id="t")
"""
_INSTANTS = {
    "dag": ("next_logical_date", "next_interval_start", "next_interval_end", "next_run_after"),
    "dag_run": ("logical_date", "data_interval_start", "data_interval_end", "run_after", "start_date", "end_date"),
    "host": ("started_at", "heartbeat_at", "lease_until", "ended_at"),
    "missed_slot": ("first_logical_date", "last_logical_date", "noticed_at"),
}


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Let every DAG run once, put the house a month back, wake it up."""
    count = max(10, round(100 * scale))
    house = House(folder)
    house.write_dag(DAG.replace("COUNT", str(count)).replace("WINDOW", str(WINDOW)))
    try:
        house.start("--unpaused", "--set", "prune_interval=0")
        wait_for(lambda: _dags_with_runs(house) == count, "every DAG has run once", 120)
        house.stop()
        before = _minute(datetime.now(UTC))
        _sleep_for_a_month(house)
        begun = time.monotonic()
        house.start("--unpaused", "--set", "prune_interval=0")
        seconds = time.monotonic() - begun
        wait_for(lambda: _latest(house, count) >= before - timedelta(minutes=1), "every DAG has its latest run", 120)
        wrong = [line for number in range(count) for line in _judge(house, number, before)]
    finally:
        house.close()
    return {
        "dags": count,
        "seconds_to_healthy": round(seconds, 2),
        "wrong": len(wrong),
        "passed": not wrong and seconds <= 10,
        "detail": f"healthy after {seconds:.1f} s; " + (wrong[0] if wrong else "all dates have a run or are reported"),
    }


def _dags_with_runs(house: House) -> int:
    return int(house.rows("select count(distinct dag_id) as n from dag_run")[0]["n"])


def _latest(house: House, count: int) -> datetime:
    rows = house.rows("select max(logical_date) as at from dag_run group by dag_id")
    if len(rows) < count:
        return datetime.min.replace(tzinfo=UTC)
    return min(_read(row["at"]) for row in rows)


def _judge(house: House, number: int, woken: datetime) -> list[str]:
    """Return what is wrong with the dates of one DAG: each minute of the month has one run or is reported missed."""
    name = f"m{number}"
    found = house.rows(f"select logical_date from dag_run where dag_id = '{name}' order by logical_date")
    dates = [_read(row["logical_date"]) for row in found]
    recent = [date for date in dates if date > woken - timedelta(days=1)]
    due_then = [date for date in recent if date < woken]  # a minute or two may have passed since
    expected = WINDOW if number % 10 == 0 else 1
    wrong = []
    if not expected - 1 <= len(due_then) <= expected + 1:
        wrong.append(f"{name}: {len(due_then)} runs of the past, {expected} were configured")
    if len(set(dates)) != len(dates):
        wrong.append(f"{name}: a date ran twice")
    missed = house.call("dags.missed", dag_id=name)["missed"]
    covered = sum(int(slot["count"]) for slot in missed if slot["reason"]["code"] != "missed_new")
    minutes = round((dates[-1] - dates[0]).total_seconds() / 60) + 1
    if covered + len(dates) != minutes:
        wrong.append(f"{name}: {minutes} dates, {len(dates)} ran, {covered} are reported missed")
    return wrong


def _sleep_for_a_month(house: House) -> None:
    with closing(sqlite3.connect(house.home / "flow.db")) as database:
        for table, columns in _INSTANTS.items():
            known = {row[1] for row in database.execute(f"pragma table_info({table})")}
            moved = ", ".join(
                f"{column} = strftime('%Y-%m-%d %H:%M:%f', {column}, '-{DAYS} days') || '000'"
                for column in columns
                if column in known
            )
            database.execute(f"update {table} set {moved}")
        for table in ("dag_run", "task_instance"):  # ids of scheduled runs name their date
            database.execute(f"update {table} set run_id = 'earlier_' || run_id")
        database.commit()


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
