"""200 DAG files: a pass over unchanged ones, and a pass over changed ones, each parsed in a child of its own.

Targets: unchanged ≤ 50 ms · changed ≤ 2 s.

Both are asked of a running host (``dags.reload`` with ``wait``) and timed from outside. For the changed pass every
file gets a new description first; that all 200 are known afterwards is checked.
"""

from __future__ import annotations

import time

from common import Effort, Line, house, median
from support.houses import House

COUNT = 200
DAG = """
from datetime import datetime, timedelta
from jupyter_flow import DAG, BashOperator, EmptyOperator

with DAG(dag_id="dag_{number:03d}", description="{text}", schedule="@daily", start_date=datetime(2026, 1, 1)):
    start = EmptyOperator(task_id="start")
    work = [BashOperator(task_id=f"work_{{n}}", bash_command="true", retries=2) for n in range(3)]
    start >> work >> EmptyOperator(task_id="end")
"""


def measure(effort: Effort) -> list[Line]:
    """Return the two lines."""
    unchanged, changed = [], []

    def write(subject: House, text: str) -> None:
        for number in range(COUNT):
            subject.write_dag(DAG.format(number=number, text=text), f"dag_{number:03d}.py")

    with house(prepare=lambda subject: write(subject, "first")) as subject:
        _settle(subject, "first")
        for round_number in range(effort.times(5, 1)):
            for _ in range(5):
                unchanged.append(_pass(subject))
            text = f"round {round_number}"
            started = time.perf_counter()
            write(subject, text)
            _pass(subject)
            _settle(subject, text)
            changed.append(time.perf_counter() - started)
    return [
        Line(
            "parse_unchanged",
            f"pass over {COUNT} unchanged DAG files",
            round(median(unchanged) * 1000, 1),
            "ms",
            50,
            True,
            {"max_ms": round(max(unchanged) * 1000, 1)},
        ),
        Line(
            "parse_changed",
            f"{COUNT} changed DAG files, written → all known",
            round(median(changed), 2),
            "s",
            2,
            True,
            {"max_s": round(max(changed), 2)},
        ),
    ]


def _pass(subject: House) -> float:
    started = time.perf_counter()
    subject.call("dags.reload", timeout=120, wait=True)
    return time.perf_counter() - started


def _settle(subject: House, text: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        known = [dag for dag in subject.call("dags.list")["dags"] if dag["description"] == text]
        if len(known) == COUNT:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(known)} of {COUNT} DAGs are known with description {text!r}")
        time.sleep(0.02)
