"""What an attempt writes onto a full disk: whole lines or none, nothing truncated, and what was lost is said."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from support.waiting import wait_for

from jupyter_flow.model.faultpoint import arm
from jupyter_flow.runner import spool_files
from jupyter_flow.runner.spool_files import JsonLines, LogFile, save_atomically, when_there_is_room


class Disk:
    """A disk that is full when told so: at the fault points before writing."""

    def __init__(self) -> None:
        self.is_full = False
        self.refused = 0

    def __call__(self, name: str) -> None:
        if self.is_full and name.endswith(".before_write"):
            self.refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(spool_files, "_TRY_AGAIN", 0.01)
    disk = Disk()
    arm(disk)
    yield disk
    arm(None)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_lines_wait_for_room_and_stay_in_order(tmp_path: Path, disk: Disk) -> None:
    lines = JsonLines(tmp_path / "log.jsonl")
    lines.append({"n": 1})
    disk.is_full = True
    for number in range(2, 50):
        lines.append({"n": number})
    assert [line["n"] for line in lines_of(tmp_path / "log.jsonl")] == [1]
    disk.is_full = False
    lines.close()
    found = lines_of(tmp_path / "log.jsonl")
    assert [line["n"] for line in found] == list(range(1, 50)) == [line["seq"] for line in found]
    content = (tmp_path / "log.jsonl").read_bytes()
    assert (lines.size, lines.sha256) == (len(content), sha256(content).hexdigest())


def test_what_is_lost_is_counted_in_the_log(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_files, "_WAITING", 10_000)
    log = LogFile(tmp_path, 10_000_000)
    disk.is_full = True
    for number in range(1_000):
        log.write("stdout", f"line {number}")
    disk.is_full = False
    log.close()
    found = lines_of(tmp_path / "log.jsonl")
    (told,) = [line for line in found if line["stream"] == "log"]
    lost = 1_000 - (len(found) - 1)
    assert 0 < lost < 1_000
    assert str(told["text"]).startswith(f"the disk was full: {lost} lines of the log (")
    content = (tmp_path / "log.jsonl").read_bytes()
    assert (log.size, log.sha256) == (len(content), sha256(content).hexdigest())


def test_the_end_waits_for_room(tmp_path: Path, disk: Disk) -> None:
    log = LogFile(tmp_path, 1_000)
    disk.is_full = True
    log.write("stdout", "the last words")

    def end() -> None:
        log.close()
        when_there_is_room(lambda: save_atomically(tmp_path / "result.json", b"{}", name="result"))

    thread = threading.Thread(target=end)
    thread.start()
    wait_for(lambda: disk.refused > 3, "it tries again")
    assert not (tmp_path / "result.json").exists()
    disk.is_full = False
    thread.join(30)
    assert (tmp_path / "result.json").read_bytes() == b"{}"
    assert [line["text"] for line in lines_of(tmp_path / "log.jsonl")] == ["the last words"]


def test_a_file_that_was_not_written_whole_leaves_the_old_one(tmp_path: Path, disk: Disk) -> None:
    save_atomically(tmp_path / "a.ipynb", b"old")
    disk.is_full = True
    with pytest.raises(OSError, match="No space"):
        save_atomically(tmp_path / "a.ipynb", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.ipynb": b"old"}


def test_a_line_that_is_never_finished_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = JsonLines(tmp_path / "cells.jsonl")
    lines.append({"n": 1})
    real = os.write

    def half(descriptor: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", full)
        return real(descriptor, bytes(data[:5]))

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", half)
    lines.append({"n": 2})
    lines.close(wait=False)
    assert [line["n"] for line in lines_of(tmp_path / "cells.jsonl")] == [1]


def test_other_errors_are_not_kept_back(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "log.jsonl")
    lines.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        lines.append({"n": 1})
