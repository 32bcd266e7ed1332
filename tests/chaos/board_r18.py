"""R18: hours of everything at once: a host is killed, its server goes away, its disk is full, and memory is watched.

Two hosts on one PostgreSQL. One has a small disk and is killed again and again; the other is never killed: of it the
memory is measured (PSS of what is its own, not of files that others map too), as it has to live through the outages of
the server and take over from the first. How fast it grows is told only by a run that is long enough: in its first
minutes a host fills its caches. A shorter one looks for gross leaks.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import invariants, witnesses
from support.hosts import Hosts
from support.houses import House
from support.postgres import Postgres, a_server
from support.small_disk import MB, Filler, small_disk
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError

from .traffic import Traffic

TITLE = "two hours of R1, R8 and R10 mixed, 5,000 tasks"
TARGET = "all invariants; the memory of the host grows by 1 MB an hour at most"
SCALE = 0.03
SMOKE = None
LIMIT = 2400.0
HOURS = 2.0
WARM_UP, LONG_ENOUGH = 10 / 60, 10 / 60
"""Hours in which a host fills its caches, and hours after them from which a slope may be read."""
GROSS = 5.0
"""MB by which a host may grow in a run that is too short for a slope."""
RUNS = 1250
"""Of four tasks each."""
DISK = 512 * MB
OPTIONS = ("--unpaused", "--parallelism", "4", "--notebook-parallelism", "1")
DAGS = """
for number in range(4):
    with DAG(f"light{number}", max_active_runs=1000) as dag:
        first = PythonOperator(task_id="first", python_callable=witnessed, op_args=[0.3])
        for part in range(3):
            first >> PythonOperator(task_id=f"t{part}", python_callable=witnessed, op_args=[float(part)])
with DAG("note", max_active_runs=1000) as note:
    NotebookOperator(task_id="note", notebook="note.ipynb")
"""
CELL = "for number in range(20):\n    print(number)\n    time.sleep(0.05)"


@dataclass(eq=False)
class Memory(threading.Thread):
    """Looks at the memory of a host. ``samples``: (hours, MB)."""

    house: House
    every: float
    samples: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.ends = threading.Event()

    def run(self) -> None:
        """Look until told to end."""
        begun = time.monotonic()
        while not self.ends.wait(self.every):
            with contextlib.suppress(OSError):
                self.samples.append(((time.monotonic() - begun) / 3600.0, pss_of(self.house.pid) / MB))

    def slope(self) -> float | None:
        """Return by how many MB an hour it grows, by a line through all after the warm-up; None: too short to tell."""
        points = [point for point in self.samples if point[0] >= WARM_UP]
        if len(points) < 2 or points[-1][0] - WARM_UP < LONG_ENOUGH:
            return None
        middle = sum(x for x, _ in points) / len(points)
        height = sum(y for _, y in points) / len(points)
        spread = sum((x - middle) ** 2 for x, _ in points)
        return sum((x - middle) * (y - height) for x, y in points) / spread


def pss_of(pid: int) -> int:
    """Return the bytes of memory of a process that no file holds, shared ones in parts."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"process {pid} tells nothing of its memory")


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Do one bad thing after another while runs are triggered; ask all witnesses at the end."""
    with a_server() as server:
        hosts = Hosts(folder, server.url(server.create_database()))
        seconds = HOURS * 3600.0 * scale
        traffic = Traffic(hosts.houses, [f"light{number}" for number in range(4)], seconds / (RUNS * scale), seed)
        memory = Memory(hosts[0], every=max(1.0, 5 * scale))
        hosts.write_dag(DAGS, "light.py")
        hosts[0].write_notebook([witnesses.NOTEBOOK_SOURCE, CELL, witnesses.NOTEBOOK_END], "note.ipynb")
        with small_disk(hosts[1].home, DISK) as is_mounted:
            soak = Soak(hosts, server, traffic, random.Random(seed), is_mounted)
            try:
                soak.go(seconds, memory)
                problems = soak.problems()
            finally:
                memory.ends.set()
                server.start()
                Filler(hosts[1].home).free()
                hosts.close()
    return _told(soak, memory, problems)


@dataclass
class Soak:
    """What goes on. ``done``: how often each bad thing was done."""

    hosts: Hosts
    server: Postgres
    traffic: Traffic
    chance: random.Random
    has_disk: bool
    done: dict[str, int] = field(default_factory=dict)
    tasks: int = 0
    lost: int = 0
    doubled: list[str] = field(default_factory=list)

    def go(self, seconds: float, memory: Memory) -> None:
        """Begin, go on for ``seconds``, and wait until all is over."""
        self.hosts.start(*OPTIONS)
        for house in self.hosts:
            house.wait_for_dag("note")
        memory.start()
        self.traffic.start()
        ends = time.monotonic() + seconds
        things: list[Callable[[], None]] = [self._kill, self._stop_server, self._kill_server]
        things += [self._fill] if self.has_disk else []
        number = 0
        while time.monotonic() < ends or number < len(things):
            time.sleep(self.chance.uniform(3.0, 25.0))
            self._trigger_note(number)
            thing = things[number] if number < len(things) else self.chance.choice(things)
            thing()
            name = thing.__name__.strip("_")
            self.done[name] = self.done.get(name, 0) + 1
            wait_for(self._is_well, lambda: f"all is well after {self.done}: {self.hosts.outputs()}", 90, pause=0.2)
            number += 1
        self.traffic.end()
        self.hosts.wait_for_all(180)
        memory.ends.set()

    def _trigger_note(self, number: int) -> None:
        run_id = self.hosts[0].call("dags.trigger", dag_id="note")["run_id"]
        self.traffic.answered[f"note-{number}"] = ("note", run_id)

    def _kill(self) -> None:
        self.hosts[1].kill()
        time.sleep(self.chance.uniform(0.0, 5.0))
        self.hosts.start(*OPTIONS)

    def _stop_server(self) -> None:
        self.server.stop()
        time.sleep(self.chance.uniform(0.0, 8.0))
        self.server.start()

    def _kill_server(self) -> None:
        self.server.kill()
        time.sleep(self.chance.uniform(0.0, 8.0))
        self.server.start()

    def _fill(self) -> None:
        disk = Filler(self.hosts[1].home)
        disk.fill(leave=self.chance.choice((0, 4096, 400_000)))
        time.sleep(self.chance.uniform(0.5, 8.0))
        disk.free()

    def _is_well(self) -> bool:
        try:
            return all(house.call("host.status", timeout=5)["state"] == "healthy" for house in self.hosts)
        except (FlowError, OSError):
            return False

    def problems(self) -> list[str]:
        """Ask all witnesses."""
        hosts, engine = self.hosts, self.hosts.engine
        found = self.traffic.problems(engine) + invariants.check(engine) + invariants.settled(engine)
        found += witnesses.disagreements(engine, hosts.witnesses) + witnesses.lost_finishes(engine, hosts.witnesses)
        found += [
            f"{house.home}: {line}" for house in hosts for line in house.output().splitlines() if "Traceback" in line
        ]
        journal = hosts.journal()
        self.tasks = len(journal.starts())
        self.lost = len(hosts.rows("select id from attempt where outcome = 'lost'"))
        ends = Counter(entry.key for entry in journal.entries if entry.what == "end")
        self.doubled = sorted(str(key) for key, count in ends.items() if count > 1)
        return found + [f"{key} came to its end twice" for key in self.doubled]


def _told(soak: Soak, memory: Memory, problems: list[str]) -> dict[str, Any]:
    slope = memory.slope()
    hours = memory.samples[-1][0] if memory.samples else 0.0
    first, last = (memory.samples[0][1], memory.samples[-1][1]) if memory.samples else (0.0, 0.0)
    is_flat = slope <= 1.0 if slope is not None else last - first <= GROSS
    told = f"{slope:.2f}" if slope is not None else f"not told by {hours * 60:.0f} minutes"
    return {
        "hours": round(hours, 2),
        **soak.done,
        "tasks": soak.tasks,
        "doubled": len(soak.doubled),
        "lost_attempts": soak.lost,
        "refused": soak.traffic.refused,
        "memory_mb_first": round(first, 1),
        "memory_mb_last": round(last, 1),
        "memory_mb_per_hour": told,
        "problems": problems[:10],
        "sound": not problems,
        "passed": not problems and is_flat and soak.has_disk,
        "detail": f"{soak.tasks} tasks in {hours:.2f} hours, {len(soak.doubled)} doubled, {len(problems)} problems, "
        f"MB an hour more memory: {told}{'' if soak.has_disk else '; no disk of its own may be mounted'}",
    }
