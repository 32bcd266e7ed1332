"""R15: many triggers at once with one idempotency key make one run, and everybody hears its id."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

from support.houses import House

TITLE = "200 concurrent triggers with one idempotency key"
TARGET = "exactly 1 run, all get its id"
SCALE = 1.0
SMOKE = 0.25

DAG = """
from jupyter_flow import DAG, EmptyOperator

with DAG("keyed") as dag:
    EmptyOperator(task_id="t")
"""


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Trigger from as many threads as the scale says, each over a connection of its own."""
    callers = max(10, round(200 * scale))
    key = f"key-{random.Random(seed).randrange(10**9)}"
    house = House(folder)
    house.write_dag(DAG)
    try:
        house.start("--no-forkservers")
        house.wait_for_dag("keyed")
        gate = threading.Barrier(callers)
        answers: list[str] = []
        errors: list[str] = []

        def ask() -> None:
            try:
                with house.client(timeout=120) as client:
                    gate.wait(60)
                    found = client.call("dags.trigger", dag_id="keyed", unpause=True, idempotency_key=key)
                answers.append(found["run_id"])
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(180)
        runs = house.rows("select run_id from dag_run")
    finally:
        house.close()
    passed = len(runs) == 1 and answers == [runs[0]["run_id"]] * callers
    detail = f"{len(runs)} runs, {len(answers)} of {callers} callers got an id, {len(set(answers))} different ids"
    return {
        "callers": callers,
        "runs": len(runs),
        "ids": len(set(answers)),
        "refused": len(errors),
        "passed": passed,
        "detail": detail + (f"; first error: {errors[0]}" if errors else ""),
    }
