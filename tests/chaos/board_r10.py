"""R10: the disk of the house is full at random moments, with a little room or none, while tasks and notebooks write."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import invariants, witnesses
from support.houses import House
from support.small_disk import MB, Filler, small_disk
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError, NoHost
from jupyter_flow.storage.database import create_reader

from .traffic import Traffic, quantile, started_twice

TITLE = "the disk is full at 30 random moments"
TARGET = "0 corrupt, 0 cut off, goes on within 30 s of space, health says why"
SCALE = 0.2
SMOKE = None
LIMIT = 900.0
SIZE = 192 * MB
NOTICED = 3.0
"""Seconds after which a full disk must have been noticed, while people trigger runs."""
OPTIONS = ("--unpaused", "--parallelism", "4", "--kill-grace", "2", "--notebook-parallelism", "1")
DAGS = (
    witnesses.TASK_SOURCE
    + """
def chatty(seconds):
    for number in range(int(20 * seconds)):
        print(number, "." * 1000, flush=True)
        time.sleep(0.05)
    witnessed(0.1)
    return "x" * 2000

for number in range(2):
    with DAG(f"steady{number}", max_active_runs=1000) as dag:
        first = PythonOperator(task_id="first", python_callable=witnessed, op_args=[0.2])
        for part in range(2):
            first >> PythonOperator(task_id=f"t{part}", python_callable=chatty, op_args=[part + 1.0])
with DAG("note", max_active_runs=1000) as note:
    NotebookOperator(task_id="note", notebook="note.ipynb")
"""
)
CELL = "for number in range(40):\n    print(number, '.' * 1000)\n    time.sleep(0.05)"


@dataclass
class Figures:
    """What is measured, in seconds. ``said``: until health says why. ``resumed``: from space to the end of a new task.

    ``unsaid``: how often health did not say why while the disk was full for :data:`NOTICED` seconds or more.
    """

    said: list[float] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)
    unsaid: int = 0


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Fill the disk and free it again, with runs all the time; ask all witnesses at the end."""
    chance = random.Random(seed)
    times = max(3, round(30 * scale))
    house = House(folder)
    seen = folder / "witnesses"
    house.env.update(witnesses.environment(seen))
    house.write_dag(DAGS, "steady.py")
    house.write_notebook([witnesses.NOTEBOOK_SOURCE, CELL, witnesses.NOTEBOOK_END], "note.ipynb")
    traffic = Traffic([house], ("steady0", "steady1"), 1.5, seed)
    with small_disk(house.home, SIZE) as is_mounted:
        if not is_mounted:
            return {"passed": False, "sound": True, "detail": "not measured: this user may not mount a disk of its own"}
        try:
            found = _go_through(house, traffic, chance, times)
            problems = [line for line in house.output().splitlines() if "Traceback" in line]
            house.stop(tasks=False)
            problems += _problems(house, traffic, seen)
        finally:
            Filler(house.home).free()
            house.close()
    return _told(found, times, traffic, problems)


def _go_through(house: House, traffic: Traffic, chance: random.Random, times: int) -> Figures:
    found = Figures()
    disk = Filler(house.home)
    house.start(*OPTIONS)
    house.wait_for_dag("note")
    traffic.start()
    for number in range(times):
        run_id = house.call("dags.trigger", dag_id="note")["run_id"]
        traffic.answered[f"note-{number}"] = ("note", run_id)
        time.sleep(chance.uniform(1.0, 10.0))
        disk.fill(leave=chance.choice((0, 4096, 40_000, 400_000)))
        begun, hold = time.monotonic(), chance.uniform(0.5, 8.0)
        said = None
        while time.monotonic() - begun < hold:
            said = said or _said(house, begun)
            time.sleep(0.05)
        disk.free()
        if said is not None:
            found.said.append(said)
        found.unsaid += said is None and hold >= NOTICED
        found.resumed.append(_resumed(house, traffic, number))
    traffic.end()

    def is_over() -> bool:
        return not house.rows("select id from dag_run where state not in ('success', 'failed', 'cancelled')")

    wait_for(is_over, lambda: f"all runs are over; {house.output()[-3000:]}", 180, pause=0.5)
    return found


def _said(house: House, begun: float) -> float | None:
    """Return the seconds until health names the disk, None if it does not yet."""
    try:
        health = house.call("host.status", timeout=5)
    except (FlowError, OSError):
        return None
    kinds = {item["kind"] for item in health["trouble"]}
    return time.monotonic() - begun if kinds & {"disk_full", "database_full"} else None


def _resumed(house: House, traffic: Traffic, number: int) -> float:
    """Return the seconds until a run that is triggered now has succeeded."""
    begun = time.monotonic()
    key = f"after-{number}"

    def triggered() -> str:
        try:
            return str(house.call("dags.trigger", dag_id="steady0", idempotency_key=key)["run_id"])
        except (NoHost, FlowError, OSError):
            return ""

    run_id = wait_for(triggered, lambda: f"a run is taken after there is room: {house.output()[-3000:]}", 60)
    traffic.answered[key] = ("steady0", run_id)
    house.wait_for_task("steady0", run_id, "first", "success", "failed", timeout=90)
    return time.monotonic() - begun


def _problems(house: House, traffic: Traffic, seen: Path) -> list[str]:
    ((verdict,),) = [tuple(row.values()) for row in house.rows("PRAGMA integrity_check")]
    engine = create_reader(f"sqlite:///{house.home / 'flow.db'}")
    try:
        problems = [] if verdict == "ok" else [f"integrity: {verdict}"]
        problems += traffic.problems(engine)
        problems += invariants.check(engine, invariants.Limits(parallelism=4)) + invariants.settled(engine)
        problems += witnesses.disagreements(engine, seen) + witnesses.lost_finishes(engine, seen)
        return problems + witnesses.broken_files(engine, house.home / "spool") + started_twice(seen)
    finally:
        engine.dispose()


def _told(found: Figures, times: int, traffic: Traffic, problems: list[str]) -> dict[str, Any]:
    worst = max(found.resumed)
    sound = not problems and not found.unsaid
    return {
        "times": times,
        "runs": len(traffic.answered),
        "refused": traffic.refused,
        "said_worst_s": round(max(found.said, default=0.0), 2),
        "unsaid": found.unsaid,
        "resumed_p50": quantile(found.resumed, 0.5),
        "resumed_worst": round(worst, 2),
        "problems": problems[:10],
        "sound": sound,
        "passed": sound and worst <= 30.0,
        "detail": f"{times} times full, {len(traffic.answered)} runs; a new one had run {worst:.1f} s after there was "
        f"room, at worst; not said {found.unsaid} times; {len(problems)} problems",
    }
