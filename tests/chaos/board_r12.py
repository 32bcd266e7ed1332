"""R12: cron on the wall clocks of the world, against an oracle that looks at every minute."""

from __future__ import annotations

import os
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from support.cron_board import DAILY, FORMS, ZONES, changes_of, days_not_once, differences

TITLE = f"{len(ZONES)} time zones, every change of their clocks 2020-2035, {len(FORMS)} forms of schedules"
TARGET = "no difference to the oracle; a daily job exactly once for each local day"
SCALE = 0.1
SMOKE = 0.01
LIMIT = 1800.0
YEARS = 15


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Compare all zones around a share ``scale`` of their changes, then count the days of daily jobs."""
    chance = random.Random(seed)
    zones = ZONES if scale >= 1 else chance.sample(ZONES, max(4, round(len(ZONES) * min(1.0, 10 * scale))))
    tasks, changes = [], 0
    for zone in zones:
        known = changes_of(zone)
        tasks.append((zone, sorted(chance.sample(known, max(1, round(scale * len(known)))))))
        changes += len(tasks[-1][1])
    days = [(zone, form, max(1, round(YEARS * scale))) for zone in zones for form in DAILY]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = [item for one in pool.map(_differ, tasks) for item in one]
        wrong = [item for one in pool.map(_count, days, chunksize=4) for item in one]
    return {
        "zones": len(tasks),
        "changes": changes,
        "forms": len(FORMS),
        "comparisons": changes * len(FORMS),
        "differences": len(found),
        "daily_jobs": len(days),
        "years": sum(years for _, _, years in days),
        "days_not_once": len(wrong),
        "passed": not found and not wrong,
        "detail": "; ".join((found + wrong)[:3]) or "no difference",
    }


def _differ(task: tuple[str, list[Any]]) -> list[str]:
    return differences(*task)


def _count(task: tuple[str, str, int]) -> list[str]:
    return days_not_once(*task)
