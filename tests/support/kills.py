"""Runners and kernels killed while they work: when the house notices, what it says, and what is left."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .census import wait_until_gone
from .hangs import TAG, strays, write_hangs
from .houses import House, task_of
from .waiting import wait_for

VICTIMS = {
    "python": ("holding", "deaf", "nameless"),
    "bash": ("deaf", "nameless"),
    "notebook": ("holding", "deaf", "nameless"),
}
"""Tasks whose runners are killed: they hold the interpreter, have deaf children, or children without a tag."""
ATTEMPTS = "select t.task_id, a.pid, a.id from attempt a join task_instance t on t.attempt_id = a.id"
HOUSE = ("--parallelism", "64", "--notebook-parallelism", "64", "--infra-retries", "0", "--kill-grace", "5")


@dataclass
class Findings:
    """``seconds``: from each kill to what was written about it. ``faults``: what should not be, one line each."""

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Return the time within which this share of the kills was noticed."""
        ordered = sorted(self.seconds)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else -1.0


def kill_runners(
    house: House, rounds: int, chance: random.Random, kinds: Sequence[str] = tuple(VICTIMS), patience: float = 5.0
) -> Findings:
    """Kill -9 the runner of each victim, in any order, ``rounds`` times. The house is not started yet.

    ``patience``: seconds after the end of a run until what is left of it is a fault.
    """
    found = Findings()
    for kind in kinds:
        write_hangs(house, kind, VICTIMS[kind], None, dag_id=kind)
    house.start(*HOUSE)
    for number in range(rounds):
        for kind in chance.sample(list(kinds), len(kinds)):
            _kill_round(house, kind, f"round {number}, {kind}", chance, found, patience)
    return found


def _kill_round(house: House, kind: str, where: str, chance: random.Random, found: Findings, patience: float) -> None:
    names = list(VICTIMS[kind])
    flags = [house.base / "flags" / name for name in names]
    for flag in flags:
        flag.unlink(missing_ok=True)
    run = house.trigger(kind)["run_id"]
    wait_for(lambda: all(flag.exists() for flag in flags), f"{where}: all work", 90)
    recorded = f"{ATTEMPTS} where t.run_id = ? and a.pid is not null"
    wait_for(lambda: len(house.rows(recorded, run)) == len(names), f"{where}: all are recorded", 60)
    rows = house.rows(recorded, run)
    if kind == "notebook":
        spools = [house.home / "spool" / row["id"] for row in rows]
        wait_for(lambda: all(list(spool.glob("[!.]*.ipynb")) for spool in spools), f"{where}: all are saved", 60)
    killed = {}
    for row in chance.sample(rows, len(rows)):
        killed[row["task_id"]] = datetime.now(UTC)
        os.kill(row["pid"], signal.SIGKILL)
        time.sleep(chance.uniform(0, 0.2))
    document = house.wait_for_run(kind, run, 60)
    last = time.monotonic()
    for name in names:
        task = task_of(document, name)
        text = str(task["reason"]["text"])
        if task["state"] != "failed" or "signal 9" not in text:
            found.faults.append(f"{where}: {name} is {task['state']}: {text}")
        found.seconds.append((datetime.fromisoformat(task["end_date"]) - killed[name]).total_seconds())
        if kind == "notebook":
            _check_cells(house, run, name, where, found)
    for row in rows:
        left = wait_until_gone(f"{TAG}={row['id']}", timeout=max(0.0, last + patience - time.monotonic()))
        found.faults += [f"{where}: {row['task_id']} left {item}" for item in left]
    while (left_over := strays(house)) and time.monotonic() < last + patience:
        time.sleep(0.1)
    found.faults += [f"{where}: left {item}" for item in left_over]


def _check_cells(house: House, run: str, name: str, where: str, found: Findings) -> None:
    shown = house.call("tasks.notebook", dag_id="notebook", run_id=run, task_id=name)
    states = [cell["metadata"]["papermill"]["status"] for cell in shown["notebook"]["cells"]]
    if states != ["completed", "failed", "pending"]:
        found.faults.append(f"{where}: the notebook of {name} says {states}")


KERNEL_ENDS: dict[str, tuple[str, str]] = {
    "kill": ("kernel died (signal 9) in cell {cell}", ""),
    "segv": ("kernel died (signal 11) in cell {cell}", ""),
    "crash": ("kernel died (signal 11) in cell {cell}", "import ctypes; ctypes.string_at(0)"),
    "abort": ("kernel died (signal 6) in cell {cell}", "os.abort()"),
    "exit": ("kernel died (exit code 7) in cell {cell}", "os._exit(7)"),
    "memory": (
        "MemoryError in cell {cell}",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); bytearray(2**32)",
    ),
    "out of memory": ("kernel died (signal 9) in cell {cell}", "os.kill(os.getpid(), 9)"),
}
"""Ways for a kernel to die: the reason, and what the cell does (nothing: it is killed from outside)."""
FROM_OUTSIDE = {"kill": signal.SIGKILL, "segv": signal.SIGSEGV}
CELLS = 4


def write_dying_notebooks(house: House, count: int) -> None:
    """Write the DAG ``dying``: ``count`` notebooks, each of which is told in which cell it dies, and how."""
    for number in range(count):
        cells: list[Any] = [{"source": "ends = {}", "tags": ["parameters"]}]
        cells += [_dying_cell(index) for index in range(CELLS)]
        house.write_notebook(cells, f"dying{number}.ipynb")
    house.write_dag(
        "from jupyter_flow import DAG, NotebookOperator\n"
        'with DAG("dying", params={"ends": []}, render_template_as_native_obj=True):\n'
        f"    for number in range({count}):\n"
        '        NotebookOperator(task_id=f"n{number}", notebook=f"dying{number}.ipynb",\n'
        '            parameters={"ends": "{{ params.ends[" + str(number) + "] }}"})\n',
        "dying.py",
    )


def _dying_cell(index: int) -> str:
    ends = "".join(
        f"    if ends['way'] == {way!r}:\n        {code}\n" for way, (_, code) in KERNEL_ENDS.items() if code
    )
    return f"""
import os, time
if ends['cell'] == {index}:
    with open(ends['flag'] + '.new', 'w') as file:
        file.write(f'{{os.getpid()}} {{time.time()}}')
    os.rename(ends['flag'] + '.new', ends['flag'])
{ends}
    time.sleep(60)
"""


def kill_kernels(house: House, rounds: int, chance: random.Random, at_once: int = 3) -> Findings:
    """Let kernels die in every way, ``at_once`` of them ``rounds`` times. The house is not started yet."""
    found = Findings()
    write_dying_notebooks(house, at_once)
    house.start(*HOUSE)
    ways = list(KERNEL_ENDS)
    for number in range(rounds):
        flags = [house.base / f"flag-{number}-{index}" for index in range(at_once)]
        ends = [
            {"cell": chance.randrange(CELLS), "way": ways[(number * at_once + index) % len(ways)], "flag": str(flag)}
            for index, flag in enumerate(flags)
        ]
        run = house.trigger("dying", conf={"ends": ends})["run_id"]
        times = [_kernel_dies(flag, end) for flag, end in zip(flags, ends, strict=True)]
        document = house.wait_for_run("dying", run, 90)
        for index, (end, at) in enumerate(zip(ends, times, strict=True)):
            _check_death(house, document, f"n{index}", end, at, found)
    return found


def _kernel_dies(flag: Path, end: dict[str, Any]) -> float:
    """Wait for the cell that dies, kill its kernel if need be; return the instant (Unix time)."""
    wait_for(flag.exists, f"cell {end['cell']} runs", 90)
    pid, at = flag.read_text().split()
    if end["way"] in FROM_OUTSIDE:
        now = time.time()
        os.kill(int(pid), FROM_OUTSIDE[end["way"]])
        return now
    return float(at)


def _check_death(
    house: House, document: dict[str, Any], name: str, end: dict[str, Any], at: float, found: Findings
) -> None:
    task = task_of(document, name)
    index = end["cell"] + 2  # after the parameters, and those injected
    reason = KERNEL_ENDS[end["way"]][0].format(cell=index + 1)
    where = f"{name}, {end['way']} in cell {end['cell']}"
    if task["state"] != "failed" or not str(task["reason"]["text"]).startswith(reason):
        found.faults.append(f"{where}: {task['state']}, {task['reason']['text']!r} instead of {reason!r}")
    found.seconds.append(datetime.fromisoformat(task["end_date"]).timestamp() - at)
    shown = house.call("tasks.notebook", dag_id="dying", run_id=document["run_id"], task_id=name)
    states = [cell["metadata"]["papermill"]["status"] for cell in shown["notebook"]["cells"]]
    wanted = ["completed"] * index + ["failed"] + ["pending"] * (CELLS + 1 - index)
    if states != wanted or shown["failing_cell"] != index:
        found.faults.append(f"{where}: its notebook says {states}, failing cell {shown['failing_cell']}")
