"""R11: copies of database, WAL and spool in the middle of a run, some with a torn last page, all usable."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import invariants, witnesses
from support.census import wait_until_gone
from support.houses import House

from jupyter_flow.storage.database import create_engine

TITLE = "200 consistent copies of database, WAL and spool during a run, 50 of them with a torn last page"
TARGET = "all open, invariants hold, no finish that was answered is lost"
SCALE = 0.05
SMOKE = 0.02
LIMIT = 900.0
OPTIONS = ("--unpaused", "--kill-grace", "1", "--parallelism", "4", "--no-forkservers")

DAG = (
    witnesses.TASK_SOURCE
    + """
with DAG("copied", max_active_tasks=100) as copied:
    for number in range({count}):
        PythonOperator(task_id=f"t{{number}}", python_callable=witnessed, op_kwargs={{"seconds": 0.05}})
"""
)


@contextmanager
def frozen(house: House) -> Iterator[None]:
    """Stop the host and all its children, the host first, so that nothing is written meanwhile."""
    stopped = []
    try:
        for _ in range(2):  # what was born between the look and the stop
            for found in sorted(house.census(), key=lambda item: item.pid != house.pid):
                if found.pid not in stopped:
                    try:
                        os.kill(found.pid, signal.SIGSTOP)
                    except ProcessLookupError:
                        continue
                    stopped.append(found.pid)
        yield
    finally:
        for pid in reversed(stopped):
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass


def tear(home: Path, chance: random.Random) -> str:
    """Leave of the last page in the WAL only a part: what a loss of power does to a page under way."""
    wal = home / "flow.db-wal"
    end = _end_of_frames(wal.read_bytes() if wal.exists() else b"")
    with wal.open("r+b" if wal.exists() else "wb") as file:
        if end and chance.random() < 0.5:
            cut = chance.randrange(1, 4096)
            file.truncate(end - cut)
            return f"without the last {cut} bytes of its last page"
        file.seek(end)
        file.write(chance.randbytes(chance.randrange(24, 4096)))
    return "with a part of one more page"


def _end_of_frames(wal: bytes) -> int:
    """Return where the last frame ends that counts; older ones, of before the last checkpoint, may follow. 0: none."""
    if len(wal) < 32:
        return 0
    size, salts = 24 + int.from_bytes(wal[8:12], "big"), wal[16:24]
    end = 32
    while wal[end + 8 : end + 16] == salts:
        end += size
    return end if 32 < end <= len(wal) else 0


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Copy in the middle of the run, then open each copy, and let a host go on with some."""
    chance = random.Random(seed)
    copies = max(4, round(200 * scale))
    house = House(folder / "house")
    seen = folder / "witnesses"
    house.env.update(witnesses.environment(seen))
    house.write_dag(DAG.replace("{count}", str(copies * 2)).replace("{{", "{").replace("}}", "}"), "copied.py")
    taken: list[tuple[Path, set[str], str]] = []
    try:
        house.start(*OPTIONS)
        run_id = house.trigger("copied")["run_id"]
        while len(taken) < copies:
            time.sleep(chance.uniform(0.0, 0.3))
            found = house.run("copied", run_id)
            known = {task["task_id"] for task in found["tasks"] if task["state"] == "success"}
            target = folder / f"copy{len(taken)}" / "home"
            with frozen(house):
                shutil.copytree(house.home, target, ignore=shutil.ignore_patterns("*.sock"))
            torn = tear(target, chance) if len(taken) % 4 == 3 else ""
            taken.append((target, known, torn))
        house.wait_for_run("copied", run_id, timeout=300)
    finally:
        house.close()
    wait_until_gone(house.tag)
    problems: list[str] = []
    lost = 0
    for number, (home, known, torn) in enumerate(taken):
        goes_on = number % max(4, copies // 4) == 3
        found, missing = _open(home, known, must_have=not torn)
        if goes_on or missing:  # what the torn page held must come back from the spool
            more, missing = _go_on(house, home, folder / f"again{number}", known)
            found += more
        lost += len(missing)
        problems += [f"copy {number} {torn}: {text}" for text in [*found, *sorted(missing)]]
    return {
        "copies": len(taken),
        "torn": sum(bool(torn) for _, _, torn in taken),
        "finishes_lost": lost,
        "problems": len(problems),
        "passed": not problems,
        "detail": "; ".join(problems[:3]) or f"{len(taken)} copies opened, nothing lost",
    }


def _open(home: Path, known: set[str], must_have: bool) -> tuple[list[str], set[str]]:
    """Open a copy as a host would, and ask the rows; the finishes that it lacks."""
    engine = create_engine(f"sqlite:///{home / 'flow.db'}")
    try:
        with engine.connect() as connection:
            verdict = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
        problems = [] if verdict == "ok" else [f"integrity: {verdict}"]
        problems += invariants.check(engine)
    finally:
        engine.dispose()
    missing = known - _successes(home)
    return problems + ([f"lacks {sorted(missing)}"] if missing and must_have else []), missing


def _go_on(original: House, home: Path, folder: Path, known: set[str]) -> tuple[list[str], set[str]]:
    """Let a host go on from a copy; what was answered must not be run again."""
    before = {row["id"] for row in _rows(home, "select id from attempt")}
    results = {path.parent.name for path in (home / "spool").glob("*/result.json")}
    house = House(folder)
    house.home, house.dags = home, original.dags
    house.env.update(JUPYTER_FLOW_HOME=str(home), **witnesses.environment(folder / "witnesses"))
    try:
        house.start(*OPTIONS)
        ((run_id,),) = [tuple(row.values()) for row in house.rows("select run_id from dag_run")]
        house.wait_for_run("copied", run_id, timeout=300)
    finally:
        house.close()
    engine = create_engine(f"sqlite:///{home / 'flow.db'}")
    try:
        problems = invariants.check(engine) + invariants.settled(engine)
    finally:
        engine.dispose()
    again = {entry.task for entry in witnesses.Journal.read(folder / "witnesses").entries if entry.what == "start"}
    taken = {row["id"] for row in _rows(home, "select id from attempt where outcome = 'success'")}
    problems += [f"the result of attempt {name} was not taken" for name in (results & before) - taken]
    return problems, (known & again) | (known - _successes(home))


def _successes(home: Path) -> set[str]:
    return {row["task_id"] for row in _rows(home, "select task_id from task_instance where state = 'success'")}


def _rows(home: Path, sql: str) -> list[dict[str, Any]]:
    connection = sqlite3.connect(home / "flow.db", timeout=30)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]
    finally:
        connection.close()
