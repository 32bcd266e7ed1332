"""Whose processes are found, that no stranger is hit, and that what forks all the time is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.waiting import wait_for

from jupyter_flow.execution import identity
from jupyter_flow.wire import processes

pytestmark = pytest.mark.skipif(not processes.IS_LINUX, reason="needs /proc")

HOPPING = """
import os, sys, time
until = time.monotonic() + 60
print("ready", flush=True)
while time.monotonic() < until:
    time.sleep(0.002)
    if os.fork():
        os._exit(0)
    os.setsid()
"""


@contextmanager
def started(*command: str, mark: str = "", **options: object) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **({"JUPYTER_FLOW_TEST_MARK": mark} if mark else {})}
    process = subprocess.Popen(list(command), env=environment, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_process_with_other_start_ticks_gets_no_signal() -> None:
    with started("sleep", "60") as process:
        found = processes.look(process.pid)
        assert found is not None
        for ticks in (found.start_ticks - 1, found.start_ticks + 1):
            assert not processes.send(process.pid, ticks, signal.SIGKILL)
        assert not identity.send_signal(process.pid, found.start_ticks + 1, signal.SIGKILL)
        assert process.poll() is None
        assert processes.send(process.pid, found.start_ticks, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
        assert not processes.send(process.pid, found.start_ticks, signal.SIGKILL)


def test_a_session_whose_leader_is_dead_is_found_but_not_a_later_one_of_its_number() -> None:
    with started("bash", "-c", "sleep 60 & echo $!", start_new_session=True) as process:
        child = int(process.stdout.readline())
        leader = processes.look(process.pid)
        assert leader is not None
        process.wait()
        found = {item.pid for item in processes.members(None, (), {leader.pid: leader.start_ticks})}
        assert found == {child}
        assert not list(processes.members(None, (), {leader.pid: leader.start_ticks + 10**6}))
        assert processes.end_all(lambda: processes.members(None, (), {leader.pid: leader.start_ticks})) == 1
        wait_for(lambda: not list(processes.members(None, {child})), "it ends", 30)


def test_a_session_whose_number_has_another_leader_is_not_ours() -> None:
    with started("sleep", "60", start_new_session=True) as process:
        facts = processes.look(process.pid)
        assert facts is not None
        assert not list(processes.members(None, (), {process.pid: facts.start_ticks - 5}))
        assert [item.pid for item in processes.members(None, (), {process.pid: facts.start_ticks})] == [process.pid]


def test_a_process_that_hops_from_pid_to_pid_is_caught() -> None:
    mark = f"JUPYTER_FLOW_TEST_MARK=hop-{os.getpid()}"
    with started(sys.executable, "-c", HOPPING, mark=mark.partition("=")[2]) as process:
        assert process.stdout.readline() == b"ready\n"
        process.wait(30)  # the first one has gone its way

        def gone() -> bool:
            processes.end_all(lambda: processes.members(mark.encode()))
            return not any(list(processes.members(mark.encode())) for _ in range(20))

        wait_for(gone, "it is caught", 30)


def test_age_is_counted_since_the_start() -> None:
    with started("sleep", "60") as process:
        ticks = identity.start_ticks(process.pid)
        assert ticks is not None
        wait_for(lambda: identity.age(ticks) > 0.05, "it grows", 30)
        assert identity.age(ticks) < 60


def test_what_the_machine_slept_is_no_part_of_an_age(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = identity.start_ticks(os.getpid())
    assert ticks is not None
    known, awake = identity.age(ticks), time.monotonic
    monkeypatch.setattr(identity.time, "monotonic", lambda: awake() - known / 2)  # it stands still while it sleeps
    assert identity.age(ticks) < 0.8 * known
