"""The launcher that forks: client of the runner forkservers, with a spawn launcher to fall back on."""

from __future__ import annotations

import hashlib
import logging
import os
import selectors
import signal
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupyter_flow

from ..wire.paths import report_bell
from . import census, identity
from .children import ChildKind, DagImage, Exited, Notice, Profile, Started
from .forkserver_process import ForkserverProcess
from .results import RESULT_FILE
from .spawn_launcher import ParseLimits, SpawnLauncher

log = logging.getLogger(__name__)

PROFILES: tuple[Profile, ...] = ("light", "notebook")
HELLO_TIMEOUT = 1.0
MAX_DEATHS = 3


@dataclass
class _Child:
    """A launched child. ``pid`` is None until its forkserver has said so; ``wish``: a signal to send then.

    ``missed``: the profile that would have suited it better.
    """

    kind: ChildKind
    spool: Path
    token: str | None
    profile: Profile
    pid: int | None = None
    start_ticks: int = 0
    wish: int | None = None
    missed: Profile | None = None
    image: DagImage | None = None


class ForkserverLauncher:
    """Forks tasks and parses from pre-imported processes, started when first needed.

    A forkserver that refuses, or dies again and again, is not asked any more: :attr:`refusals` names the reason
    by profile, and its children are spawned. When a forkserver dies its running children are watched on; those
    that it had not started (the census tells) are spawned.
    """

    def __init__(
        self, folder: Path, home: Path, environment: Mapping[str, str], limits: ParseLimits | None = None
    ) -> None:
        self._limits = limits or ParseLimits()
        self._environment = dict(environment)
        self._selector = selectors.DefaultSelector()
        self._spawner = SpawnLauncher(environment, self._limits)
        self._fingerprint = fingerprint()
        self._bell = str(report_bell(home))
        self._greeted: dict[Profile, bool] = dict.fromkeys(PROFILES, False)
        self._deaths: dict[Profile, int] = dict.fromkeys(PROFILES, 0)
        self._children: dict[str, _Child] = {}
        self._ends: dict[str, Exited] = {}
        self._notices: list[Notice] = []
        self.refusals: dict[Profile, str] = {}
        self._servers: dict[Profile, ForkserverProcess] = {
            profile: ForkserverProcess(
                [*MODULE_COMMAND, "--profile", profile, "--fingerprint", self._fingerprint],
                folder / f"runner-{profile}.sock",
                environment,
                home / "forkservers.log",
                self._selector,
            )
            for profile in PROFILES
        }

    @property
    def must_poll(self) -> bool:
        """Whether :meth:`notices` has something to say that no descriptor tells."""
        return self._spawner.must_poll

    def wake(self) -> None:
        """Make a descriptor readable: somebody has news for the owner's loop."""
        self._spawner.wake()

    def warm(self, profile: Profile) -> None:
        """Start the forkserver of ``profile`` if it is not there, so that the first launch need not wait for it."""
        self._reach(profile)

    def launch(
        self,
        key: str,
        kind: ChildKind,
        spool: Path,
        token: str | None,
        profile: Profile = "light",
        image: DagImage | None = None,
    ) -> None:
        """Ask the forkserver of ``profile`` for a child; the answer comes as a notice."""
        missed = profile
        profile = self._stand_in(profile)
        child = _Child(kind, spool, token, profile, missed=missed if missed != profile else None, image=image)
        self._children[key] = child
        if not self._reach(profile):
            self._spawn(key)
        elif self._greeted[profile]:
            self._request(key, child)

    def _stand_in(self, profile: Profile) -> Profile:
        """Return the profile that starts a child soonest.

        The first notebook after a while is run from the light image and imports the rest while its kernel starts;
        the notebook image is made when that has ended, or for the second one.
        """
        if profile == "light" or self._greeted[profile] or profile in self.refusals or not self._greeted["light"]:
            return profile
        if self._servers[profile].state == "absent" and any(child.missed for child in self._children.values()):
            self._reach(profile)
        return "light"

    def retire(self, profile: Profile) -> None:
        """Let the forkserver of ``profile`` end with its last child; it is started again when it is needed."""
        server = self._servers[profile]
        if server.state != "connected" or any(child.profile == profile for child in self._children.values()):
            return
        self._greeted[profile] = False
        server.send({"op": "retire"})
        server.flush()
        server.disconnect()

    def _reach(self, profile: Profile) -> bool:
        """Make sure that the forkserver is there or coming; False if it is not to be used."""
        if profile in self.refusals:
            return False
        server = self._servers[profile]
        if server.state == "absent" and not server.connect():
            server.start()
        if server.state == "refused":
            self.refusals[profile] = server.why
            return False
        return True

    def _request(self, key: str, child: _Child) -> None:
        is_parse = child.kind == "parse"
        self._servers[child.profile].send(
            {
                "op": "fork",
                "key": key,
                "kind": child.kind,
                "spool": str(child.spool),
                "token": child.token,
                "memory": self._limits.memory if is_parse else None,
                "cpu": self._limits.cpu if is_parse else None,
                "image": child.image,
            }
        )
        self._servers[child.profile].flush()

    def _spawn(self, key: str) -> None:
        child = self._children.pop(key)
        self._spawner.launch(key, child.kind, child.spool, child.token)
        if child.wish is not None:
            self._spawner.signal(key, child.wish)

    def adopt(self, key: str, kind: ChildKind, pid: int, ticks: int) -> bool:
        """Watch a child of an earlier host; False if it does not run any more.

        Its forkserver reports its exit code if it lives, else only its end is seen.
        """
        known = self._children.get(key)
        if known is not None and known.pid == pid:
            return True
        return self._spawner.adopt(key, kind, pid, ticks)

    def reconnect(self) -> None:
        """Greet the forkservers that an earlier host left behind (waits for them, at most a second each)."""
        for profile, server in self._servers.items():
            if server.state == "starting" or not server.connect():  # one that starts has no past
                continue
            deadline = time.monotonic() + HELLO_TIMEOUT
            while server.state == "connected" and not self._greeted[profile]:
                if not self._selector.select(max(0.0, deadline - time.monotonic())):
                    server.disconnect()
                    break
                server.on_ready()
                self._take_frames(profile)

    def signal(self, key: str, number: int) -> bool:
        """Send ``number`` to the child's process, or note it for its start."""
        child = self._children.get(key)
        if child is None:
            return self._spawner.signal(key, number)
        if child.pid is None:
            child.wish = number
            return True
        return identity.send_signal(child.pid, child.start_ticks, number)

    def kill(self, key: str) -> None:
        """SIGKILL the child and its process group."""
        child = self._children.get(key)
        if child is None:
            self._spawner.kill(key)
        elif child.pid is None:
            child.wish = signal.SIGKILL
        elif identity.is_running(child.pid, child.start_ticks):
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                identity.send_signal(child.pid, child.start_ticks, signal.SIGKILL)

    def fileobjs(self) -> Sequence[int]:
        """Two descriptors: one stands for the forkservers, one for processes watched directly."""
        return (self._selector.fileno(), *self._spawner.fileobjs())

    def notices(self) -> list[Notice]:
        """Return starts and ends since the last call."""
        for ready, _ in self._selector.select(0):
            ready.data()
        for profile in PROFILES:
            self._take_frames(profile)
            self._servers[profile].flush()
        notices, self._notices = self._notices, []
        return notices + self._spawner.notices()

    def _take_frames(self, profile: Profile) -> None:
        server = self._servers[profile]
        for frame in server.frames():
            self._on_frame(profile, frame)
        if server.state == "refused" and profile not in self.refusals:
            self.refusals[profile] = server.why
            self._on_loss(profile)
        elif server.state == "absent" and (self._greeted[profile] or self._unstarted(profile)):
            self._on_loss(profile)

    def _on_frame(self, profile: Profile, frame: dict[str, Any]) -> None:
        op, key = frame["op"], frame.get("key", "")
        child = self._children.get(key)
        if op == "hello":
            self._on_hello(profile, frame)
        elif op == "forked" and child is not None:
            self._deaths[profile] = 0
            child.pid, child.start_ticks, child.token = frame["pid"], frame["start_ticks"], None
            self._notices.append(Started(key, child.kind, child.pid, child.start_ticks, identity.boot_id()))
            if child.wish is not None:
                number, child.wish = child.wish, None
                self.signal(key, number)
        elif op == "exited" and child is not None:
            del self._children[key]
            self._notices.append(Exited(key, child.kind, frame["pid"], frame["exit_code"], frame["signal"]))
            if child.missed is not None:
                self._reach(child.missed)
        elif op == "failed" and child is not None:
            del self._children[key]
            self._notices.append(Exited(key, child.kind, None, None, None, str(frame["message"])))

    def _on_hello(self, profile: Profile, frame: dict[str, Any]) -> None:
        server = self._servers[profile]
        for end in frame["ended"]:
            self._ends[end["key"]] = Exited(end["key"], end["kind"], end["pid"], end["exit_code"], end["signal"])
        if frame["fingerprint"] != self._fingerprint:
            log.info("forkserver %s is of another version: it ends with its last child", profile)
            server.send({"op": "retire"})
            server.flush()
            server.disconnect()
            server.start()  # takes the place of the old one at the socket's path
            return
        self._greeted[profile] = True
        for item in frame["running"]:
            adopted = _Child(item["kind"], Path(), None, profile, item["pid"], item["start_ticks"])
            self._children.setdefault(item["key"], adopted)
        server.send({"op": "configure", "environment": self._environment, "bell": self._bell})
        for key in self._unstarted(profile):
            self._request(key, self._children[key])
        server.flush()

    def ended_before(self, key: str) -> Exited | None:
        """Return how a child ended while no host was there, if its forkserver knew (after :meth:`reconnect`)."""
        return self._ends.get(key)

    def _unstarted(self, profile: Profile) -> list[str]:
        return [key for key, child in self._children.items() if child.pid is None and child.profile == profile]

    def _on_loss(self, profile: Profile) -> None:
        """The forkserver is gone: watch its children ourselves, spawn those that it did not start."""
        self._greeted[profile] = False
        self._deaths[profile] += 1
        if self._deaths[profile] >= MAX_DEATHS and profile not in self.refusals:
            self.refusals[profile] = f"it died {MAX_DEATHS} times in a row"
        for key, child in [item for item in self._children.items() if item[1].profile == profile]:
            if child.pid is None:
                started = census.runner_of(key) if child.kind == "task" else None
                if started is None and _has_begun(child):
                    del self._children[key]
                    self._notices.append(Exited(key, child.kind, None, None, None))
                    continue
                if started is None:
                    log.warning("forkserver %s is gone: %s is spawned", profile, key)
                    self._spawn(key)
                    continue
                child.pid, child.start_ticks = started.pid, started.start_ticks
                self._notices.append(Started(key, child.kind, started.pid, started.start_ticks, identity.boot_id()))
            del self._children[key]
            if not self._spawner.adopt(key, child.kind, child.pid, child.start_ticks):
                self._notices.append(Exited(key, child.kind, child.pid, None, None))
            elif child.wish is not None:
                self._spawner.signal(key, child.wish)

    def close(self) -> None:
        """Let go of forkservers and children."""
        for server in self._servers.values():
            server.close()
        self._children.clear()
        self._spawner.close()
        self._selector.close()


def _has_begun(child: _Child) -> bool:
    """Tell by its spool whether a child without a process has run: it must not run a second time."""
    names = set(os.listdir(child.spool))
    return bool(names - {"spec.json"}) if child.kind == "task" else RESULT_FILE in names


MODULE_COMMAND = (sys.executable, "-P", "-m", "jupyter_flow.runner.forkserver")


def fingerprint() -> str:
    """Return what changes when a forkserver's preloaded code does: interpreter, packages, version, our sources."""
    package = Path(jupyter_flow.__file__).parent
    newest = max(path.stat().st_mtime_ns for path in package.rglob("*.py"))
    libraries = [path for name in ("purelib", "platlib") for path in [Path(sysconfig.get_path(name))] if path.is_dir()]
    packages = [path.stat().st_mtime_ns for path in libraries]  # an installation changes its folder
    text = f"{sys.executable}\0{jupyter_flow.__version__}\0{newest}\0{packages}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
