"""The head start of a host after one that was killed, and what becomes of forkservers whose host has gone."""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.waiting import wait_for

from jupyter_flow.execution.children import TAG_VARIABLE
from jupyter_flow.execution.forkserver_process import TAG_PLACEHOLDER, ForkserverProcess
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.service.head_start import HeadStart
from jupyter_flow.service.lease import LOCK_FILE, Lease

NOW = datetime(2026, 6, 1, tzinfo=UTC)
READY = "import os, sys; os.write(int(sys.argv[-1]), b'{\"ready\": true}\\n')"


def test_only_a_lease_that_was_not_given_back_is_inherited(tmp_path: Path) -> None:
    with Lease.take(tmp_path, NOW) as first:
        assert not first.is_inherited
    with Lease.take(tmp_path, NOW) as second:
        assert not second.is_inherited
    (tmp_path / LOCK_FILE).write_text(json.dumps({"pid": 1}))
    with Lease.take(tmp_path, NOW) as third:
        assert third.is_inherited


@pytest.mark.parametrize("executor", ["local", "inline"])
@pytest.mark.parametrize("was_killed", [False, True])
def test_the_forkserver_comes_up_ahead_after_a_killed_host_alone(
    tmp_path: Path, executor: str, was_killed: bool
) -> None:
    config = FlowConfig(home=tmp_path, executor=executor)
    if was_killed:
        (tmp_path / LOCK_FILE).write_text(json.dumps({"pid": 1}))
    with HeadStart.take(config, NOW) as ahead:
        ahead.warm()
        assert (tmp_path / "forkservers.log").exists() == (was_killed and executor == "local")
    with Lease.take(tmp_path, NOW) as lease:
        assert not lease.is_inherited


def test_a_forkserver_whose_house_has_gone_takes_nobodys_socket(tmp_path: Path) -> None:
    path = tmp_path / "runner.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        inode = path.stat().st_ino
        read_end, write_end = os.pipe()
        os.close(read_end)
        try:
            command = [sys.executable, "-m", "jupyter_flow.runner.forkserver", "--profile", "light"]
            command += ["--socket", str(path), "--ready-fd", str(write_end)]
            environment = {**os.environ, TAG_VARIABLE: TAG_PLACEHOLDER}
            done = subprocess.run(
                command, env=environment, pass_fds=(write_end,), capture_output=True, timeout=60, check=False
            )
        finally:
            os.close(write_end)
        assert (done.returncode, done.stderr) == (0, b"")
        assert path.stat().st_ino == inode


def test_a_forkserver_that_was_ready_and_ended_before_it_was_met_may_be_started_again(tmp_path: Path) -> None:
    with selectors.DefaultSelector() as selector:
        command = [sys.executable, "-c", READY]
        server = ForkserverProcess(command, tmp_path / "none.sock", {}, tmp_path / "log", selector)
        server.start()
        process = server._process
        assert process is not None
        wait_for(lambda: os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG), "its end", 30)
        for ready, _ in selector.select(5):
            ready.data()
        assert (server.state, server.why) == ("absent", "")
        server.close()
