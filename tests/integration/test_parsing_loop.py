"""The parse loop on a real folder, its children only noted: who starts when, whoever hangs."""

from __future__ import annotations

from pathlib import Path

from jupyter_flow.execution.children import Exited
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.parsing.loop import MOST_AT_ONCE, SLOW_AFTER, ParseLoop


class NotedChildren:
    """A launcher whose children never end by themselves."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.killed: list[str] = []

    def launch(self, key: str, kind: str, spool: Path, token: str | None, profile: str = "light") -> None:
        assert kind == "parse"
        assert (spool / "spec.json").is_file()
        self.started.append(key)

    def kill(self, key: str) -> None:
        self.killed.append(key)


def make(tmp_path: Path, files: int) -> tuple[ParseLoop, NotedChildren]:
    folder = tmp_path / "dags"
    folder.mkdir()
    for number in range(files):
        (folder / f"f{number:02}.py").write_text("import jupyter_flow\n")
    children = NotedChildren()
    config = FlowConfig(home=tmp_path, dag_folders=(folder,), parse_timeout=30.0, parse_processes=2)
    loop = ParseLoop(config, children, tmp_path / "spool")  # type: ignore[arg-type]
    loop.look()
    return loop, children


def test_two_at_a_time_and_the_next_when_one_ends(tmp_path: Path) -> None:
    loop, children = make(tmp_path, 4)
    loop.pump(100.0)
    loop.pump(100.5)
    assert len(children.started) == 2
    loop.exited(Exited(children.started[0], "parse", 1, 1, None))
    loop.pump(100.6)
    assert len(children.started) == 3


def test_files_that_hang_give_their_places_away(tmp_path: Path) -> None:
    loop, children = make(tmp_path, 4)
    loop.pump(100.0)
    assert loop.next_deadline() == 100.0 + SLOW_AFTER
    loop.pump(100.0 + SLOW_AFTER)
    assert len(children.started) == 4
    assert children.killed == []
    assert loop.next_deadline() == 131.0, "nothing waits for a place: the next thing is the timeout of the first"
    loop.pump(131.0)
    assert children.killed == children.started[:2]


def test_hanging_files_never_become_a_crowd(tmp_path: Path) -> None:
    loop, children = make(tmp_path, 3 * MOST_AT_ONCE)
    for second in range(0, 29, 2):
        loop.pump(100.0 + second)
    assert len(children.started) == MOST_AT_ONCE


def test_a_file_whose_process_was_killed_is_parsed_once_more(tmp_path: Path) -> None:
    loop, children = make(tmp_path, 1)
    for attempt in (1, 2):
        loop.pump(100.0)
        assert len(children.started) == attempt
        loop.exited(Exited(children.started[-1], "parse", 1, None, 9))
        assert bool(loop.finished) is (attempt == 2)
    assert "killed by signal 9" in loop.finished[0].problems[0].message
    assert not loop.busy
    loop.look()
    loop.enqueue(next(iter(loop.files())))
    loop.pump(200.0)
    loop.exited(Exited(children.started[-1], "parse", 1, None, 9))
    assert loop.busy, "the next time it is killed is a first time again"


def test_a_file_that_is_killed_over_its_time_is_not_parsed_again(tmp_path: Path) -> None:
    loop, children = make(tmp_path, 1)
    loop.pump(100.0)
    loop.pump(131.0)
    assert children.killed == children.started
    loop.exited(Exited(children.started[0], "parse", 1, None, 9))
    assert not loop.busy
    assert len(loop.finished) == 1
