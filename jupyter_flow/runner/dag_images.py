"""The forkserver's images of DAG files: made for the second attempt that asks for a file, ended when idle.

One attempt now and then loads its DAG file itself. When more come, a process of their own loads it once
(:mod:`.dag_image`) and forks them. What an image cannot do is done by a plain fork, as if there were no images.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..model.faultpoint import faultpoint
from ..wire.framing import Decoder, FrameError, encode
from .dag_image import be_image
from .dag_loader import Image
from .fork_hygiene import Baseline, EnvironmentTag
from .fork_loop import Child, exited, kill_group, start_ticks

IDLE = 60.0
"""Seconds after which an image that nobody asks ends; a second attempt within them makes one."""
LOAD_WITHIN = 15.0
"""Seconds that a DAG file may take to load; its attempts wait for it."""
STOP_WITHIN = 5.0
"""Seconds in which an image has to say that it has stopped."""
MOST = 4
"""Images at a time."""
_REMEMBERED = 256


@dataclass
class _Process:
    """An image's process. ``asked``: requests without an answer by key; ``held`` until it is ready."""

    image: Image
    pid: int
    end: socket.socket
    used_at: float
    is_ready: bool = False
    is_stopping: bool = False
    is_stopped: bool = False
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    decoder: Decoder = field(default_factory=Decoder)


class DagImages:
    """``fork``: forks a request without an image. ``tell``: takes frames for the house. ``adopt``: takes over a child
    whose image is gone (the forkserver is a subreaper).
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        baseline: Baseline,
        tag: EnvironmentTag,
        fork: Callable[[dict[str, Any]], None],
        tell: Callable[[dict[str, Any]], None],
        adopt: Callable[[Child], None],
    ) -> None:
        self._selector, self._baseline, self._tag = selector, baseline, tag
        self._fork, self._tell, self._adopt = fork, tell, adopt
        self._processes: dict[int, _Process] = {}
        self._seen: OrderedDict[Image, float] = OrderedDict()
        self._refused: OrderedDict[Image, str] = OrderedDict()
        self.house: socket.socket | None = None

    def take(self, request: dict[str, Any]) -> bool:
        """Take over a request if its DAG file has an image or is to have one; False: fork it without."""
        wanted = request.get("image")
        if wanted is None:
            return False
        image, now = Image(*wanted), time.monotonic()
        seen, self._seen[image] = self._seen.pop(image, None), now
        if image in self._refused or seen is None or now - seen > IDLE:
            _bound(self._seen)
            return False
        process = self._of(image)
        if process is None:
            process = self._start(image, now)
            if process is None:
                return False
        process.used_at = now
        process.asked[request["key"]] = request
        if process.is_ready:
            self._send(process, request)
        return True

    def children(self) -> list[Child]:
        """Return the running children of all images."""
        return [child for process in self._processes.values() for child in process.children.values()]

    def pids(self) -> list[int]:
        """Return the pids of the images."""
        return list(self._processes)

    def tick(self) -> float | None:
        """End what is idle or takes too long; return the seconds until there is more to do, None for never."""
        now = time.monotonic()
        instants = []
        for process in list(self._processes.values()):
            if process.is_stopping:
                continue
            at = process.used_at + (IDLE if process.is_ready else LOAD_WITHIN)
            if at > now:
                instants.append(at)
            elif process.is_ready:
                self._stop(process)
            else:
                self._refuse(process, f"took more than {LOAD_WITHIN:.0f} s to load")
                kill_group(process.pid)
        return min(instants) - now if instants else None

    def quiesce(self) -> None:
        """Let no image fork anything any more (the house's connection has ended); waits until it is certain."""
        for process in list(self._processes.values()):
            if process.is_stopped:
                continue
            if process.is_ready:
                self._stop(process)
                self._await_stopped(process)
            else:
                process.is_stopping = True
                process.asked.clear()
                kill_group(process.pid)
                self._end(process)

    # --- processes

    def _of(self, image: Image) -> _Process | None:
        found = (item for item in self._processes.values() if item.image == image and not item.is_stopping)
        return next(found, None)

    def _start(self, image: Image, now: float) -> _Process | None:
        living = [process for process in self._processes.values() if not process.is_stopping]
        if len(living) >= MOST:
            idle = [process for process in living if process.is_ready and not process.asked and not process.children]
            if not idle:
                return None
            self._stop(min(idle, key=lambda process: process.used_at))
        own, other = socket.socketpair()
        try:
            faultpoint("image.before_fork")
            pid = os.fork()
        except OSError:
            own.close()
            other.close()
            return None
        if pid == 0:
            be_image(image, other, self._baseline, self._tag)
        faultpoint("image.after_fork")
        other.close()
        process = self._processes[pid] = _Process(image, pid, own, now)
        self._selector.register(own, selectors.EVENT_READ, lambda: self._read(process))
        return process

    def _send(self, process: _Process, message: dict[str, Any]) -> None:
        try:
            process.end.sendall(encode(message))
        except OSError:
            pass  # its end will be read

    def _stop(self, process: _Process) -> None:
        if not process.is_stopping:
            process.is_stopping = True
            self._send(process, {"op": "stop"})

    def _await_stopped(self, process: _Process) -> None:
        process.end.settimeout(STOP_WITHIN)
        while self._is_known(process) and not process.is_stopped:
            self._read(process)
        if self._is_known(process):
            process.end.settimeout(None)

    # --- what images say

    def hear(self) -> None:
        """Take in what has been said by now. What a dead image had told of its children is all here."""
        for process in list(self._processes.values()):
            while self._is_known(process) and _is_readable(process.end):
                self._read(process)

    def _is_known(self, process: _Process) -> bool:
        return self._processes.get(process.pid) is process

    def _read(self, process: _Process) -> None:
        if not self._is_known(process):
            return  # its end was heard between the selector's news and now
        try:
            data = process.end.recv(1 << 18)
            messages = process.decoder.feed(data)
        except TimeoutError:
            kill_group(process.pid)
            data, messages = b"", []
        except (OSError, FrameError):
            data, messages = b"", []
        for message in messages:
            self._on_message(process, message)
        if not data:
            self._end(process)

    def _on_message(self, process: _Process, message: dict[str, Any]) -> None:
        op, key = message["op"], message.get("key", "")
        if op == "ready":
            self._begin(process)
        elif op == "refused":
            self._refuse(process, message["why"])
        elif op == "forked":
            process.asked.pop(key, None)
            process.children[key] = Child(key, message["kind"], message["pid"], message["start_ticks"])
            self._tell(message)
        elif op == "exited":
            process.children.pop(key, None)
            self._tell(message)
        elif op == "failed":
            process.asked.pop(key, None)
            self._tell(message)
        elif op == "stale":
            self._stop(process)
            if (request := process.asked.pop(key, None)) is not None:
                self._fork(request)
        elif op == "stopped":
            process.is_stopped = True

    def _begin(self, process: _Process) -> None:
        """Hand over what waited, with the house's connection to be held."""
        process.is_ready = True
        process.used_at = time.monotonic()
        held = [] if self.house is None else [self.house.fileno()]
        frames = [encode(message) for message in [{"op": "go"}, *process.asked.values()]]
        try:
            socket.send_fds(process.end, [frames[0]], held)
            process.end.sendall(b"".join(frames[1:]))
        except OSError:
            pass  # its end will be read

    def _refuse(self, process: _Process, why: str) -> None:
        """Use no image for this file: its attempts load it themselves."""
        sys.stderr.write(f"{process.image.dag_file} is loaded in each attempt: it {why}\n")
        sys.stderr.flush()
        self._refused[process.image] = why
        _bound(self._refused)
        process.is_stopping = True
        asked, process.asked = process.asked, {}
        for request in asked.values():
            self._fork(request)

    def _end(self, process: _Process) -> None:
        """Take leave of an image whose connection has ended. Its children, if any, are ours now."""
        if not process.is_ready and not process.is_stopping:
            self._refuse(process, "ended the process that loaded it")
        self._processes.pop(process.pid, None)
        self._selector.unregister(process.end)
        process.end.close()
        for key in process.asked:  # it may have been forked or not: nobody must begin it a second time
            self._tell({"op": "failed", "key": key, "message": "the process that had loaded the DAG file is gone"})
        for child in process.children.values():
            self._adopt(child) if _runs(child) else self._tell(exited(child, None, None))


def _is_readable(end: socket.socket) -> bool:
    poll = select.poll()
    poll.register(end, select.POLLIN)
    return bool(poll.poll(0))


def _runs(child: Child) -> bool:
    try:
        return start_ticks(child.pid) == child.start_ticks
    except OSError:
        return False


def _bound(items: OrderedDict[Image, Any]) -> None:
    while len(items) > _REMEMBERED:
        items.popitem(last=False)
