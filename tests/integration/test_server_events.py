"""The event socket: order, replay after a cut, followed logs, a host that dies and comes back."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import websocket
from support.lab_server import LabServer
from support.postgres import Postgres
from support.waiting import wait_for

DAGS = """
    from jupyter_flow import DAG, BashOperator

    with DAG("quick", schedule=None):
        BashOperator(task_id="one", bash_command="echo one") >> BashOperator(task_id="two", bash_command="echo two")
    with DAG("talks", schedule=None):
        BashOperator(task_id="line", bash_command="for i in 1 2 3 4 5 6; do echo line $i; sleep 0.3; done")
"""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    lab = LabServer(tmp_path_factory.mktemp("events"))
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        lab.settings.append(f"c.JupyterFlow.db_url = {postgres.url(postgres.create_database())!r}")
    lab.write_dag(DAGS)
    try:
        lab.start()
        lab.wait_for_dag("talks")
        yield lab
    finally:
        lab.close()


def read_until(socket: websocket.WebSocket, found: Any, timeout: float = 60) -> list[dict[str, Any]]:
    """Return the messages up to the first for which ``found`` holds."""
    messages: list[dict[str, Any]] = []
    deadline = time.monotonic() + timeout
    socket.settimeout(timeout)
    while time.monotonic() < deadline:
        messages.append(json.loads(socket.recv()))
        if found(messages[-1]):
            return messages
    raise AssertionError(f"not within {timeout} s; got {messages}")


def is_end_of_run(message: dict[str, Any]) -> bool:
    return message.get("kind") == "run_state" and message["state_to"] in ("success", "failed")


def test_events_come_in_order_and_tell_the_whole_run(server: LabServer) -> None:
    socket = server.socket()
    hello = json.loads(socket.recv())
    assert hello["type"] == "hello"
    run = server.post("/dags/quick/runs", {"unpause": True})
    events = [event for event in read_until(socket, is_end_of_run) if event["run_id"] == run["run_id"]]
    socket.close()
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})
    assert events[0]["id"] > hello["cursor"]
    assert events[0]["kind"] == "run_created"
    for task in ("one", "two"):
        story = [event["state_to"] for event in events if event["task_id"] == task and event["kind"] == "task_state"]
        assert [state for state in story if state != "waiting"] == ["scheduled", "queued", "running", "success"]


def test_a_cut_socket_gets_what_it_missed_and_nothing_twice(server: LabServer) -> None:
    socket = server.socket()
    start = json.loads(socket.recv())["cursor"]
    socket.close()
    server.run_to_end("quick")
    first = server.socket(cursor=start)
    messages = read_until(first, is_end_of_run)
    first.close()
    assert messages[0] == {"type": "hello", "cursor": start}
    ids = [message["id"] for message in messages[1:]]
    middle = ids[len(ids) // 2]
    again = server.socket(cursor=middle)
    rest = read_until(again, is_end_of_run)
    again.close()
    assert [message["id"] for message in rest[1:]] == [number for number in ids if number > middle]


@pytest.mark.parametrize("cursor", [10**9, 10**18])
def test_a_cursor_of_another_database_is_answered_with_ours(server: LabServer, cursor: int) -> None:
    socket = server.socket(cursor=cursor)
    assert json.loads(socket.recv())["cursor"] < cursor
    socket.close()


def test_a_followed_log_comes_line_by_line_until_it_is_complete(server: LabServer) -> None:
    socket = server.socket()
    run = server.post("/dags/talks/runs", {"unpause": True})
    key = {"dag_id": "talks", "run_id": run["run_id"], "task_id": "line", "map_index": -1, "attempt": None}
    socket.send(json.dumps({"type": "log.follow", **key, "after": 0}))
    messages = read_until(socket, lambda message: message["type"] == "log" and message["complete"])
    logs = [message for message in messages if message["type"] == "log"]
    lines = [line for message in logs for line in message["lines"]]
    assert [line["text"].strip() for line in lines if line["text"].startswith("line ")] == [
        f"line {n}" for n in range(1, 7)
    ]
    assert len({line["seq"] for line in lines}) == len(lines)
    assert len(logs) > 3, "the lines must come while the task runs"
    assert all(message["task_id"] == "line" and message["attempt"] is None for message in logs)
    socket.send(json.dumps({"type": "log.follow", **key, "attempt": 1, "after": lines[-2]["seq"]}))
    again = read_until(socket, lambda message: message["type"] == "log" and message["complete"])
    assert [line["seq"] for message in again if message["type"] == "log" for line in message["lines"]] == [
        lines[-1]["seq"]
    ]
    socket.close()


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        "x" * 20_000,
        "[" * 5_000,
        '{"type": "log.follow", "dag_id": "../..", "run_id": "x", "task_id": "y"}',
        '{"type": "log.follow", "dag_id": "quick", "run_id": "x", "task_id": "y", "map_index": "z"}',
        '{"type": "what", "dag_id": "quick", "run_id": "x", "task_id": "y"}',
    ],
)
def test_a_strange_message_is_answered_and_the_socket_lives(server: LabServer, message: str) -> None:
    socket = server.socket()
    socket.send(message)
    answer = read_until(socket, lambda item: item["type"] == "error")[-1]
    assert "\n" not in answer["message"]
    socket.send('{"type": "log.follow", "dag_id": "quick", "run_id": "none", "task_id": "one"}')
    assert read_until(socket, lambda item: item["type"] == "log.error")[-1]["run_id"] == "none"
    socket.close()


def test_a_killed_host_is_started_again_and_sockets_go_on(server: LabServer) -> None:
    socket = server.socket()
    pid = server.get("/health")["host"]["pid"]
    os.kill(pid, signal.SIGKILL)
    read_until(socket, lambda message: message.get("kind") == "host_changed" and message["state_to"] == "connected")
    assert wait_for(server.is_healthy, "another host answers")
    assert server.get("/health")["host"]["pid"] != pid
    server.post("/dags/quick/runs", {"unpause": True})
    read_until(socket, is_end_of_run)
    socket.close()
