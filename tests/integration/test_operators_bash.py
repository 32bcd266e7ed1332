"""BashOperator with real processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from jupyter_flow import BashOperator
from jupyter_flow.authoring.exceptions import FlowSkipException, TaskFailure


def run(command: str, **arguments: Any) -> Any:
    return BashOperator("b", command, **arguments).execute({})


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_output_is_printed_and_its_last_line_returned(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("echo one; echo two >&2; printf 'three'") == "three"
    assert capsys.readouterr().out == "one\ntwo\nthree\n"
    assert run("true") == ""
    assert run(r"printf 'a\xffb\r\n'") == "a\ufffdb"


def test_much_output_without_a_newline(capsys: pytest.CaptureFixture[str]) -> None:
    run("head -c 3000000 /dev/zero | tr '\\0' x")
    assert capsys.readouterr().out.replace("\n", "") == "x" * 3_000_000


def test_exit_codes() -> None:
    for code in (1, 3, 127):
        with pytest.raises(TaskFailure) as caught:
            run(f"exit {code}")
        assert (caught.value.reason.code, caught.value.reason.args) == ("exit_code", {"exit_code": code})
    with pytest.raises(TaskFailure) as caught:
        run("kill -SEGV $$")
    assert caught.value.reason.args == {"signal": signal.SIGSEGV}
    with pytest.raises(FlowSkipException, match="exit code 99"):
        run("exit 99")
    with pytest.raises(FlowSkipException):
        run("exit 4", skip_on_exit_code=[3, 4])
    with pytest.raises(TaskFailure):
        run("exit 99", skip_on_exit_code=None)


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "o")
    monkeypatch.setenv("JUPYTER_FLOW_ATTEMPT", "a" * 32)
    show = "echo ${OUTER-none} ${A-none} $JUPYTER_FLOW_ATTEMPT"
    assert run(show) == f"o none {'a' * 32}"
    assert run(show, env={"A": "1"}) == f"none 1 {'a' * 32}"
    assert run(show, env={"A": "1"}, append_env=True) == f"o 1 {'a' * 32}"


def test_what_the_command_leaves_behind_is_ended() -> None:
    started = time.monotonic()
    pid = int(run("sleep 1000 & echo $!"))
    assert time.monotonic() - started < 30
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_an_interrupt_ends_the_whole_group(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(BaseException):
        pass

    def handler(*_: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(Interrupted):
            run("sleep 1000 & echo $!; sleep 1000")
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    pid = int(capsys.readouterr().out)
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)
