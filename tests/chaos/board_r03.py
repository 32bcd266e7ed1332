"""R3: a crash at every fault point that a fixed scenario passes, at every hit, one at a time."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import invariants, witnesses

from jupyter_flow.storage.database import create_reader

from .scenarios import PARTS, Play, Stage

TITLE = "crash at each fault point of create, claim, start, finish, retry, cancel, clear, mark, migrate, adopt"
TARGET = "100 % of at least 300 points converge within 10 s"
SCALE = 0.1
SMOKE = 0.03
LIMIT = 1800.0
WITHIN = 10.0
AT_ONCE = max(1, min(3, os.cpu_count() or 1))
"""More would measure how they wait for each other."""


@dataclass(frozen=True)
class Point:
    """The ``hit``-th time that a part passes a fault point."""

    part: str
    name: str
    hit: int

    def __str__(self) -> str:
        return f"{self.part}: {self.name}@{self.hit}"


@dataclass(frozen=True)
class Crash:
    """What one crash led to."""

    point: Point
    reached: bool
    seconds: float
    problems: list[str]


def points_of(stage: Stage, part: str) -> list[Point]:
    """Go through a part without a crash and return what it passes, in that order."""
    trace = stage.base / f"{part}.trace"
    play = stage.play(part, "traced", f"trace={trace}")
    problems = check(play)
    assert not problems, f"{part}, without any crash: {problems}"
    hits: Counter[str] = Counter()
    found = []
    for line in trace.read_text().splitlines():
        name = json.loads(line).get("point")
        if name is not None:
            hits[name] += 1
            found.append(Point(part, name, hits[name]))
    return found


def crash_at(stage: Stage, point: Point, number: int) -> Crash:
    """Crash there, go through the part all the same, and look at what is left."""
    count = stage.base / f"hits-{number}"
    faults = f"{point.name}=crash@{point.hit};count={count}"
    seconds = 0.0
    try:
        play = stage.play(point.part, number, faults)
        problems = check(play)
        crashed = _crashed_at(count)
        begun = play.restarted_at if play.restarted_at is not None else crashed
        if begun is not None:
            seconds = max(0.0, play.ended_at - begun)
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}"]
    reached = any(path.stat().st_size >= point.hit for path in stage.base.glob(f"{count.name}.*"))
    if not problems:
        shutil.rmtree(stage.base / f"{point.part}-{number}", ignore_errors=True)
    return Crash(point, reached, seconds, problems)


def _crashed_at(count: Path) -> float | None:
    """Return when the fault point was passed for the last time, on the monotonic clock."""
    times = [path.stat().st_mtime for path in count.parent.glob(f"{count.name}.*")]
    return time.monotonic() - (time.time() - max(times)) if times else None


def check(play: Play) -> list[str]:
    """Ask all witnesses, when the host has stopped; ends the house."""
    problems: list[str] = []
    try:
        play.house.close()
    except AssertionError as error:
        problems.append(str(error))
    engine = create_reader(f"sqlite:///{play.house.home / 'flow.db'}")
    try:
        problems += invariants.check(engine) + invariants.settled(engine)
        problems += witnesses.disagreements(engine, play.folder) + witnesses.lost_finishes(engine, play.folder)
        problems += witnesses.broken_files(engine, play.house.home / "spool")
    finally:
        engine.dispose()
    return problems


def spread(points: list[Point], count: int, seed: int) -> list[Point]:
    """Return ``count`` of ``points``, evenly over them, from an offset by ``seed``."""
    if count >= len(points):
        return points
    offset = random.Random(seed).random()
    return [points[int((number + offset) * len(points) / count)] for number in range(count)]


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Trace all parts, crash at their points (all of them at scale 1), several at once."""
    stage = Stage(folder)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        traced = list(pool.map(lambda part: points_of(stage, part), PARTS))
        points = [point for part in traced for point in part]
        wanted = spread(points, max(12, round(scale * len(points))), seed)
        crashes = list(pool.map(lambda item: crash_at(stage, item[1], item[0]), enumerate(wanted)))
    reached = [crash for crash in crashes if crash.reached]
    failed = [crash for crash in crashes if crash.problems]
    slow = [crash for crash in reached if crash.seconds > WITHIN]
    (folder / "failed.json").write_text(
        json.dumps([{"point": str(item.point), "problems": item.problems} for item in failed], indent=1)
    )
    times = sorted(crash.seconds for crash in reached)
    told = [f"{crash.point}: {crash.problems[0][:300]}" for crash in failed[:3]]
    told += [f"{crash.point}: {crash.seconds:.1f} s" for crash in slow[:3]]
    few = scale >= 1 and len(reached) < 300
    return {
        "points": len(points),
        "crashed": len(reached),
        "not_reached": len(crashes) - len(reached),
        "failed": len(failed),
        "over_10_s": len(slow),
        "median_s": round(times[len(times) // 2], 1) if times else None,
        "worst_s": round(times[-1], 1) if times else None,
        "passed": not failed and not few and not slow and bool(reached),
        "sound": not failed and bool(reached),
        "detail": "; ".join(told) or f"{len(reached)} crashes, all converged",
    }
