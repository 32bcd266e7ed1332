"""R5: the kernel dies by a signal, by itself or at its memory limit: the task names the cell and the cause."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from support.houses import House
from support.kills import kill_kernels

TITLE = "kill the kernel 100 times (signals, crashes, memory limit)"
TARGET = "failed with the right cell and cause <= 3 s; no notebook claims `completed` for dead or unreached cells"
SCALE = 1.0
SMOKE = None
LIMIT = 600
AT_ONCE = 3


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Let kernels die in random cells, in every way in turn."""
    house = House(folder)
    try:
        found = kill_kernels(house, max(3, round(100 * scale / AT_ONCE)), random.Random(seed), AT_ONCE)
    finally:
        house.close()
    longest = max(found.seconds)
    return {
        "kernels": len(found.seconds),
        "failed_p50": found.quantile(0.5),
        "failed_p99": found.quantile(0.99),
        "failed_max": round(longest, 3),
        "faults": found.faults[:10],
        "passed": not found.faults and longest <= 3.0,
        "detail": f"{len(found.seconds)} kernels died, their tasks failed within {longest:.2f} s, "
        f"{len(found.faults)} with a wrong cell, cause or notebook",
    }
