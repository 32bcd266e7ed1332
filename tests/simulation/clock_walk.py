"""R13: a host with scheduled DAGs and running attempts, on a machine whose clock walks about at random."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from support.flows import chain

from jupyter_flow.model.records import Workload
from jupyter_flow.model.spec import DagSpec, ScheduleSpec
from jupyter_flow.storage import timetables

from .bench import Bench
from .dags import Script
from .executor import Process, SimulatedExecutor
from .faults import Violation
from .host import BEGAN
from .stage import Stage

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
FAR = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC))
SETTLE = 21_600.0
"""Seconds for which the clock is right in the end."""


def _dags() -> list[DagSpec]:
    more = {"start_date": START.isoformat(), "max_active_runs": 4}
    plans: dict[str, Any] = {
        "latest": {"schedule": ScheduleSpec("cron", "*/10 * * * *")},
        "all": {"schedule": ScheduleSpec("cron", "30 * * * *", interval=False), "catchup": True},
        "delta": {"schedule": ScheduleSpec("delta", seconds=5400.0), "catchup": True},
    }
    found = []
    for dag_id, plan in plans.items():
        spec = chain(2, dag_id=dag_id, **more, **plan)
        tasks = tuple(replace(item, retries=3, retry_delay=20.0, execution_timeout=600.0) for item in spec.tasks)
        found.append(replace(spec, tasks=tasks))
    return found


@dataclass
class Walked:
    """What a walk gave. ``wrong``: what must not be, in words."""

    steps: int
    runs: int
    attempts: int
    restarts: int
    wrong: list[str]


class ClockWalk(Stage):
    """Tasks take up to two minutes, fail now and then, wait to be asked again, and are never ended by anybody."""

    longest = 10**9

    def __init__(self, bench: Bench, seed: int) -> None:
        super().__init__(bench, *_dags())
        self.walk = random.Random(seed)
        self.config = replace(self.config, parallelism=32, infra_retries=2)
        for home in self.homes:
            home.config = replace(self.config, home=home.config.home)
        self.slept = timedelta()
        self.error = timedelta()
        self.right_since = BEGAN
        self.restarts = 0
        self.wrong: list[str] = []
        self._working: dict[tuple[str, str, str, int], str] = {}

    # --- what the world does, with cheap checks: it lives for days

    def script(self, workload: Workload) -> Script:
        outcome = self.walk.choice(["success"] * 8 + ["failed", "up_for_reschedule"])
        if workload.try_number > 3:
            outcome = "success"
        return Script("reports", outcome, self.walk.choice([1.0, 20.0, self.walk.uniform(0, 120)]), again_after=30.0)

    def launched(self, executor: SimulatedExecutor, workload: Workload, token: str) -> None:
        self.note(f"launch {workload.task.task_id} of {workload.run.run_id}")

    def code_began(self, process: Process) -> None:
        other = self._working.get(process.task_key)
        if other is not None and other != process.attempt_id:
            before = self.machines[0].by_attempt[other]
            if before.works:
                self.wrong.append(f"two attempts of {process.task_key} run")
        self._working[process.task_key] = process.attempt_id

    def committed(self, host: Any, before: int) -> None:
        self.changed_at = self.now
        self.told.clear()

    def note(self, text: str) -> None:
        super().note(text)
        if len(self.trace) > 2000:
            del self.trace[:1000]

    # --- the clock

    @property
    def real(self) -> datetime:
        """What a right clock shows."""
        return BEGAN + timedelta(seconds=self.now) + self.slept

    def step_clock(self) -> None:
        """Do something to the clock, or nothing."""
        lot = self.walk.random()
        if lot < 0.25:
            self.error += self.walk.choice([HOUR, -HOUR, DAY, -DAY])
        elif lot < 0.29:
            self.error = self.walk.choice(FAR) - self.real
        elif lot < 0.31:
            self.slept += 8 * HOUR
        elif lot < 0.45 or abs(self.error) > 3 * DAY:
            self.error = timedelta()
        self.machines[0].offset = (self.slept + self.error).total_seconds()

    def go(self, steps: int, settle: float = SETTLE) -> Walked:
        """Walk, then let the clock be right and everything settle; say what is wrong."""
        for number in range(steps):
            self.step_clock()
            if self.walk.random() < 0.01 and self.hosts:
                self.restarts += 1
                self.bury(self.hosts[0])
            self.pass_time(self.walk.uniform(1, 120))
            if not self.hosts and not any(item[3] == "a host starts" for item in self._queue):
                raise Violation(f"step {number}: the host is gone: {self.trace[-5:]}")
        self.error = timedelta()
        self.machines[0].offset = self.slept.total_seconds()
        self.right_since = self.real
        self.pass_time(settle)
        return self._judged(steps)

    def _judged(self, steps: int) -> Walked:
        raw = self.bench.raw
        runs = raw.execute("SELECT dag_id, run_id, state, logical_date FROM dag_run").fetchall()
        doubled = [key for key, count in Counter((row[0], row[3]) for row in runs).items() if count > 1]
        self.wrong += [f"two runs of {dag_id} for {date}" for dag_id, date in doubled]
        attempts = raw.execute("SELECT outcome, reason FROM attempt").fetchall()
        ends = Counter((outcome, _code(reason)) for outcome, reason in attempts if outcome is not None)
        right = {("success", "ok"), ("failed", "exception"), ("rescheduled", "exception")}
        self.wrong += [f"{count} attempts ended as {end}" for end, count in ends.items() if end not in right]
        for dag_id in self.specs:
            self._caught_up(dag_id, {row[3]: row[2] for row in runs if row[0] == dag_id})
        return Walked(steps, len(runs), len(attempts), self.restarts, self.wrong)

    def _caught_up(self, dag_id: str, runs: dict[str, str]) -> None:
        """Every date has a run that has ended, or is told to be missed where catchup is off and the clock was wrong."""
        states = {datetime.fromisoformat(date).replace(tzinfo=UTC): state for date, state in runs.items()}
        every, first, late = {
            "latest": (10 * MINUTE, START, 10 * MINUTE),
            "all": (HOUR, START + 30 * MINUTE, timedelta()),
            "delta": (90 * MINUTE, START, 90 * MINUTE),
        }[dag_id]
        until = self.real - 5 * MINUTE
        with self.bench.engines[0][1].connect() as connection:
            slots = timetables.list_missed(connection, dag_id, 100_000)
        count = int((until - late - first) / every)
        for date in (first + number * every for number in range(count)):
            if date in states:
                if states[date] in ("queued", "running") and date + late + 30 * MINUTE < self.real:
                    self.wrong.append(f"{dag_id}: the run of {date} is still {states[date]}: {self._open_tasks(date)}")
                continue
            is_told = any(item.first_logical_date <= date <= item.last_logical_date for item in slots)
            if date > self.right_since or self.specs[dag_id].catchup or not is_told:
                self.wrong.append(f"{dag_id}: {date} has no run")

    def _open_tasks(self, date: datetime) -> list[str]:
        query = """SELECT t.task_id, t.state, t.check_at FROM task_instance t JOIN dag_run r ON r.id = t.dag_run_id
         WHERE r.logical_date = ? AND t.end_date IS NULL OR t.state LIKE 'up_for%'"""
        return [" ".join(row) for row in self.bench.raw.execute(query, (f"{date:%Y-%m-%d %H:%M:%S.%f}",))]


def _code(reason: str | None) -> str:
    return reason.partition('"code":"')[2].partition('"')[0] if reason else ""
