"""R2: two hosts on one PostgreSQL, either killed again and again while tasks run; the other takes over."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import invariants, witnesses
from support.hosts import Hosts
from support.houses import House
from support.postgres import Postgres
from support.waiting import wait_for

TITLE = "PostgreSQL, 2 hosts, kill -9 either 100 times, 2,000 light tasks; and stop one past its lease"
TARGET = "0 doubled, 0 lost, takeover p99 <= 15 s"
SCALE = 0.06
SMOKE = 0.02
LIMIT = 600.0
WIDTH = 5
"""Tasks of a run."""
OPTIONS = ("--unpaused", "--parallelism", "8")
DAGS = f"""
for number in range(4):
    with DAG(f"light{{number}}", max_active_runs=1000) as dag:
        for part in range({WIDTH}):
            PythonOperator(task_id=f"t{{part}}", python_callable=witnessed, op_args=[0.2 * part])
"""


@dataclass
class Figures:
    """What is measured. ``killed`` and ``stopped``: seconds until nothing is held by the host any more."""

    killed: list[float] = field(default_factory=list)
    stopped: list[float] = field(default_factory=list)
    triggered: int = 0


def quantile(values: list[float], part: float) -> float:
    """Return the value below which ``part`` of ``values`` are; 0.0 of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2) if ordered else 0.0


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Trigger runs through either host, kill one of the two, wait until the other has all its runs, start it again."""
    kills = max(2, round(100 * scale))
    return play(kills, max(1, round(5 * scale)), max(kills * WIDTH, round(2000 * scale)), seed, folder)


def play(kills: int, stops: int, tasks: int, seed: int, folder: Path) -> dict[str, Any]:
    """As :func:`run`, by numbers: of kills, of stops past the lease, of light tasks."""
    chance = random.Random(seed)
    # not in ``folder``: the path of its socket would be too long
    with tempfile.TemporaryDirectory(prefix="pg-") as place:
        server = Postgres(Path(place))
        try:
            hosts = Hosts(folder, server.url(server.create_database()))
            found = Figures()
            try:
                _go_through(hosts, chance, kills, stops, tasks, found)
                problems = _problems(hosts)
            finally:
                hosts.close()
        finally:
            server.stop()
    return _told(hosts, found, problems)


def _go_through(hosts: Hosts, chance: random.Random, kills: int, stops: int, tasks: int, found: Figures) -> None:
    hosts.write_dag(DAGS, "light.py")
    hosts.start(*OPTIONS)
    for house in hosts:
        house.wait_for_dag("light3")
    turns = ["kill"] * kills + ["stop"] * stops
    chance.shuffle(turns)
    runs = -(-tasks // WIDTH)
    for number, what in enumerate(turns, 1):
        while found.triggered * len(turns) < runs * number:
            chance.choice(hosts.houses).call("dags.trigger", dag_id=f"light{chance.randrange(4)}", timeout=60)
            found.triggered += 1
        time.sleep(chance.uniform(0.0, 1.0))
        victim = chance.choice(hosts.houses)
        held = _id_of(hosts, victim)
        if what == "kill":
            victim.kill()
            found.killed.append(_until_free(hosts, held))
            hosts.start(*OPTIONS)
        else:
            assert victim.process is not None
            victim.process.send_signal(signal.SIGSTOP)
            found.stopped.append(_until_free(hosts, held))
            victim.process.send_signal(signal.SIGCONT)
            wait_for(hosts.all_known, lambda: f"the stopped host is one again: {hosts.outputs()}", 60)
    hosts.wait_for_all(120 + tasks)


def _id_of(hosts: Hosts, house: House) -> str:
    home = str(house.home.resolve())
    found = hosts.rows("select host_id from host where home = :home and ended_at is null", home=home)
    return str(found[0]["host_id"])


def _until_free(hosts: Hosts, host_id: str) -> float:
    """Return the seconds until this host has been declared ended and holds no run."""
    begun = time.monotonic()

    def is_free() -> bool:
        ended = hosts.rows("select 1 as one from host where host_id = :id and ended_at is not null", id=host_id)
        held = hosts.rows("select id from dag_run where held_by = :id", id=host_id)
        return bool(ended) and not held

    wait_for(is_free, lambda: f"host {host_id} is replaced: {hosts.outputs()}", 90, pause=0.02)
    return round(time.monotonic() - begun, 3)


def _problems(hosts: Hosts) -> list[str]:
    seen = hosts.witnesses
    return [
        *invariants.check(hosts.engine, invariants.Limits()),
        *witnesses.disagreements(hosts.engine, seen),
        *witnesses.lost_finishes(hosts.engine, seen),
    ]


def _told(hosts: Hosts, found: Figures, problems: list[str]) -> dict[str, Any]:
    starts = hosts.journal().starts()
    doubled = sorted(str(key) for key, entries in starts.items() if len(entries) > 1)
    expected = found.triggered * WIDTH
    sound = not problems and not doubled and len(starts) == expected
    worst = quantile([*found.killed, *found.stopped], 0.99)
    return {
        "tasks": expected,
        "ran": len(starts),
        "doubled": len(doubled),
        "kills": len(found.killed),
        "takeover_p50": quantile(found.killed, 0.5),
        "takeover_p99": quantile(found.killed, 0.99),
        "stops": len(found.stopped),
        "stopped_p50": quantile(found.stopped, 0.5),
        "stopped_p99": quantile(found.stopped, 0.99),
        "problems": [*problems, *doubled][:10],
        "sound": sound,
        "passed": sound and worst <= 15.0,
        "detail": f"{len(starts)} of {expected} tasks ran, {len(doubled)} twice; {len(found.killed)} kills, p99 "
        f"{quantile(found.killed, 0.99):g} s, {len(found.stopped)} stops, p99 {quantile(found.stopped, 0.99):g} s; "
        f"{len(problems)} problems",
    }
