"""R1: kill -9 the host again and again while notebooks run on SQLite, and start it after 0 to 5 seconds."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from support import invariants, witnesses
from support.houses import RUN_OVER, House

from jupyter_flow.model.errors import FlowError, NoHost
from jupyter_flow.storage.database import create_reader

TITLE = "kill -9 the host 50 times during 500 notebooks (SQLite), restart after 0 to 5 s"
TARGET = "0 lost, 0 doubled, all finish; at least 99 % of what was alive at a kill is adopted; answers 5 s after start"
SCALE = 0.2
SMOKE = 0.012
LIMIT = 600.0
PARALLEL = 4
OPTIONS = ("--notebook-parallelism", str(PARALLEL), "--unpaused", "--kill-grace", "2")

DAG = """
from jupyter_flow import DAG, NotebookOperator

with DAG("many", max_active_tasks=100) as many:
    for number in range({count}):
        NotebookOperator(task_id=f"n{{number}}", notebook="note.ipynb")
"""


def alive_attempts(house: House) -> set[str]:
    """Return the attempts that the database calls running and whose runner lives."""
    rows = house.rows(
        "select a.id, a.pid from attempt a join task_instance t on t.attempt_id = a.id where t.state = 'running'"
    )
    return {row["id"] for row in rows if row["pid"] and Path(f"/proc/{row['pid']}").exists()}


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run the notebooks, kill in between, ask all witnesses at the end."""
    chance = random.Random(seed)
    count, kills = max(6, round(500 * scale)), max(2, round(50 * scale))
    house = House(folder)
    seen = folder / "witnesses"
    house.env.update(witnesses.environment(seen))
    pause = "time.sleep(1.0)"
    house.write_notebook([witnesses.NOTEBOOK_SOURCE, pause, witnesses.NOTEBOOK_END], "note.ipynb")
    house.write_dag(DAG.format(count=count), "many.py")
    alive: set[str] = set()
    answers: list[float] = []
    done = 0
    try:
        house.start(*OPTIONS)
        run_id = house.trigger("many")["run_id"]
        while done < kills:
            # at least one notebook must end between two kills, or slow machines would never come to the end
            finished = witnesses.Journal.read(seen).count("end")
            deadline = time.monotonic() + chance.uniform(0.5, 4.0)
            while time.monotonic() < deadline or witnesses.Journal.read(seen).count("end") <= finished:
                if _is_over(house, run_id):
                    break
                time.sleep(0.05)
            if _is_over(house, run_id):
                break
            alive |= alive_attempts(house)
            house.kill()
            done += 1
            time.sleep(chance.uniform(0.0, 5.0))
            begun = time.monotonic()
            house.start(*OPTIONS, timeout=120)
            answers.append(time.monotonic() - begun)
        final = house.wait_for_run("many", run_id, timeout=120 + 10 * count)
        states = [task["state"] for task in final["tasks"]]
    finally:
        house.close()
    engine = create_reader(f"sqlite:///{house.home / 'flow.db'}")
    try:
        problems = invariants.check(engine, invariants.Limits(notebook_parallelism=PARALLEL))
        problems += invariants.settled(engine) + witnesses.disagreements(engine, seen)
        problems += witnesses.lost_finishes(engine, seen) + witnesses.broken_files(engine, house.home / "spool")
    finally:
        engine.dispose()
    journal = witnesses.Journal.read(seen)
    doubled = sum(1 for entry in journal.entries if entry.what == "end") - len(
        {entry.key for entry in journal.entries if entry.what == "end"}
    )
    outcomes = {row["id"]: row["outcome"] for row in house.rows("select id, outcome from attempt")}
    adopted = sum(outcomes.get(name) == "success" for name in alive)
    share = adopted / len(alive) if alive else 1.0
    success = states.count("success")
    worst = max(answers, default=0.0)
    detail = f"{success}/{count} finished after {done} kills, {doubled} doubled, {adopted}/{len(alive)} adopted"
    sound = success == count and not doubled and not problems and share >= 0.99 and done > 0
    return {
        "notebooks": count,
        "kills": done,
        "finished": success,
        "doubled": doubled,
        "alive_at_kills": len(alive),
        "adopted": adopted,
        "answers_p50_s": round(sorted(answers)[len(answers) // 2], 1) if answers else None,
        "answers_worst_s": round(worst, 1),
        "passed": sound and worst <= 5.0,
        "sound": sound,
        "detail": "; ".join([detail, *problems[:3]]),
    }


def _is_over(house: House, run_id: str) -> bool:
    try:
        return house.run("many", run_id)["state"] in RUN_OVER
    except (NoHost, FlowError, OSError):
        return False
