"""R17: kernels by the dozen, then one after another: all start, and the house's own processes do not grow."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.host_samples import descriptors, resident_mb, zombies_of
from support.houses import House
from support.waiting import wait_for

TITLE = "200 notebooks, 32 at once, then 2,000 one after another"
TARGET = "every kernel starts the first time; descriptors and memory of host and forkservers stay flat; no zombie"
SCALE = 0.1
SMOKE = None
LIMIT = 1800.0
AT_ONCE = 32
MORE_MB = 8.0
"""What a process may take more in the last quarter of the cycles than in the second."""
MORE_DESCRIPTORS = 2
ROLES = {"jupyter_flow.service": "host", "runner.forkserver": "runners", "kernel_forkserver": "kernels"}
DAGS = """
from jupyter_flow import DAG, NotebookOperator

for name, count, at_once in (("many", MANY, 1000), ("cycles", CYCLES, 1)):
    with DAG(name, max_active_tasks=at_once) as globals()[name]:
        for number in range(count):
            NotebookOperator(task_id=f"n{number}", notebook="note.ipynb")
"""


@dataclass
class Looks:
    """What was seen of the house's own processes: one dictionary of role -> figures for each look."""

    memory: list[dict[str, float]] = field(default_factory=list)
    descriptors: list[dict[str, int]] = field(default_factory=list)

    def take(self, house: House) -> None:
        """Look once."""
        memory: dict[str, float] = {}
        opened: dict[str, int] = {}
        for pid, role in own_processes(house).items():
            try:
                size, count = resident_mb(pid), descriptors(pid)
            except OSError:
                continue  # it ended meanwhile
            memory[role], opened[role] = memory.get(role, 0) + size, opened.get(role, 0) + count
        self.memory.append(memory)
        self.descriptors.append(opened)

    def growth(self, seen: list[dict[str, Any]]) -> dict[str, float]:
        """Return by role by how much the median of the last quarter is over that of the second."""
        quarter = max(1, len(seen) // 4)
        found = {}
        for role in sorted(set(seen[-1])):
            early = [look[role] for look in seen[quarter : 2 * quarter] if role in look] or [seen[-1][role]]
            late = [look[role] for look in seen[-quarter:] if role in look]
            found[role] = round(statistics.median(late) - statistics.median(early), 1)
        return found


def own_processes(house: House) -> dict[int, str]:
    """Return the pids of the host and the forkservers with their roles, without what they have forked."""
    found = {item.pid: item for item in house.census()}
    roles = {pid: role for pid, item in found.items() for mark, role in ROLES.items() if mark in item.command}
    return {pid: role for pid, role in roles.items() if roles.get(found[pid].ppid) != role}


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run ``many``, then ``cycles``; look at the processes each second of the cycles."""
    many, cycles = max(4, round(200 * scale)), max(8, round(2000 * scale))
    house, looks = House(folder), Looks()
    house.write_dag(DAGS.replace("MANY", str(many)).replace("CYCLES", str(cycles)))
    house.write_notebook(["print(6 * 7)"], "note.ipynb")
    try:
        house.start("--unpaused", "--notebook-parallelism", str(AT_ONCE), "--parallelism", str(2 * AT_ONCE))
        begun = time.monotonic()
        first = house.run_dag("many", timeout=120 + 10 * many)
        together = time.monotonic() - begun
        begun = time.monotonic()
        with looking(house, looks):
            second = house.run_dag("cycles", timeout=120 + 10 * cycles)
        each = (time.monotonic() - begun) / cycles
        tasks = [*first["tasks"], *second["tasks"]]
        attempts = house.rows("select outcome, reason from attempt")
        failed = [row for row in attempts if row["outcome"] != "success"]
        wait_for(lambda: not zombies_of(own_processes(house)), "no zombie is left", 30)
    finally:
        house.close()
    memory, opened = looks.growth(looks.memory), looks.growth(looks.descriptors)
    states = [task["state"] for task in tasks]
    all_well = states.count("success") == many + cycles == len(attempts) and not failed
    is_flat = max(memory.values()) <= MORE_MB and max(opened.values()) <= MORE_DESCRIPTORS
    return {
        "together": many,
        "together_s": round(together, 1),
        "cycles": cycles,
        "each_s": round(each, 2),
        "not_started": len(attempts) - states.count("success"),
        "more_mb": memory,
        "more_descriptors": opened,
        "looks": len(looks.memory),
        "zombies": 0,
        "passed": all_well and is_flat,
        "detail": f"{len(failed)} of {len(attempts)} attempts failed{f': {failed[0]}' if failed else ''}, "
        f"{states.count('success')} tasks succeeded; growth {memory} MB, {opened} descriptors",
    }


@contextmanager
def looking(house: House, looks: Looks) -> Iterator[None]:
    """Look each second while the body runs, and once at the end."""
    over = threading.Event()
    failures: list[BaseException] = []

    def look() -> None:
        try:
            while not over.wait(1.0):
                looks.take(house)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=look, name="looks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)
    if failures:
        raise AssertionError(f"the processes could not be watched: {failures[0]}") from failures[0]
    looks.take(house)
    if "kernels" not in looks.memory[-1] or "host" not in looks.memory[-1]:
        raise AssertionError(f"the house has only these processes of its own: {looks.memory[-1]}")
