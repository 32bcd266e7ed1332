"""R9: eight clients at once, by the host, the command line and the file, on SQLite; the host is killed meanwhile."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from support import invariants, witnesses
from support.houses import House
from support.waiting import wait_for

from jupyter_flow.model.errors import Conflict, FlowError, InvalidInput, NoHost, NotFound
from jupyter_flow.storage import schema
from jupyter_flow.storage.database import connect_read, create_reader
from jupyter_flow.wire.client import HouseClient

from .traffic import quantile

TITLE = "SQLite: 8 clients and the scheduler for 10 minutes, kill -9 of the host each minute"
TARGET = '0 times "locked", answered writes within 250 ms (p99), integrity ok'
SCALE = 0.15
SMOKE = None
LIMIT = 900.0
CLIENTS = 6
"""Clients of ``house.sock``; one more writes by the command line, one more reads the file as a server does."""
OPTIONS = ("--unpaused", "--parallelism", "4", "--kill-grace", "1", "--waiting-kernels", "0")
DAG = (
    witnesses.TASK_SOURCE
    + """
for number in range(CLIENTS):
    with DAG(f"busy{number}", max_active_runs=1000) as dag:
        first = PythonOperator(task_id="first", python_callable=witnessed, op_args=[0.02])
        first >> [EmptyOperator(task_id=f"t{part}") for part in range(8)]
with DAG("minutely", schedule="* * * * *", catchup=False) as minutely:
    EmptyOperator(task_id="t")
"""
)


@dataclass(eq=False)
class Client(threading.Thread):
    """One who asks all the time. ``seconds``: of each write that was answered. ``told``: what nobody should hear."""

    house: House
    number: int
    chance: random.Random
    ends: threading.Event
    seconds: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    reads: int = 0
    refused: int = 0
    unanswered: int = 0
    value: int = 0
    answered_value: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    @property
    def dag_id(self) -> str:
        return f"busy{self.number}"

    def run(self) -> None:
        """Ask, over a connection that is opened again when the host has gone."""
        while not self.ends.is_set():
            try:
                with self.house.client(timeout=30) as client:
                    while not self.ends.wait(self.chance.uniform(0.02, 0.3)):
                        self._once(client)
            except (NoHost, OSError):
                self.unanswered += 1
                self.ends.wait(0.1)

    def _once(self, client: HouseClient) -> None:
        begun = time.monotonic()
        try:
            is_write = self._choose()(client)
        except NoHost:
            raise
        except FlowError as error:
            self.refused += 1
            if "locked" in str(error) or not isinstance(error, Conflict | NotFound | InvalidInput):
                self.told.append(f"client {self.number}: {type(error).__name__}: {error}")
            return
        if is_write:
            self.seconds.append(time.monotonic() - begun)
        else:
            self.reads += 1

    def _choose(self) -> Callable[[HouseClient], bool]:
        ways: list[Callable[[HouseClient], bool]] = [self._set, self._trigger, self._pause, self._read]
        weights = [50, 5, 8, 25]
        if self.runs:
            ways += [self._clear, self._mark, self._mark_task]
            weights += [3, 4, 5]
        return self.chance.choices(ways, weights)[0]

    def _set(self, client: HouseClient) -> bool:
        self.value += 1
        client.call("variables.set", key=f"v{self.number}", value=str(self.value))
        self.answered_value = self.value
        return True

    def _trigger(self, client: HouseClient) -> bool:
        self.runs.append(client.call("dags.trigger", dag_id=self.dag_id)["run_id"])
        return True

    def _pause(self, client: HouseClient) -> bool:
        client.call(self.chance.choice(("dags.pause", "dags.unpause")), dag_id=self.dag_id)
        return True

    def _clear(self, client: HouseClient) -> bool:
        client.call("runs.clear", dag_id=self.dag_id, run_id=self.chance.choice(self.runs))
        return True

    def _mark(self, client: HouseClient) -> bool:
        state = self.chance.choice(("success", "failed"))
        client.call("runs.mark", dag_id=self.dag_id, run_id=self.chance.choice(self.runs), state=state)
        return True

    def _mark_task(self, client: HouseClient) -> bool:
        where = {"run_id": self.chance.choice(self.runs), "task_id": f"t{self.chance.randrange(8)}"}
        client.call("tasks.mark", dag_id=self.dag_id, **where, state=self.chance.choice(("success", "failed")))
        return True

    def _read(self, client: HouseClient) -> bool:
        client.call("runs.list", dag_id=self.dag_id)
        return False


class CommandLine(Client):
    """The same by ``jupyter flow``, a process each time."""

    def run(self) -> None:
        """Set a variable again and again."""
        while not self.ends.wait(0.5):
            self.value += 1
            result = self.house.cli("variables", "set", f"v{self.number}", str(self.value))
            if result.code == 0:
                self.answered_value = self.value
            else:
                self.unanswered += 1
            if "locked" in result.out + result.err:
                self.told.append(f"command line: {result}")


class Reader(Client):
    """Reads the file itself, as a Jupyter Server does for its views."""

    def run(self) -> None:
        """Read what the views read."""
        engine = create_reader(f"sqlite:///{self.house.home / 'flow.db'}")
        while not self.ends.wait(0.05):
            try:
                with connect_read(engine) as connection:
                    connection.execute(select(schema.dag_run).limit(100)).all()
                    connection.execute(select(schema.task_instance).limit(500)).all()
                self.reads += 1
            except Exception as error:
                self.told.append(f"reader: {type(error).__name__}: {error}")
        engine.dispose()


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Let all ask, kill the host now and then, ask all witnesses at the end."""
    chance = random.Random(seed)
    house = House(folder)
    seen = folder / "witnesses"
    house.env.update(witnesses.environment(seen))
    house.write_dag(DAG.replace("CLIENTS", str(CLIENTS)), "busy.py")
    ends = threading.Event()
    clients: list[Client] = [Client(house, number, random.Random(seed + number), ends) for number in range(CLIENTS)]
    clients += [kind(house, CLIENTS + place, chance, ends) for place, kind in enumerate((CommandLine, Reader))]
    kills = max(2, round(10 * scale))
    try:
        house.start(*OPTIONS)
        house.wait_for_dag(f"busy{CLIENTS - 1}")
        for client in clients:
            client.start()
        for _ in range(kills):
            time.sleep(600.0 * scale / (kills + 1) * chance.uniform(0.7, 1.3))
            house.kill()
            _start(house)
        time.sleep(600.0 * scale / (kills + 1))
        ends.set()
        for client in clients:
            client.join(60)
        _settle(house)
        problems = _problems(house, clients, seen)
    finally:
        ends.set()
        house.close()
    return _told(clients, kills, [*problems, *_after(house, seen)])


def _start(house: House) -> None:
    """Start the host; a command that found none may hold the lease for a moment."""

    def started() -> bool:
        try:
            house.start(*OPTIONS, timeout=120)
        except AssertionError:
            if "already serves" not in house.output():
                raise
            return False
        return True

    wait_for(started, house.output, 120)


def _settle(house: House) -> None:
    for number in range(CLIENTS):
        house.call("dags.unpause", dag_id=f"busy{number}")
    house.call("dags.pause", dag_id="minutely")

    def is_over() -> bool:
        return not house.rows("select id from dag_run where state not in ('success', 'failed', 'cancelled')")

    wait_for(is_over, lambda: f"all runs are over; {house.output()[-3000:]}", 180, pause=0.5)


def _problems(house: House, clients: list[Client], seen: Path) -> list[str]:
    problems = [text for client in clients for text in client.told]
    runs = {(row["dag_id"], row["run_id"]) for row in house.rows("select dag_id, run_id from dag_run")}
    for client in clients:
        problems += [
            f"run {name} was answered and is not there" for name in client.runs if (client.dag_id, name) not in runs
        ]
        if client.value:
            with contextlib.suppress(NotFound):
                kept = int(house.call("variables.get", key=f"v{client.number}")["value"])
                if kept < client.answered_value:
                    problems.append(f"variable {client.number} is {kept}, {client.answered_value} was answered")
                continue
            if client.answered_value:
                problems.append(f"variable {client.number} was answered and is not there")
    return problems + [line for line in house.output().splitlines() if "Traceback" in line]


def _after(house: House, seen: Path) -> list[str]:
    """Ask the file of a house that has ended."""
    ((verdict,),) = [tuple(row.values()) for row in house.rows("PRAGMA integrity_check")]
    engine = create_reader(f"sqlite:///{house.home / 'flow.db'}")
    try:
        problems = [] if verdict == "ok" else [f"integrity: {verdict}"]
        problems += invariants.check(engine, invariants.Limits(parallelism=4)) + invariants.settled(engine)
        return problems + witnesses.Journal.read(seen).doubled() + witnesses.broken_files(engine, house.home / "spool")
    finally:
        engine.dispose()


def _told(clients: list[Client], kills: int, problems: list[str]) -> dict[str, Any]:
    seconds = [value for client in clients for value in client.seconds]
    locked = sum("locked" in text for client in clients for text in client.told)
    p99 = quantile([1000 * value for value in seconds], 0.99)
    commands = sum(client.answered_value for client in clients if isinstance(client, CommandLine))
    sound = not problems and len(seconds) > 0
    return {
        "clients": len(clients),
        "kills": kills,
        "writes": len(seconds),
        "by_command_line": commands,
        "reads": sum(client.reads for client in clients),
        "refused": sum(client.refused for client in clients),
        "locked": locked,
        "write_ms_p50": quantile([1000 * value for value in seconds], 0.5),
        "write_ms_p99": p99,
        "write_ms_worst": round(1000 * max(seconds, default=0.0)),
        "problems": problems[:10],
        "sound": sound,
        "passed": sound and not locked and p99 <= 250.0,
        "detail": f"{len(seconds)} writes, {locked} times locked, p99 {p99:g} ms, {kills} kills; "
        f"{len(problems)} problems",
    }
