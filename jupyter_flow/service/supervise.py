"""Starts and ends a host in the background, for doors that need one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import FlowError, NoHost
from ..model.faultpoint import faultpoint
from ..wire.client import HouseClient
from ..wire.environment import DB_URL_VARIABLE
from ..wire.paths import ensure_private_dir, private_opener
from . import lease, mail, plain_settings, slot_settings, xcom_settings
from .clock import SystemClock

MODULE = "jupyter_flow.service"
ACTOR = {"user": "supervisor", "auth": "host"}
START_TIMEOUT = 30.0
_PAUSE = 0.05


def ensure_host(config: FlowConfig, timeout: float = START_TIMEOUT) -> int:
    """Return the pid of the host of ``config.home``, started in the background if none answers.

    A host that is stopping after its running tasks is asked to go on. The host outlives this process; its log is
    ``host.log`` in the home. Raises :class:`NoHost` with its last words if it does not come up.
    """
    if (pid := _pid_of_living(config.home)) is not None:
        return pid
    process = _spawn(config)
    if _wait(lambda: _pid_of_living(config.home) is not None or process.poll() is not None, timeout):
        if (pid := _pid_of_living(config.home)) is not None:
            return pid
        words = _last_line(config.home / "host.log")
        raise NoHost(f"the host ended at once with exit code {process.returncode}: {words}")
    raise NoHost(f"the host (pid {process.pid}) does not answer after {timeout:g} s: see {config.home / 'host.log'}")


def stop_host(config: FlowConfig, tasks: bool = False, timeout: float = 60.0) -> bool:
    """Ask the host to end (with its ``tasks``) and wait for it; False if it has not ended in ``timeout`` seconds.

    Raises :class:`NoHost` if there is none.
    """
    with HouseClient(config.home, {"actor": ACTOR}) as client:
        client.call("host.stop", tasks=tasks)
    return _wait(lambda: not lease.is_held(config.home), timeout)


def _pid_of_living(home: Path) -> int | None:
    try:
        with HouseClient(home, {"actor": ACTOR}, timeout=10) as client:
            health: dict[str, Any] = client.call("host.resume")
    except FlowError:
        return None
    return int(health["host"]["pid"]) if health["host"] else None


def _spawn(config: FlowConfig) -> subprocess.Popen[bytes]:
    try:
        ensure_private_dir(config.home)
        log = open(config.home / "host.log", "ab", opener=private_opener)  # noqa: SIM115 - closed below
    except OSError as error:
        raise NoHost(lease.not_writable(config.home, error)) from None
    try:
        faultpoint("host.before_start")
        with log:
            return subprocess.Popen(
                command(config),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env=_environment(config),
            )
    except OSError as error:
        raise NoHost(f"no host can be started for {config.home}: {error.strerror or error}") from None


def command(config: FlowConfig) -> list[str]:
    """Return the command line of a host with ``config`` (no secrets: the database URL goes by the environment)."""
    words = [sys.executable, "-P", "-m", MODULE, "--home", str(config.home)]
    for folder in config.dag_folders:
        words += ["--dags", str(folder)]
    if config.root is not None:
        words += ["--root", str(config.root)]
    if not config.forkservers:
        words.append("--no-forkservers")
    if not config.dags_are_paused_at_creation:
        words.append("--unpaused")
    words += ["--parallelism", str(config.parallelism), "--notebook-parallelism", str(config.notebook_parallelism)]
    words += ["--timezone", config.default_timezone, "--on-stop", config.on_stop]
    words += ["--parse-timeout", str(config.parse_timeout), "--infra-retries", str(config.infra_retries)]
    words += ["--kill-grace", str(config.limits.kill_grace), "--waiting-kernels", str(config.waiting_kernels)]
    words += ["--idle-after", str(config.idle_after), "--profile", config.profile]
    if config.strict:
        words.append("--strict")
    words += mail.options(config) + xcom_settings.options(config) + slot_settings.options(config)
    return words + plain_settings.options(config)


def _environment(config: FlowConfig) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
    return {**environment, DB_URL_VARIABLE: config.db_url} if config.db_url else environment


def _wait(condition: Callable[[], bool], timeout: float) -> bool:
    clock = SystemClock()
    deadline = clock.monotonic() + timeout
    while not condition():
        if clock.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")
