"""R6: tasks that do not end by themselves are ended, by timeout and by cancel, with all that they have started."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from support.hangs import KINDS, HangEnd, play, strays
from support.houses import House

TITLE = "hang matrix: loops, swallowed interrupts, C code, blocked reads, stopped processes, children without end"
TARGET = "ended <= timeout + 15 s, 0 survivors, the notebook saved with the right cell marked"
SCALE = 0.15
SMOKE = None
LIMIT = 900
PATIENCE = 15.0
TOGETHER = 4


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Play every hang of every kind, a few at a time, as often as the scale says (1: four times), by both ways."""
    chance = random.Random(seed)
    ends: list[HangEnd] = []
    faults: list[str] = []
    for turn in range(max(1, round(4 * scale))):
        for kind, hangs in KINDS.items():
            names = chance.sample(list(hangs), len(hangs))
            for begin in range(0, len(names), TOGETHER):
                for way in ("timeout", "cancel"):
                    place = f"{turn}-{kind}-{begin}-{way}"
                    found, wrong = _play(folder / place, kind, names[begin : begin + TOGETHER], way)
                    ends += found
                    faults += [f"{place}: {text}" for text in wrong]
    longest = max(end.seconds for end in ends)
    return {
        "tasks": len(ends),
        "ended_p50": round(sorted(end.seconds for end in ends)[len(ends) // 2], 2),
        "ended_max": round(longest, 2),
        "by_house": sum("by the house" in end.log for end in ends),
        "faults": faults[:10],
        "passed": not faults and longest <= PATIENCE,
        "detail": f"{len(ends)} tasks that hung were ended within {longest:.1f} s, {len(faults)} faults",
    }


def _play(folder: Path, kind: str, names: list[str], way: str) -> tuple[list[HangEnd], list[str]]:
    house = House(folder)
    timeout = {"python": 3.0, "bash": 3.0, "notebook": 15.0}[kind] if way == "timeout" else None
    try:
        ends = play(house, kind, names, timeout=timeout, patience=PATIENCE)
        faults = [text for end in ends for text in _faults(end, kind, way)]
        until = time.monotonic() + 5
        while (left := strays(house)) and time.monotonic() < until:
            time.sleep(0.1)
        return ends, faults + [f"left {item}" for item in left]
    finally:
        house.close()


def _faults(end: HangEnd, kind: str, way: str) -> list[str]:
    faults = [f"{end.name} left {item}" for item in end.survivors]
    state, reason = "cancelled", "cancelled by test"
    if way == "timeout":
        state, reason = "failed", "timeout: not finished after"
    if end.state != state or not end.reason.startswith(reason):
        faults.append(f"{end.name} is {end.state}: {end.reason}")
    if not any(word in end.log for word in ("interrupted", "SIGTERM", "SIGKILL")):
        faults.append(f"{end.name}: its log does not say how it ended: {end.log[-300:]}")
    if kind == "notebook" and (end.cells, end.failing_cell) != (("completed", "failed", "pending"), 1):
        faults.append(f"{end.name}: its notebook says {end.cells}, failing cell {end.failing_cell}")
    return faults
