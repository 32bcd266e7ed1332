"""R4: kill -9 of runners: noticed at once, named, and no process is left. With it: kills of everybody in any order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from support import journal
from support.houses import House
from support.kills import VICTIMS, kill_runners
from support.orders import OPTIONS, all_orders, play

TITLE = "kill -9 the runner 200 times; host, forkservers and runner in any order, with an upgrade"
TARGET = "noticed p99 <= 1 s, cause signal 9, 0 orphans after 5 s; nothing lost or run twice"
SCALE = 0.12
SMOKE = None
LIMIT = 600
EACH = sum(len(names) for names in VICTIMS.values())


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Kill runners that hold the interpreter, and those with deaf or nameless children; then play orders of kills."""
    chance = random.Random(seed)
    house = House(folder / "runners")
    try:
        found = kill_runners(house, max(1, round(200 * scale / EACH)), chance)
    finally:
        house.close()
    orders = all_orders()
    chosen = chance.sample(orders, max(3, round(len(orders) * scale)))
    house = House(folder / "orders")
    faults = []
    try:
        journal.write_tasks(house)
        house.start(*OPTIONS)
        for number, order in enumerate(chosen):
            faults += play(house, order, number)
    finally:
        house.close()
    p99 = found.quantile(0.99)
    passed = not found.faults and not faults and p99 <= 1.0
    return {
        "kills": len(found.seconds),
        "noticed_p50": found.quantile(0.5),
        "noticed_p99": p99,
        "orders": len(chosen),
        "faults": [*found.faults, *faults][:10],
        "passed": passed,
        "detail": f"{len(found.seconds)} runners killed, noticed p99 {p99:g} s, {len(found.faults)} faults; "
        f"{len(chosen)} orders of kills, {len(faults)} faults",
    }
