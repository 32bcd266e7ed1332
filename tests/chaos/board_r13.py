"""R13: a machine whose clock walks about, under scheduled DAGs and running attempts, in the simulated world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulation.bench import Bench
from simulation.clock_walk import ClockWalk

TITLE = "10,000 random steps of the clock: hours, days, to 1970, to 2038, suspended for 8 h"
TARGET = "no run twice, nothing alive called dead, every date has its run or is reported"
STEPS = 10_000
SCALE = 0.1
SMOKE = None  # small as a test: test_simulation_clock_walk.py
LIMIT = 900.0
LONG_LIMIT = 7200.0


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Walk as many steps as the scale says."""
    bench = Bench(folder)
    try:
        with ClockWalk(bench, seed) as world:
            found = world.go(max(30, round(STEPS * scale)))
    finally:
        bench.close()
    detail = f"{found.steps} steps, {found.runs} runs, {found.attempts} attempts, {found.restarts} hosts killed"
    return {
        "steps": found.steps,
        "runs": found.runs,
        "attempts": found.attempts,
        "hosts_killed": found.restarts,
        "days": round(world.now / 86400, 1),
        "wrong": len(found.wrong),
        "passed": not found.wrong,
        "detail": "; ".join([detail, *found.wrong[:2]]),
    }
