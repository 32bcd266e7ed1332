"""Runs on Jupyter's own event bus, and what keeps a server with work from being taken for idle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from jupyter_events import EventLogger
from support.houses import House
from support.lab_server import LabServer
from support.waiting import wait_for

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Actor
from jupyter_flow.server.house_door import HouseDoor
from jupyter_flow.server.run_bus import SCHEMA_ID, SETTING, RunBus

DAG = """
    from jupyter_flow import DAG, BashOperator, EmptyOperator

    with DAG("held", schedule=None):
        BashOperator(task_id="waits", bash_command="until test -e {gate}; do sleep 0.05; done")
    with DAG("fails", schedule=None):
        BashOperator(task_id="fails", bash_command="exit 3")
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabServer]:
    lab = LabServer(tmp_path / "lab")
    lab.write_dag(DAG.replace("{gate}", str(tmp_path / "gate")))
    yield lab
    (tmp_path / "gate").touch()
    lab.close()


def server_activity(lab: LabServer) -> datetime:
    """What JupyterHub and the culler go by."""
    answer = requests.get(f"{lab.url}/api/status", headers={"Authorization": f"token {lab.token}"}, timeout=30)
    return datetime.fromisoformat(answer.json()["last_activity"])


class Bus:
    """A subscriber of the server's event bus."""

    def __init__(self, lab: LabServer) -> None:
        url = f"ws://127.0.0.1:{lab.port}/api/events/subscribe"
        self._socket = websocket.create_connection(url, timeout=30, header=[f"Authorization: token {lab.token}"])

    def until(self, dag_id: str, state: str) -> list[dict[str, Any]]:
        """Return our events up to the one that says ``state``."""
        events: list[dict[str, Any]] = []
        while not events or events[-1]["state_to"] != state:
            event = json.loads(self._socket.recv())
            if event["schema_id"] == SCHEMA_ID and event["dag_id"] == dag_id:
                events.append(event)
        return events

    def close(self) -> None:
        self._socket.close()


def test_each_change_of_a_run_is_one_event_on_the_bus(lab: LabServer, tmp_path: Path) -> None:
    lab.start()
    lab.wait_for_dag("held")
    bus = Bus(lab)
    before = datetime.now(UTC)
    run = lab.post("/dags/held/runs", {"unpause": True})
    begun = bus.until("held", "running")
    wait_for(lambda: server_activity(lab) >= before, "the server counts a running run as activity")
    (tmp_path / "gate").touch()
    events = begun + bus.until("held", "success")
    assert [(event["state_from"], event["state_to"]) for event in events] == [
        (None, "queued"),
        ("queued", "running"),
        ("running", "success"),
    ]
    assert {event["run_id"] for event in events} == {run["run_id"]}
    assert all(before <= datetime.fromisoformat(event["at"]) <= datetime.now(UTC) for event in events)

    lab.post("/dags/fails/runs", {"unpause": True})
    assert [event["state_to"] for event in bus.until("fails", "failed")] == ["queued", "running", "failed"]
    bus.close()


# --- the sign of life, beside a real host


class CountingDoor(HouseDoor):
    """A door that counts what it is asked."""

    asked = 0

    async def view(self, actor: Actor, name: str, **args: Any) -> Any:
        self.asked += 1
        return await super().view(actor, name, **args)


class Watch:
    """A run bus that looks every few milliseconds."""

    def __init__(self, door: CountingDoor) -> None:
        self.door = door
        self.settings: dict[str, Any] = {}
        self.bus = RunBus(EventLogger(), self.settings, door, look=0.02)

    @property
    def is_young(self) -> bool:
        """Whether the setting was renewed in the last half second."""
        return SETTING in self.settings and datetime.now(UTC) - self.settings[SETTING] < timedelta(seconds=0.5)

    async def until(self, young: bool) -> None:
        """Wait until the sign is young, or until it has grown old."""
        async with asyncio.timeout(30):
            while self.is_young != young:
                await asyncio.sleep(0.02)


@contextmanager
def watching(house: House) -> Iterator[CountingDoor]:
    with ThreadPoolExecutor(1) as threads:
        door = CountingDoor(FlowConfig(home=house.home), threads)
        try:
            yield door
        finally:
            door.close()


async def with_looks(watch: Watch, story: Any) -> None:
    looking = asyncio.ensure_future(watch.bus.keep_activity())
    try:
        await story()
    finally:
        looking.cancel()


def test_a_run_keeps_the_server_active_and_an_idle_house_is_asked_once(house: House, tmp_path: Path) -> None:
    house.write_dag(DAG.replace("{gate}", str(tmp_path / "gate")))
    house.start()
    house.wait_for_dag("held")

    async def idle() -> None:
        async with asyncio.timeout(30):
            while not watch.door.asked:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # some 20 looks
        assert watch.door.asked == 1
        assert not watch.is_young

    async def running() -> None:
        await watch.until(young=True)
        await asyncio.sleep(0.6)
        assert watch.is_young, "it stays young without an event"
        assert watch.door.asked == 2
        (tmp_path / "gate").touch()
        await asyncio.to_thread(house.wait_for_run, "held", run["run_id"])
        await watch.bus.on_events([])
        await watch.until(young=False)
        assert watch.door.asked == 3

    with watching(house) as door:
        watch = Watch(door)
        asyncio.run(with_looks(watch, idle))
        run = house.trigger("held")
        house.wait_for_task("held", run["run_id"], "waits", "running")
        asyncio.run(watch.bus.on_events([]))
        asyncio.run(with_looks(watch, running))


@pytest.mark.parametrize(("schedule", "young"), [("* * * * *", True), ("@yearly", False), (None, False)])
def test_a_run_that_is_due_soon_keeps_the_server_active(house: House, schedule: str | None, young: bool) -> None:
    house.write_dag(
        f"""
        from datetime import datetime
        from jupyter_flow import DAG, EmptyOperator

        with DAG("timed", schedule={schedule!r}, start_date=datetime(2026, 1, 1), catchup=False):
            EmptyOperator(task_id="nothing")
        """
    )
    house.start("--unpaused")
    house.wait_for_dag("timed")
    wait_for(lambda: not house.rows("SELECT 1 FROM dag_run WHERE state IN ('queued', 'running')"), "no run runs")

    async def look() -> None:
        async with asyncio.timeout(30):
            while not watch.door.asked:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        assert watch.is_young == young

    with watching(house) as door:
        watch = Watch(door)
        asyncio.run(with_looks(watch, look))


def test_a_house_that_cannot_be_asked_is_asked_again(house: House, tmp_path: Path) -> None:
    async def look() -> None:
        async with asyncio.timeout(30):
            while watch.door.asked < 3:
                await asyncio.sleep(0.02)
        assert SETTING not in watch.settings

    with watching(house) as door:  # no host has ever run here
        watch = Watch(door)
        asyncio.run(with_looks(watch, look))
