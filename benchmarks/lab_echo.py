"""Does JupyterLab stay alive under load? Echo latency of an interactive kernel, p99, as a multiple of idle.

Target: ≤ 2 × idle.

A kernel is started by the server and spoken to over its WebSocket, as the browser does: ``execute_request`` sent →
``execute_reply`` received, twenty times a second. The load: runs of 1 → 200 → 1 no-op tasks one after the other
without a pause, and a DAG of 10,000 tasks that is written into the DAG folder in the middle of it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid

from common import Effort, Line, Watcher, house, percentile
from fan_out import DAG as FAN_OUT
from lab import Lab, running
from support.houses import House
from tornado.websocket import WebSocketClientConnection, websocket_connect

TASKS = 10_000
BIG = f"""
from datetime import datetime
from jupyter_flow import DAG, EmptyOperator

with DAG(dag_id="big", schedule=None, start_date=datetime(2026, 1, 1)):
    before = EmptyOperator(task_id="start")
    for number in range({TASKS - 1}):
        task = EmptyOperator(task_id=f"task_{{number:05d}}")
        before >> task
        before = task if number % 100 == 0 else before
"""


def measure(effort: Effort) -> list[Line]:
    """Return the line."""
    seconds = effort.times(60, 10)

    def prepare(subject: House) -> None:
        subject.write_dag(FAN_OUT.format(journal=str(subject.base / "journal"), middle=200), "fan_out.py")

    with house(start=False, prepare=prepare) as subject, running(subject, extension=True) as lab:
        subject.wait_for_dag("fan_out")
        subject.call("dags.unpause", dag_id="fan_out")
        idle = asyncio.run(_echoes(lab, seconds))
        load = _Load(subject)
        load.start()
        busy = asyncio.run(_echoes(lab, seconds, meanwhile=lambda: subject.write_dag(BIG, "big.py")))
        load.finish()
        loaded = subject.wait_for_dag("big", timeout=120)
    ratio = percentile(busy, 99) / percentile(idle, 99)
    details = {
        "idle_p99_ms": round(percentile(idle, 99) * 1000, 1),
        "busy_p99_ms": round(percentile(busy, 99) * 1000, 1),
        "busy_max_ms": round(max(busy) * 1000, 1),
        "echoes": len(busy),
        "tasks_per_s": round(load.tasks / load.seconds),
        "tasks_of_the_loaded_dag": len(loaded["tasks"]),
    }
    return [Line("lab_echo", "kernel echo under load, p99", round(ratio, 2), "× idle", 2, True, details)]


class _Load(threading.Thread):
    """Runs the fan-out again and again until it is told to finish."""

    def __init__(self, subject: House) -> None:
        super().__init__(daemon=True)
        self._watcher = Watcher(subject)
        self._over = threading.Event()
        self._problem: Exception | None = None
        self.tasks, self.seconds = 0, 0.0

    def run(self) -> None:
        """Count what was done in ``tasks`` and ``seconds``."""
        try:
            while not self._over.is_set():
                seconds, _ = self._watcher.time_run("fan_out")
                self.tasks, self.seconds = self.tasks + 202, self.seconds + seconds
        except Exception as error:
            self._problem = error

    def finish(self) -> None:
        """End after the current run; raise what went wrong."""
        self._over.set()
        self.join(120)
        self._watcher.close()
        if self._problem is not None:
            raise self._problem
        if not self.tasks:
            raise RuntimeError("the load did not finish one run")


async def _echoes(lab: Lab, seconds: float, meanwhile: object = None) -> list[float]:
    kernel = lab.ask("POST", "/api/kernels", {"name": "python3"})["id"]
    url = f"{lab.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?token={lab.token}"
    connection = await websocket_connect(url)
    try:
        for _ in range(10):
            await _echo(connection)
        latencies: list[float] = []
        started = time.monotonic()
        while (passed := time.monotonic() - started) < seconds:
            if callable(meanwhile) and passed > seconds / 3:
                await asyncio.to_thread(meanwhile)
                meanwhile = None
            latencies.append(await _echo(connection))
            await asyncio.sleep(0.05)
        return latencies
    finally:
        connection.close()
        await asyncio.to_thread(lab.ask, "DELETE", f"/api/kernels/{kernel}")


async def _echo(connection: WebSocketClientConnection) -> float:
    message_id = uuid.uuid4().hex
    content = {"code": "1", "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    header = {"msg_id": message_id, "msg_type": "execute_request", "username": "", "session": "bench", "version": "5.3"}
    message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
    sent = time.perf_counter()
    await connection.write_message(json.dumps(message))
    while True:
        received = await connection.read_message()
        if received is None:
            raise RuntimeError("the kernel's socket was closed")
        answer = json.loads(received)
        if answer["msg_type"] == "execute_reply" and answer["parent_header"].get("msg_id") == message_id:
            return time.perf_counter() - sent
