"""HostLink: one thread that keeps a host alive and listens to its pushes; no other process is asked anything."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from typing import Literal

import psutil  # type: ignore[import-untyped]

from ..model.config import FlowConfig
from ..model.errors import FlowError, NoHost
from ..model.records import Actor
from ..service import detached, lease, supervise
from ..wire.client import HouseClient

HostState = Literal["connected", "lost", "stopped"]
_ACTOR = Actor(user="jupyter_server", auth="server")
QUIET_AFTER = 45.0
"""Seconds after which a host that says nothing (it beats every 10 s) is perhaps not well."""
_PAUSE = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_NAMED = 3


class HostLink:
    """Starts a host, subscribes to its changes, starts another when it dies (waiting longer each time).

    A host that ended in good order while this server lives was told to (``jupyter flow stop``): it stays
    ended until :meth:`wake`. When this server stops, the host is left as ``on_stop`` says, unless another server
    serves the same home (each holds a shared lock on ``servers.lock`` there).
    """

    def __init__(self, config: FlowConfig, log: logging.Logger) -> None:
        self.trouble: str | None = None
        """Why no host could be reached the last time, None while one answers."""
        self._config = config
        self._log = log
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._client: HouseClient | None = None
        self._guard = threading.Lock()
        self._is_background = False
        self._servers = -1
        self._thread: threading.Thread | None = None

    def start(self, on_change: Callable[[int], object], on_host: Callable[[HostState], object]) -> None:
        """Start the thread. Both callbacks are called from it: a committed change, a change of the host itself."""
        self._thread = threading.Thread(
            target=self._run, args=(on_change, on_host), name="jupyter-flow-host", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Start a host now if there is none, whatever ended the last one."""
        self._woken.set()

    def stop(self) -> str:
        """Stop listening and leave the host as ``on_stop`` says. Returns a sentence for the log, or ''. Blocks."""
        self._stopping.set()
        self._woken.set()
        with self._guard:
            client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._thread is not None:
            self._thread.join(supervise.START_TIMEOUT)  # it may be starting a host at this moment
        return self._leave() if self._is_background and self._is_last() else ""

    def _run(self, on_change: Callable[[int], object], on_host: Callable[[HostState], object]) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            self._woken.clear()
            is_over = False
            try:
                self._ensure()
                client = HouseClient(self._config.home, {"actor": _ACTOR.to_json()})
                with self._guard:
                    self._client = None if self._stopping.is_set() else client
                if self._stopping.is_set():
                    client.close()
                    return
                cursor = client.call("events.subscribe")["cursor"]
                pause = _FIRST_PAUSE
                self.trouble = None
                on_host("connected")
                on_change(cursor)
                is_quiet = False
                for message in client.pushes(QUIET_AFTER):
                    if (message.get("push") == "quiet") != is_quiet:
                        is_quiet = not is_quiet
                        on_host("lost" if is_quiet else "connected")
                    if message.get("push") == "changed":
                        on_change(message["cursor"])
                    elif message.get("push") == "health":
                        on_host("connected")
                    elif message.get("push") == "ends":
                        is_over = True
            except (FlowError, OSError) as error:
                self.trouble = str(error)
                if not self._stopping.is_set():
                    self._log.warning("Jupyter Flow: no host for %s: %s", self._config.home, error)
            if self._stopping.is_set():
                return
            with self._guard:
                lost, self._client = self._client, None
            if lost is not None:
                lost.close()
            if is_over:
                self._wait_for_end()
            if lost is not None and not lease.holder(self._config.home):
                on_host("stopped")
                self._woken.wait()
            else:
                on_host("lost")
                self._woken.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _wait_for_end(self) -> None:
        """Wait until the host that has said that it ends lets go of its lease, or another one has it."""
        pid = lease.holder(self._config.home).get("pid")
        while pid is not None and lease.is_held(self._config.home) and not self._stopping.wait(_PAUSE):
            if lease.holder(self._config.home).get("pid") != pid:
                return

    def _ensure(self) -> None:
        supervise.ensure_host(self._config)
        if self._servers < 0:
            self._servers = os.open(self._config.home / "servers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._servers, fcntl.LOCK_SH)
        self._is_background = _is_background_host(lease.holder(self._config.home).get("pid"))

    def _is_last(self) -> bool:
        """Tell whether no other server serves this home, and give up our own mark."""
        if self._servers < 0:
            return True
        try:
            fcntl.flock(self._servers, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(self._servers)
            self._servers = -1
        return True

    def _leave(self) -> str:
        """Do what ``on_stop`` says to a host that was started in the background, and say it."""
        mode = self._config.on_stop
        what, running = self._what_runs()
        if mode == "keep":
            runs = f", with {what}" if running else ""
            return (
                f"Jupyter Flow goes on scheduling in the background{runs}: "
                "`jupyter flow stop` ends its host, `jupyter flow stop --tasks` its tasks too"
            )
        try:
            with HouseClient(self._config.home, {"actor": _ACTOR.to_json()}, timeout=10) as client:
                client.call("host.stop", tasks=mode == "cancel", finish=mode == "finish")
        except NoHost:
            return ""
        except FlowError as error:
            return f"Jupyter Flow: the host was not told to stop: {error}"
        if running and mode == "finish":
            go = "go" if running != 1 else "goes"
            return (
                f"Jupyter Flow: {what} {go} on to the end, then its host ends: `jupyter flow stop --tasks` ends all now"
            )
        return f"Jupyter Flow: {what} {'are' if running != 1 else 'is'} cancelled" if running else ""

    def _what_runs(self) -> tuple[str, int]:
        """Return how many tasks run and the names of some, as the beginning of a sentence; and the number."""
        try:
            found = detached.list_detached(self._config)
        except FlowError:
            return "", 0
        names = [f"{task['dag_id']}/{task['task_id']}" for task in found[:_NAMED]] + ["…"] * (len(found) > _NAMED)
        return f"{len(found)} running task{'s' if len(found) != 1 else ''} ({', '.join(names)})", len(found)


def _is_background_host(pid: int | None) -> bool:
    """Tell whether ``pid`` was started by a server (not in a terminal with ``jupyter flow scheduler``)."""
    try:
        return pid is not None and supervise.MODULE in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
