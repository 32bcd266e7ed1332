"""The runner forkserver: what happens to runners when processes around them are killed, and how fast it forks."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.census import census
from support.execution import Loop, bash, config_of, empty, running, workload_of
from support.waiting import wait_for

from jupyter_flow.execution import identity
from jupyter_flow.execution.children import Exited, Started
from jupyter_flow.execution.executor import Running
from jupyter_flow.execution.forkserver_launcher import ForkserverLauncher
from jupyter_flow.execution.local import LocalExecutor
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Report
from jupyter_flow.wire.framing import encode, receive
from jupyter_flow.wire.paths import runtime_dir


@pytest.fixture
def config(tmp_path: Path) -> FlowConfig:
    return config_of(tmp_path)


@pytest.fixture
def loop(config: FlowConfig) -> Iterator[Loop]:
    with running(config) as (_, loop):
        yield loop


def forkserver_pid(config: FlowConfig) -> int:
    path = str(runtime_dir(config.home) / "runner-light.sock")
    found = [item for item in census(path) if "runner.forkserver" in item.command]
    leaders = [item.pid for item in found if item.ppid not in [other.pid for other in found]]
    assert len(leaders) == 1, found
    return leaders[0]


def gone(pid: int) -> bool:
    facts = identity.facts(pid)
    return facts is None or facts.state == "Z"


def waiting_task(config: FlowConfig, folder: Path):
    return workload_of(config, folder, bash("while [ ! -e go ]; do sleep 0.05; done; echo done"))


def succeeded(executor: LocalExecutor, attempt_id: str) -> bool:
    report = executor.collect(attempt_id)
    return isinstance(report, Report) and report.outcome == "success"


def test_runners_outlive_their_forkserver_and_a_new_one_takes_its_place(loop, config, tmp_path):
    workload = waiting_task(config, tmp_path)
    loop.executor.start(workload, "token")
    loop.started(workload.attempt_id)
    first = forkserver_pid(config)
    os.kill(first, signal.SIGKILL)
    other = workload_of(config, tmp_path, empty())
    loop.executor.start(other, "token")
    loop.ended(other.attempt_id)
    assert succeeded(loop.executor, other.attempt_id)
    (tmp_path / "go").touch()
    end = loop.ended(workload.attempt_id)
    assert (end.exit_code, end.signal) == (None, None)  # nobody was left to reap it; the result tells
    assert succeeded(loop.executor, workload.attempt_id)
    third = workload_of(config, tmp_path, empty())
    loop.executor.start(third, "token")
    assert loop.ended(third.attempt_id).exit_code == 0
    assert forkserver_pid(config) != first


def test_no_task_is_lost_or_run_twice_when_the_forkserver_dies_amid_a_burst(loop, config, tmp_path):
    warm = workload_of(config, tmp_path, empty())
    loop.executor.start(warm, "token")
    loop.ended(warm.attempt_id)
    pid = forkserver_pid(config)
    journal = tmp_path / "journal"
    workloads = [workload_of(config, tmp_path, bash(f"echo $JUPYTER_FLOW_ATTEMPT >> {journal}")) for _ in range(30)]
    for workload in workloads:
        loop.executor.start(workload, "token")
    loop.until(lambda: sum(isinstance(item, Started) for item in loop.notices) > 5, "some have started")
    os.kill(pid, signal.SIGKILL)
    for workload in workloads:
        loop.ended(workload.attempt_id)
        assert succeeded(loop.executor, workload.attempt_id)
    assert sorted(journal.read_text().split()) == sorted(workload.attempt_id for workload in workloads)


HOST = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from support.execution import bash, config_of, running, workload_of
base = Path(sys.argv[2])
config = config_of(base)
with running(config) as (executor, loop):
    for _ in range(3):
        workload = workload_of(config, base, bash("while [ ! -e go ]; do sleep 0.05; done; echo done"))
        executor.start(workload, "token")
        loop.started(workload.attempt_id)
        print(workload.attempt_id, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("kill_forkserver", [False, True], ids=["host", "host and forkserver"])
def test_runners_outlive_a_killed_host_and_the_next_one_adopts_them(config, tmp_path, kill_forkserver):
    support = str(Path(__file__).parents[1])
    host = subprocess.Popen([sys.executable, "-c", HOST, support, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    attempts = [host.stdout.readline().strip() for _ in range(3)]
    forkserver = forkserver_pid(config)
    host.kill()
    host.wait()
    host.stdout.close()
    if kill_forkserver:
        os.kill(forkserver, signal.SIGKILL)
        wait_for(lambda: gone(forkserver), "the forkserver is gone")
    with running(config) as (executor, loop):
        found = executor.adopt([Running(key, config.home / "spool" / key) for key in attempts])
        assert set(found.values()) == {"alive"}
        if not kill_forkserver:
            assert forkserver_pid(config) == forkserver
        (tmp_path / "go").touch()
        for key in attempts:
            assert loop.ended(key).exit_code == (None if kill_forkserver else 0)
            assert succeeded(executor, key)
    if not kill_forkserver:
        wait_for(lambda: gone(forkserver), "without host and children the forkserver ends")


def test_a_host_learns_how_tasks_ended_while_there_was_none(config, tmp_path):
    with running(config) as (executor, loop):
        stays, killed = waiting_task(config, tmp_path), waiting_task(config, tmp_path)
        for workload in (stays, killed):
            executor.start(workload, "token")
        pid = loop.started(killed.attempt_id).pid
        loop.started(stays.attempt_id)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid), "it is reaped")
    with running(config) as (executor, loop):
        found = executor.adopt([Running(item.attempt_id, Path(item.spool)) for item in (stays, killed)])
        assert found == {stays.attempt_id: "alive", killed.attempt_id: "lost"}
        assert isinstance(executor.launcher, ForkserverLauncher)
        end = executor.launcher.ended_before(killed.attempt_id)
        assert end is not None
        assert end.signal == signal.SIGKILL
        (tmp_path / "go").touch()
        loop.ended(stays.attempt_id)


def test_a_forkserver_of_another_version_is_replaced(config, tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_flow.execution.forkserver_launcher.fingerprint", lambda: "older")
    with running(config) as (executor, loop):
        stays = waiting_task(config, tmp_path)
        executor.start(stays, "token")
        loop.started(stays.attempt_id)
    old = forkserver_pid(config)
    monkeypatch.undo()
    with running(config) as (executor, loop):
        assert executor.adopt([Running(stays.attempt_id, Path(stays.spool))]) == {stays.attempt_id: "alive"}
        workload = workload_of(config, tmp_path, empty())
        executor.start(workload, "token")
        loop.ended(workload.attempt_id)
        (tmp_path / "go").touch()
        loop.ended(stays.attempt_id)
        assert succeeded(executor, stays.attempt_id)
        wait_for(lambda: gone(old), "the old forkserver ends with its last child")
        assert forkserver_pid(config) != old


def test_a_forkserver_with_threads_refuses_and_tasks_are_spawned(config, tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "sitecustomize.py").write_text(
        "import threading, time, sys\n"
        "if any('forkserver' in text for text in sys.orig_argv):\n"
        "    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    with running(config) as (executor, loop):
        workload = workload_of(config, tmp_path, empty())
        executor.start(workload, "token")
        loop.ended(workload.attempt_id)
        assert succeeded(executor, workload.attempt_id)
        assert isinstance(executor.launcher, ForkserverLauncher)
        assert "2 threads" in executor.launcher.refusals["light"]
        again = workload_of(config, tmp_path, empty())
        executor.start(again, "token")
        loop.ended(again.attempt_id)


def test_the_socket_is_private(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, empty())
    loop.executor.start(workload, "token")
    loop.ended(workload.attempt_id)
    path = runtime_dir(config.home) / "runner-light.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with socket.socket(socket.AF_UNIX) as other:  # a newer house takes the connection over
        other.connect(str(path))
        other.settimeout(30)
        hello = receive(other)
        assert hello is not None
        assert (hello["op"], hello["profile"], hello["running"]) == ("hello", "light", [])
        other.sendall(encode({"op": "unknown"}))
        assert not select.select([other], [], [], 0.2)[0]


def test_two_hundred_tasks_at_once_have_a_process_each(loop, config, tmp_path):
    workloads = [workload_of(config, tmp_path, empty()) for _ in range(200)]
    for workload in workloads:
        loop.executor.start(workload, "token")
    loop.until(lambda: sum(isinstance(item, Exited) for item in loop.notices) == 200, "all end")
    assert all(succeeded(loop.executor, workload.attempt_id) for workload in workloads)
    assert len({item.pid for item in loop.notices if isinstance(item, Started)}) == 200
