"""R8: PostgreSQL is stopped or killed again and again, and once for long, under two hosts whose tasks go on."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import invariants, witnesses
from support.hosts import Hosts
from support.postgres import Postgres, a_server
from support.waiting import wait_for

from jupyter_flow.model.errors import FlowError

from .traffic import Traffic, quantile, started_twice

TITLE = "PostgreSQL stopped or killed every 5 to 40 s for 20 minutes; one outage of 60 minutes with a task of 70"
TARGET = "0 lost, 0 tasks failed because of the database, caught up 10 s after"
SCALE = 0.025
SMOKE = None
LIMIT = 900.0
OPTIONS = ("--unpaused", "--parallelism", "4")
DAGS = """
from jupyter_flow import Variable

def ask(seconds):
    Variable.set("answer", str(seconds))
    witnessed(seconds)
    Variable.get("answer")

for number in range(3):
    with DAG(f"light{number}", max_active_runs=1000) as dag:
        first = PythonOperator(task_id="first", python_callable=ask, op_args=[0.5])
        for part in range(3):
            first >> PythonOperator(task_id=f"t{part}", python_callable=witnessed, op_args=[float(part)])
with DAG("long") as long:
    PythonOperator(task_id="long", python_callable=witnessed, op_args=[LONG])
"""
DAG_IDS = ("light0", "light1", "light2")


@dataclass
class Figures:
    """What is measured. ``caught_up``: seconds from the server's answer to the end of all that waited for it."""

    stops: int = 0
    kills: int = 0
    caught_up: list[float] = field(default_factory=list)
    long_outage: float = 0.0
    long_caught_up: float = 0.0


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Trigger runs all the time, take the server away and give it back, ask all witnesses at the end."""
    chance = random.Random(seed)
    with a_server() as server:
        hosts = Hosts(folder, server.url(server.create_database()))
        traffic = Traffic(hosts.houses, DAG_IDS, 1.5, seed)
        try:
            found = _go_through(hosts, server, chance, traffic, scale)
            problems = traffic.problems(hosts.engine)
            problems += invariants.check(hosts.engine, invariants.Limits()) + invariants.settled(hosts.engine)
            problems += witnesses.disagreements(hosts.engine, hosts.witnesses)
            problems += witnesses.lost_finishes(hosts.engine, hosts.witnesses)
            return _told(hosts, found, traffic, problems)
        finally:
            server.start()
            hosts.close()


def _go_through(hosts: Hosts, server: Postgres, chance: random.Random, traffic: Traffic, scale: float) -> Figures:
    found = Figures()
    minutes_20, hour = 1200.0 * scale, 3600.0 * scale
    hosts.write_dag(DAGS.replace("LONG", repr(hour * 7 / 6)), "light.py")
    hosts.start(*OPTIONS)
    for house in hosts:
        house.wait_for_dag("long")
    traffic.start()
    ends = time.monotonic() + minutes_20
    while time.monotonic() < ends or not found.caught_up:
        time.sleep(chance.uniform(5.0, 40.0) * min(1.0, 4 * scale))
        _take_away(server, chance.random() < 0.5, found)
        time.sleep(chance.uniform(0.0, 8.0))
        found.caught_up.append(_give_back(hosts, server))
    run_id = hosts[0].call("dags.trigger", dag_id="long")["run_id"]
    traffic.answered["long"] = ("long", run_id)
    hosts[0].wait_for_task("long", run_id, "long", "running")
    _take_away(server, True, found)
    found.long_outage = hour
    time.sleep(hour)
    found.long_caught_up = _give_back(hosts, server)
    traffic.end()
    hosts.wait_for_all(120 + hour)
    return found


def _take_away(server: Postgres, is_kill: bool, found: Figures) -> None:
    if is_kill:
        found.kills += 1
        server.kill()
    else:
        found.stops += 1
        server.stop()


def _give_back(hosts: Hosts, server: Postgres) -> float:
    """Start the server; the seconds until the hosts are well and all that had ended by then is recorded."""
    server.start()
    begun = time.monotonic()
    ended = {entry.attempt for entry in hosts.journal().entries if entry.what == "end"}

    def is_caught_up() -> bool:
        try:
            if any(house.call("host.status", timeout=5)["state"] != "healthy" for house in hosts):
                return False
        except (FlowError, OSError):
            return False
        open_ones = {row["id"] for row in hosts.rows("select id from attempt where finished_at is null")}
        return not open_ones & ended

    wait_for(is_caught_up, lambda: f"all is caught up: {hosts.outputs()}", 90, pause=0.1)
    return time.monotonic() - begun


def _told(hosts: Hosts, found: Figures, traffic: Traffic, problems: list[str]) -> dict[str, Any]:
    ran = len(hosts.journal().starts())
    doubled = started_twice(hosts.witnesses)
    lost = hosts.rows("select id from attempt where outcome = 'lost'")
    anew = len(hosts.rows("select id from host")) - len(hosts.houses)
    ended = [house for house in hosts if house.process is None or house.process.poll() is not None]
    problems = [*problems, *doubled, *(f"the host of {house.home} has ended" for house in ended)]
    worst = max([*found.caught_up, found.long_caught_up])
    sound = not problems and not lost and not anew
    return {
        "stops": found.stops,
        "kills": found.kills,
        "long_outage_s": round(found.long_outage),
        "tasks": ran,
        "doubled": len(doubled),
        "lost_attempts": len(lost),
        "hosts_begun_anew": anew,
        "refused": traffic.refused,
        "caught_up_p50": quantile(found.caught_up, 0.5),
        "caught_up_worst": round(max(found.caught_up), 2),
        "caught_up_after_long": round(found.long_caught_up, 2),
        "problems": problems[:10],
        "sound": sound,
        "passed": sound and worst <= 10.0,
        "detail": f"{found.stops} stops, {found.kills} kills, {ran} tasks, {len(doubled)} twice, {len(lost)} attempts "
        f"lost, {anew} hosts begun anew; caught up after {worst:.1f} s at worst; {len(problems)} problems",
    }
