"""R20: scheduler, runners, database and clocks in one thread, under schedules that seeds decide; planted mistakes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from simulation.bench import Bench
from simulation.faults import Violation
from simulation.mutants import MOST_SEEDS, MUTANTS, SEEN_AT, caught
from simulation.world import World

TITLE = "a simulation of scheduler, workers, database and clock with random crashes, delays and reorderings"
TARGET = "100,000 seeds, no violation; 20 of 20 planted mistakes found"
SEEDS = 100_000
SCALE = 0.001
SMOKE = 0.0001
LIMIT = 900.0
LONG_LIMIT = 100_000.0


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run as many worlds as the scale says, beginning at ``seed``, and look for every planted mistake."""
    bench = Bench(folder)
    count = max(5, round(SEEDS * scale))
    failed: list[str] = []
    begun = time.process_time()
    for number in range(seed, seed + count):
        try:
            World(bench, number).run()
        except Violation as violation:
            failed.append(f"seed {number}: {violation}")
            print(f"    {failed[-1]}", flush=True)
    seconds = time.process_time() - begun
    names = list(MUTANTS) if scale > SMOKE else list(MUTANTS)[:3]
    missed = [name for name in names if caught(bench, name, [SEEN_AT.get(name, 0), *range(MOST_SEEDS)]) is None]
    bench.close()
    detail = f"{count} seeds from {seed} on, {len(failed)} violations; {len(names) - len(missed)} of {len(names)} found"
    for what in (*failed[:1], *(f"not found: {name}" for name in missed[:1])):
        detail += f"; {what}"
    return {
        "seeds": count,
        "violations": len(failed),
        "seeds_per_second": round(count / seconds, 1),
        "mistakes_found": len(names) - len(missed),
        "mistakes": len(names),
        "passed": not failed and not missed,
        "detail": detail,
    }
