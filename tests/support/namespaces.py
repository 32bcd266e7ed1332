"""Places with a network of their own: for processes that are cut off, delayed, stopped.

Each place is a network namespace, joined to the others by a bridge, so that a cut is a link that is down. Where
namespaces are not allowed a place is this machine behind a proxy on loopback that cuts and delays.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .census import census


class Place(Protocol):
    """Where a worker runs. ``env``: what its processes need in their environment."""

    name: str
    env: dict[str, str]

    def command(self, arguments: list[str], hidden: Path) -> list[str]:
        """Return the command line that runs ``arguments`` in this place, without the files beneath ``hidden``."""

    def cut(self) -> None:
        """Let nothing through, in both directions."""

    def mend(self) -> None:
        """Let everything through again."""

    def delay(self, seconds: float) -> None:
        """Let everything through later; 0: at once."""


class Network(Protocol):
    """``house``: the address of this machine as the places see it."""

    house: str
    places: list[Place]
    is_real: bool

    def close(self) -> None:
        """Remove everything."""


def open_network(count: int, target: Callable[[], tuple[str, int]], *, slow: bool = False) -> Network:
    """Return a network of ``count`` places; ``target``: where the bridge listens, for places behind a proxy.

    ``slow``: its places must be able to delay.
    """
    try:
        network = NamespaceNetwork(count)
    except (OSError, subprocess.CalledProcessError):
        return ProxyNetwork(count, target)
    try:
        if slow:
            network.places[0].delay(0.01)
            network.places[0].delay(0)
    except subprocess.CalledProcessError:  # this kernel has no netem
        network.close()
        return ProxyNetwork(count, target)
    return network


def freeze(tag: str) -> list[int]:
    """SIGSTOP every process that carries ``tag``; return their pids, for :func:`thaw`."""
    stopped: set[int] = set()
    while more := {found.pid for found in census(tag)} - stopped:
        for pid in more:
            _signal(pid, signal.SIGSTOP)
        stopped |= more
    return sorted(stopped)


def thaw(pids: list[int]) -> None:
    """Let stopped processes go on."""
    for pid in pids:
        _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _ip(*arguments: str, program: str = "ip") -> str:
    done = subprocess.run([program, *arguments], check=True, capture_output=True, timeout=30)
    return done.stdout.decode()


class NamespacePlace:
    """A network namespace."""

    def __init__(self, name: str, bridge: str, address: str) -> None:
        self.name, self.address = name, address
        self.link, inner = f"{name}h", f"{name}w"
        self.env: dict[str, str] = {}
        _ip("netns", "add", name)
        _ip("link", "add", self.link, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", name)
        _ip("link", "set", self.link, "master", bridge)
        _ip("link", "set", self.link, "up")
        for words in (["addr", "add", f"{address}/24", "dev", inner], ["link", "set", inner, "up"]):
            _ip("-n", name, *words)
        _ip("-n", name, "link", "set", "lo", "up")

    def command(self, arguments: list[str], hidden: Path) -> list[str]:
        """Return the command line; an empty file system stands over ``hidden``."""
        script = 'mount -t tmpfs none "$1" && shift && exec "$@"'
        return ["ip", "netns", "exec", self.name, "unshare", "-m", "sh", "-c", script, "sh", str(hidden), *arguments]

    def cut(self) -> None:
        """Take the link down."""
        _ip("link", "set", self.link, "down")

    def mend(self) -> None:
        """Take the link up."""
        _ip("link", "set", self.link, "up")

    def delay(self, seconds: float) -> None:
        """Hold every packet for a while. Raises CalledProcessError where the kernel has no netem."""
        if seconds:
            words = ["netem", "delay", f"{seconds * 1000:.0f}ms"]
            _ip("qdisc", "replace", "dev", self.link, "root", *words, program="tc")
        else:
            _ip("qdisc", "del", "dev", self.link, "root", program="tc")

    def close(self) -> None:
        """Remove the namespace and the link."""
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=30)
        subprocess.run(["ip", "link", "del", self.link], capture_output=True, timeout=30)


class NamespaceNetwork:
    """Namespaces on a bridge with a subnet of their own."""

    is_real = True

    def __init__(self, count: int) -> None:
        if os.getuid() != 0:
            raise PermissionError("namespaces need root")
        self.places: list[Place] = []
        self._made: list[NamespacePlace] = []
        mark = secrets.token_hex(2)
        self._bridge = f"jf{mark}"
        taken = _ip("-4", "addr")
        subnet = next(f"10.213.{n}" for n in range(1 + os.getpid() % 200, 255) if f"10.213.{n}." not in taken)
        self.house = f"{subnet}.1"
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("addr", "add", f"{self.house}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            for number in range(count):
                self._made.append(NamespacePlace(f"jf{mark}{number}", self._bridge, f"{subnet}.{11 + number}"))
        except BaseException:
            self.close()
            raise
        self.places += self._made

    def close(self) -> None:
        """Remove everything."""
        for place in self._made:
            place.close()
        subprocess.run(["ip", "link", "del", self._bridge], capture_output=True, timeout=30)


class ProxyPlace:
    """This machine behind a proxy to the bridge."""

    def __init__(self, name: str, target: Callable[[], tuple[str, int]]) -> None:
        self.name = name
        self._target = target
        self._cut = threading.Event()
        self._delay = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.env = {"JUPYTER_FLOW_BRIDGE": f"127.0.0.1:{port}", "JUPYTER_FLOW_SHARED_FILES": "no"}
        threading.Thread(target=self._serve, daemon=True).start()

    def command(self, arguments: list[str], hidden: Path) -> list[str]:
        """Return ``arguments``: the environment says that the files are out of reach."""
        return arguments

    def cut(self) -> None:
        """Let nothing through."""
        self._cut.set()

    def mend(self) -> None:
        """Let everything through again."""
        self._cut.clear()

    def delay(self, seconds: float) -> None:
        """Hold all bytes for a while."""
        self._delay = seconds

    def close(self) -> None:
        """Accept nothing more."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target())
            except OSError:
                if self._listener.fileno() < 0:
                    return
                continue
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        waiting: list[tuple[float, socket.socket, bytes]] = []
        with selectors.DefaultSelector() as selector, near, far:
            for end in other:
                selector.register(end, selectors.EVENT_READ)
            while True:
                ready = selector.select(0.01)
                if self._cut.is_set():
                    time.sleep(0.01)
                    continue
                try:
                    for key, _ in ready:
                        end: socket.socket = key.fileobj  # type: ignore[assignment]
                        data = end.recv(1 << 16)
                        if not data:
                            return
                        waiting.append((time.monotonic() + self._delay, other[end], data))
                    while waiting and waiting[0][0] <= time.monotonic():
                        _, end, data = waiting.pop(0)
                        end.sendall(data)
                except OSError:
                    return


class ProxyNetwork:
    """Proxies on loopback."""

    is_real = False
    house = "127.0.0.1"

    def __init__(self, count: int, target: Callable[[], tuple[str, int]]) -> None:
        self._made = [ProxyPlace(f"proxy{number}", target) for number in range(count)]
        self.places: list[Place] = list(self._made)

    def close(self) -> None:
        """Remove everything."""
        for place in self._made:
            place.close()


def bridge_address(home: Path) -> tuple[str, int]:
    """Return where the bridge of a house on loopback listens. Raises OSError if there is none."""
    return "127.0.0.1", int(json.loads((home / "bridge.json").read_text())["port"])
