"""Whom a forkserver takes for an orphan: what nobody has told of, and nobody else."""

from __future__ import annotations

import os
import selectors
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_flow.runner import fork_loop
from jupyter_flow.runner.dag_images import DagImages, _Process
from jupyter_flow.runner.dag_loader import Image
from jupyter_flow.runner.fork_loop import Child, ForkLoop, start_ticks
from jupyter_flow.wire.framing import encode

KNOWN, ADOPTED, LOST = (Child(name, "task", pid, 1) for name, pid in (("known", 11), ("adopted", 12), ("lost", 13)))


class Loop(ForkLoop):
    """A loop without a process of its own: an image has told of ``adopted`` and died."""

    def __init__(self) -> None:
        self.children = {KNOWN.pid: KNOWN}
        self.outgoing = []

    def hear(self) -> None:
        self.children[ADOPTED.pid] = ADOPTED

    def flush(self) -> None:
        pass


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The processes that were killed, as far as they were children of the loop."""
    found: list[set[int]] = []
    children = {KNOWN.pid, ADOPTED.pid, LOST.pid}

    def members(mark: None, roots: set[int]) -> set[int]:
        return roots

    def end_all(find: Any) -> int:
        found.append(set(find()))
        children.difference_update(found[-1])
        return len(found[-1])

    monkeypatch.setattr(fork_loop.processes, "children_of", lambda pid: list(children))
    monkeypatch.setattr(fork_loop.processes, "members", members)
    monkeypatch.setattr(fork_loop.processes, "end_all", end_all)
    return found


def test_what_a_dead_image_has_told_of_is_no_orphan(killed: list[set[int]]) -> None:
    Loop()._end_orphans()
    assert killed == [{LOST.pid}]


def test_what_an_unknown_child_leaves_is_ended_when_it_dies(
    killed: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = iter([SimpleNamespace(si_pid=14), None])
    monkeypatch.setattr(os, "waitid", lambda *options: next(ends))
    monkeypatch.setattr(os, "waitpid", lambda pid, options: (pid, 0))
    loop = Loop()
    loop.reap()
    assert killed == [{LOST.pid}]
    assert loop.outgoing == []


def test_how_a_child_of_a_dead_image_ended_is_known(killed: list[set[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    ends = iter([SimpleNamespace(si_pid=ADOPTED.pid), None])
    monkeypatch.setattr(os, "waitid", lambda *options: next(ends))
    monkeypatch.setattr(os, "waitpid", lambda pid, options: (pid, 3 << 8))
    loop = Loop()
    loop.reap()
    assert [(told["key"], told["exit_code"]) for told in loop.outgoing] == [("adopted", 3)]


def test_nobody_leaves_before_the_orphans_have_ended(killed: list[set[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()
    monkeypatch.setattr(loop, "reap", lambda: None)
    loop.leave_nothing()
    assert killed == [{LOST.pid}]


def test_the_last_words_of_an_image_are_heard_at_once() -> None:
    ours, theirs = socket.socketpair()
    told: list[dict[str, Any]] = []
    adopted: list[Child] = []
    selector = selectors.DefaultSelector()
    images = DagImages(selector, None, None, lambda request: None, told.append, adopted.append)  # type: ignore[arg-type]
    process = _Process(Image("folder", "file.py", "bundle"), 99, ours, 0.0, is_ready=True)
    process.asked = {"begun": {}, "asked": {}}
    images._processes[99] = process
    selector.register(ours, selectors.EVENT_READ)
    child = Child("begun", "task", os.getpid(), start_ticks(os.getpid()))
    theirs.sendall(encode({"op": "forked", **child.to_json()}))
    theirs.close()
    images.hear()
    assert adopted == [child]
    assert [(message["op"], message["key"]) for message in told] == [("forked", "begun"), ("failed", "asked")]
    images._read(process)  # the selector's news of its end comes later
    assert len(told) == 2
    assert images.pids() == []
