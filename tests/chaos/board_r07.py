"""R7: workers in network namespaces are cut off, or stopped, for shorter and longer than their lease."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from support.dask_houses import PULSE, DaskHouse, overlaps
from support.houses import House

TITLE = "a remote worker is cut off for 5 to 120 s, or stopped past its lease"
TARGET = "no stale result accepted; no two attempts within the lease"
SCALE = 0.1
SMOKE = None  # tests/acceptance/test_dask_network.py has a cut and a stop in `make test`
LIMIT = 600.0

ATTEMPTS = (
    "SELECT a.id, a.outcome, t.attempt_id AS current, t.task_id, t.run_id, t.state FROM attempt a"
    " JOIN task_instance t ON t.id = a.task_instance_id"
)


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Cut or stop a random worker in each round. At scale 1 a lease is 30 s, as in service."""
    chance = random.Random(seed)
    rounds = max(3, round(20 * scale))
    polling = max(0.5, 5.0 * scale)
    dask = DaskHouse(House(folder), polling=polling)
    longest = min(120.0, 4 * dask.lost_after)
    figures = {"rounds": rounds, "lease": dask.lease, "long": 0, "overlaps": 0, "woken_lines": 0}
    trouble: list[str] = []
    attempts: list[dict[str, Any]] = []
    values: dict[tuple[str, str], str] = {}
    try:
        dask.write_pulse_dag(2.5 * dask.lost_after, tasks=2)
        dask.start()
        for number in range(rounds):
            found = _round(dask, chance, number, longest)
            trouble += found.pop("trouble")
            for name, value in found.items():
                figures[name] += value
        attempts = dask.house.rows(ATTEMPTS)
        for row in dask.house.rows(
            "SELECT r.run_id, x.task_id, x.value FROM xcom x JOIN dag_run r ON r.id = x.dag_run_id"
        ):
            values[row["run_id"], row["task_id"]] = str(row["value"]).strip('"')
    finally:
        dask.close()
        dask.house.close()
    # the value of a task is the id of the attempt that made it: a stale one would show
    stale = [row for row in attempts if row["outcome"] == "success" and row["id"] != row["current"]]
    wrong = [key for key, value in values.items() if (key, value) not in _winners(attempts)]
    figures |= {"attempts": len(attempts), "tasks": 2 * rounds, "stale": len(stale) + len(wrong)}
    figures["namespaces"] = int(dask.network.is_real)
    passed = not trouble and not figures["stale"] and not figures["overlaps"] and len(values) == 2 * rounds
    detail = (
        f"{rounds} cuts and stops up to {longest:.0f} s at a lease of {dask.lease:g} s, {figures['long']} past it: "
        f"{figures['stale']} stale results accepted, {figures['overlaps']} concurrent attempts"
    )
    return {**figures, "passed": passed, "detail": detail + (f"; {trouble[0]}" if trouble else "")}


def _winners(attempts: list[dict[str, Any]]) -> set[tuple[tuple[str, str], str]]:
    return {((row["run_id"], row["task_id"]), row["id"]) for row in attempts if row["id"] == row["current"]}


def _round(dask: DaskHouse, chance: random.Random, number: int, longest: float) -> dict[str, Any]:
    for path in dask.journals.iterdir():
        path.unlink()
    run_id = dask.house.trigger("pulse")["run_id"]
    worker = dask.place_of(dask.running_attempt())
    seconds = chance.uniform(dask.lost_after, longest) if number % 2 else chance.uniform(0.2, longest)
    stops = number % 3 == 2
    dask.freeze(worker) if stops else worker.place.cut()
    time.sleep(seconds)  # what is measured is a cut of this length
    woken_at = time.clock_gettime(time.CLOCK_BOOTTIME)
    dask.thaw() if stops else worker.place.mend()
    ended = dask.house.wait_for_run("pulse", run_id, 60 + 12 * dask.lost_after)
    trouble = [] if ended["state"] == "success" else [f"run {run_id} is {ended['state']}"]
    found, woken = 0, 0
    for lives in dask.pulses().values():
        if stops and seconds > dask.lease:
            # who sleeps past its lease may write on its first instant awake, before its guard has looked
            late = {name: [at for at in times if at[1] > woken_at] for name, times in lives.items()}
            first = min(lives, key=lambda name: lives[name][0])
            if len(lives) > 1:
                woken += len(late[first])
                if late[first] and late[first][-1][1] - woken_at > 1.0 + PULSE:
                    trouble.append(f"attempt {first} went on for more than a second after its sleep")
                lives = {
                    name: [at for at in times if name != first or at[1] <= woken_at] for name, times in lives.items()
                }
        found += len(overlaps(lives))
    return {"overlaps": found, "woken_lines": woken, "long": int(seconds > dask.lease), "trouble": trouble}
