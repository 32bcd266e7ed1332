"""The service room on a real database and real sockets, without a host process."""

from __future__ import annotations

import json
import os
import selectors
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import Conflict, Forbidden, InvalidInput, NoHost, NotFound
from jupyter_flow.model.records import Actor
from jupyter_flow.model.spec import DagSpec, ScheduleSpec, TaskSpec
from jupyter_flow.service import commands, doors, offline, questions, views
from jupyter_flow.service.caller import call
from jupyter_flow.service.house import House, open_house
from jupyter_flow.service.house_socket import HouseSocket, Peer
from jupyter_flow.service.lease import Lease, holder, is_held
from jupyter_flow.service.log_lines import read_lines
from jupyter_flow.service.tokens import hash_token, matches, new_token
from jupyter_flow.storage import dags
from jupyter_flow.wire import framing

ME = Actor("me", "cli")


@pytest.fixture
def config(tmp_path: Path, house_database_url: str) -> FlowConfig:
    return FlowConfig(home=tmp_path / "home", dag_folders=(tmp_path / "dags",), db_url=house_database_url)


@pytest.fixture
def house(config: FlowConfig) -> Iterator[House]:
    with open_house(config, write=True) as opened:
        params = {"n": {"default": 1, "schema": {"type": "integer", "minimum": 1}, "description": None}}
        spec = DagSpec(
            "d", "d.py", (TaskSpec("a", "X"), TaskSpec("b", "X", upstream=("a",))), ScheduleSpec(), params=params
        )
        with opened.writing() as connection:
            for dag_id in ("d", "other"):
                dags.store_dag(
                    connection,
                    replace(spec, dag_id=dag_id, dag_file=f"{dag_id}.py"),
                    dag_folder="/dags",
                    bundle_hash="0" * 64,
                    now=opened.clock.wall(),
                )
        yield opened


def test_the_lease_has_one_holder_and_names_it(config: FlowConfig, house: House) -> None:
    assert is_held(config.home)
    assert holder(config.home)["pid"] == os.getpid()
    with pytest.raises(Conflict, match=f"pid {os.getpid()}"):
        Lease.take(config.home, house.clock.wall())
    assert stat.S_IMODE(config.home.stat().st_mode) == 0o700
    with open_house(config) as reader:
        assert views.health(reader, ME)["state"] == "stopped"
        with pytest.raises(NoHost):
            commands.pause_dag(reader, ME, "d")


def test_after_the_lease_is_given_back_nobody_holds_it(config: FlowConfig) -> None:
    with pytest.raises(NoHost, match="nothing is recorded"), open_house(config):
        pass
    with open_house(config, write=True):
        pass
    assert not is_held(config.home)
    assert holder(config.home) == {}
    assert call(config, ME, "variables.set", key="k", value="v")["value"] == "v"
    assert call(config, ME, "variables.get", key="k")["value"] == "v"
    with pytest.raises(NoHost):
        call(config, ME, "dags.trigger", dag_id="d")


def test_an_unusable_database_is_one_clear_line(config: FlowConfig) -> None:
    config.home.mkdir(mode=0o700)
    if config.db_url:
        url = make_url(config.db_url).set(database="nobody", username="postgres", password="s3cret")
        config = replace(config, db_url=url.render_as_string(hide_password=False))
    (config.home / "flow.db").write_bytes(b"this is not a database, it is text " * 100)
    with pytest.raises(InvalidInput, match=r"(flow\.db|/nobody) cannot be used") as caught:  # noqa: SIM117
        with open_house(config, write=True):
            pass
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value) + repr(config)


def test_every_operation_refuses_unknown_names_and_arguments_in_one_line(house: House) -> None:
    for op in doors.OPS:
        with pytest.raises(InvalidInput, match=op):
            doors.perform(house, ME, op, {"no_such_argument": 1})
    for op, args in {
        "dags.show": {"dag_id": "nobody"},
        "runs.list": {"dag_id": "nobody"},
        "runs.show": {"dag_id": "d", "run_id": "nobody"},
        "tasks.show": {"dag_id": "d", "run_id": "nobody", "task_id": "a"},
        "tasks.log": {"dag_id": "d", "run_id": "x", "task_id": "nobody"},
        "variables.get": {"key": "nobody"},
        "dags.delete": {"dag_id": "nobody"},
    }.items():
        with pytest.raises(NotFound) as refused:
            doors.perform(house, ME, op, args)
        assert "\n" not in str(refused.value)
    with pytest.raises(InvalidInput):
        doors.perform(house, ME, "runs.list", {"dag_id": "d", "limit": 10**9})
    with pytest.raises(InvalidInput):
        doors.perform(house, ME, "no.such", {})
    for args in ({"run_id": "../../etc/passwd", "task_id": "a"}, {"run_id": "x", "task_id": "../a"}):
        with pytest.raises(InvalidInput, match="is not a valid id"):
            doors.perform(house, ME, "tasks.log", {"dag_id": "d", **args})


def test_commands_leave_one_audit_row_each_refused_or_not(house: House) -> None:
    run = commands.trigger_dag(house, ME, "d", conf={"n": 2}, unpause=True)
    with pytest.raises(InvalidInput):
        commands.trigger_dag(house, ME, "d", conf={"n": 0})
    commands.cancel_run(house, ME, "d", run["run_id"])
    nobody = replace(house, policy=lambda actor, verb, dag_id: verb == "read" and dag_id != "other")
    with pytest.raises(Forbidden, match="me may not trigger DAG 'd'"):
        commands.trigger_dag(nobody, ME, "d")
    assert [dag["dag_id"] for dag in views.list_dags(nobody, ME)["dags"]] == ["d"], "lists hide what may not be read"
    with pytest.raises(Forbidden):
        views.show_dag(nobody, ME, "other")
    from jupyter_flow.storage import audit

    with house.reading() as connection:
        rows = audit.list_audit(connection)
    assert [(row["verb"], row["outcome"]) for row in reversed(rows)] == [
        ("dags.trigger", "ok"),
        ("dags.trigger", "invalid"),
        ("runs.cancel", "ok"),
        ("dags.trigger", "forbidden"),
    ]


def test_the_documents_have_the_agreed_fields(house: House) -> None:
    run = commands.trigger_dag(house, ME, "d", logical_date="2026-01-02T03:04:05Z")
    names = (
        "dag_id run_id run_type state reason logical_date data_interval_start data_interval_end run_after queued_at "
        "start_date end_date duration conf triggered_by actor version"
    )
    assert set(names.split()) <= set(run)
    assert run["run_id"] == "manual__2026-01-02T03:04:05+00:00"
    shown = views.show_run(house, ME, "d", run["run_id"])
    task_names = (
        "task_id map_index operator state try_number max_tries attempt_number start_date end_date duration reason "
        "failing_cell log_path notebook_path queued_at"
    )
    assert [task["task_id"] for task in shown["tasks"]] == ["a", "b"]
    assert set(task_names.split()) <= set(shown["tasks"][0])
    assert shown["tasks"][0]["reason"]["text"] == "DAG is paused"
    assert views.show_dag(house, ME, "d")["tasks"][0]["downstream"] == ["b"]
    assert json.dumps(views.list_dags(house, ME))
    page = views.list_runs(house, ME, "d", limit=1)
    assert page["next"] is None
    kinds = {event["kind"] for event in views.events_after(house, ME, 0)}
    assert {"dag_changed", "run_created"} <= kinds


def test_only_the_token_of_a_current_attempt_may_ask(house: House) -> None:
    token = new_token()
    assert matches(token, hash_token(token))
    assert not matches("guess", hash_token(token))
    assert not matches(None, None)
    for attempt_id, shown in (("0" * 32, token), (None, None), ({"x": 1}, 3)):
        with pytest.raises(Forbidden):
            questions.answer(house, attempt_id, shown, "ask.variable_get", {"key": "k"})


def test_log_lines_are_found_by_seq_and_links_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [{"seq": n, "at": "t", "stream": "stdout", "level": "info", "text": "x" * 40} for n in range(1, 20_001)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"seq": 20001, "at')
    assert [line["seq"] for line in read_lines(path, 0, 3)] == [1, 2, 3]
    assert [line["seq"] for line in read_lines(path, 15_000, 3)] == [15_001, 15_002, 15_003]
    assert [line["seq"] for line in read_lines(path, 19_998)] == [19_999, 20_000]
    assert read_lines(path, 20_000) == []
    (tmp_path / "link.jsonl").symlink_to(path)
    assert read_lines(tmp_path / "link.jsonl", 0) == []
    path.write_text('[]\n"text"\n{"seq": "1"}\nnot json\n{"seq": 5, "text": "good"}\n')
    assert [line["text"] for line in read_lines(path, 0)] == ["good"]


class Loop:
    """A selector loop with a listener that echoes, and clients of it."""

    def __init__(self, path: Path) -> None:
        self.selector = selectors.DefaultSelector()
        self.seen: list[Any] = []
        self.listener = HouseSocket(path, self.selector, self._on_message)

    def _on_message(self, peer: Peer, message: dict[str, Any]) -> None:
        self.seen.append(message)
        peer.subscribed = message.get("op") == "subscribe"
        peer.send({"id": message["id"], "ok": message.get("size", 0) * "x"})

    def turn(self, count: int = 5) -> None:
        for _ in range(count):
            for key, mask in self.selector.select(0.05):
                key.data(mask)

    def client(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20)
        sock.connect(str(self.listener.path))
        return sock


def test_the_socket_is_private_survives_bad_peers_and_slow_readers(tmp_path: Path) -> None:
    loop = Loop(tmp_path / "a" / "b" / "house.sock")
    with ExitStack() as stack:
        stack.callback(loop.selector.close)
        stack.callback(loop.listener.close)
        assert stat.S_IMODE(loop.listener.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(loop.listener.path.parent.stat().st_mode) == 0o700
        for garbage in (b"\xff\xff\xff\xff", struct.pack(">I", 4) + b"nope", struct.pack(">I", 2) + b"[]", b"\0"):
            bad = stack.enter_context(loop.client())
            bad.sendall(garbage)
            bad.shutdown(socket.SHUT_WR)
            loop.turn()
            assert bad.recv(10) == b"", "a peer that sends no frames is dropped"
        slow, quick = stack.enter_context(loop.client()), stack.enter_context(loop.client())
        framing.send(slow, {"id": 1, "size": 5_000_000})
        loop.turn()
        framing.send(quick, {"id": 2, "op": "subscribe"})
        loop.turn()
        assert framing.receive(quick) == {"id": 2, "ok": ""}, "a slow reader does not hold up the others"
        loop.listener.push({"push": "changed", "cursor": 7})
        assert framing.receive(quick) == {"push": "changed", "cursor": 7}
        received = bytearray()
        while len(received) < 5_000_000:
            loop.turn(1)
            received += slow.recv(1 << 20)
        assert len(loop.seen) == 2


def test_folders_are_parsed_without_a_house(config: FlowConfig, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    with pytest.raises(InvalidInput, match="not a folder"):
        offline.parse_folders(replace(config, dag_folders=(tmp_path / "nowhere",)))
    good = "from jupyter_flow import DAG, EmptyOperator\nwith DAG('x', schedule='@daily', start_date='2026-01-01'):\n"
    (folder / "a.py").write_text(good + "    EmptyOperator(task_id='t')\n")
    (folder / "b.py").write_text(good + "    EmptyOperator(task_id='t')\n")
    (folder / "c.py").write_text("import jupyter_flow\nraise RuntimeError('no')\n")
    found = offline.parse_folders(config)
    assert [(item.dag_file, item.failed) for item in found] == [("a.py", False), ("b.py", True), ("c.py", True)]
    assert "a.py" in found[1].problems[0].message
    assert [dag["dag_id"] for dag in offline.list_dags(config)["dags"]] == ["x"]
    assert len(offline.next_runs(config, "x", 3)) == 3
    assert offline.show_dag(config, "x")["tasks"][0]["task_id"] == "t"
    with pytest.raises(NotFound, match="2 DAG files do not load"):
        offline.show_dag(config, "y")
    assert {item["file"] for item in offline.list_errors(config)} == {"b.py", "c.py"}
    assert not config.home.exists(), "looking leaves nothing behind"
