"""The spool's files: numbered lines, limits, atomic saves, and capturing of a process's output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from jupyter_flow.runner.capture import Capture
from jupyter_flow.runner.spool_files import LogFile, save_atomically


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_lines_are_numbered_and_digested(tmp_path: Path) -> None:
    log = LogFile(tmp_path, 1_000)
    log.write("stdout", "one\ntwo")
    log.say("three", "warning")
    log.close()
    assert [(line["seq"], line["text"]) for line in lines(tmp_path)] == [(1, "one"), (2, "two"), (3, "three")]
    assert log.size == (tmp_path / "log.jsonl").stat().st_size
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_log_is_cut_where_it_gets_too_long_and_the_runner_may_still_speak(tmp_path: Path) -> None:
    log = LogFile(tmp_path, 20)
    for _ in range(5):
        log.write("stdout", "123456789")
    log.say("end")
    log.close()
    texts = [line["text"] for line in lines(tmp_path)]
    assert texts == [
        "123456789",
        "123456789",
        "the log is longer than 20 bytes: what follows is cut",
        "end",
        "30 bytes of the log were cut",
    ]


def test_long_text_is_written_in_blocks_and_nothing_is_lost(tmp_path: Path) -> None:
    text = "\n".join(f"line {number}" for number in range(20_000)) + "\n" + "x" * 50_000
    log = LogFile(tmp_path, 10_000_000)
    log.write("stdout", text)
    log.close()
    assert "".join(str(line["text"]) for line in lines(tmp_path)).replace("\n", "") == text.replace("\n", "")
    assert len(lines(tmp_path)) < 100


def test_lines_written_together_come_whole_and_in_order(tmp_path: Path) -> None:
    log = LogFile(tmp_path, 10_000_000)
    with log.together():
        log.write("stdout", "one")
        with log.together():
            log.write("stderr", "two")
        assert lines(tmp_path) == []
        log.write("stdout", "x" * 200_000)
        assert len(lines(tmp_path)) > 2, "what is much is written at once"
        log.write("stdout", "last")
        assert lines(tmp_path)[-1]["text"] != "last"
    found = lines(tmp_path)
    assert [line["seq"] for line in found] == list(range(1, len(found) + 1))
    texts = [str(line["text"]) for line in found]
    assert [*texts[:2], "".join(texts[2:-1]), texts[-1]] == ["one", "two", "x" * 200_000, "last"]
    log.say("alone")
    assert lines(tmp_path)[-1]["text"] == "alone"
    log.close()


def test_a_save_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    save_atomically(path, b"old" * 1_000)
    save_atomically(path, b"new", fsync=True)
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.ipynb"]


def test_everything_printed_is_captured_even_with_a_child_that_keeps_the_pipe(tmp_path: Path) -> None:
    code = (
        "import logging, os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from jupyter_flow.runner.capture import Capture\n"
        "from jupyter_flow.runner.spool_files import LogFile\n"
        "log = LogFile(Path(sys.argv[1]), 10**6)\n"
        "with Capture(log):\n"
        "    print('printed')\n"
        "    os.write(2, b'raw \\xff\\n')\n"
        "    left = subprocess.Popen(['sleep', '300'])\n"
        "    sys.stdout.write('no newline')\n"
        "log.close()\n"
        "left.kill(); left.wait()\n"
        "print('afterwards')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "afterwards\n"
    captured = {(line["stream"], line["text"]) for line in lines(tmp_path)}
    assert captured == {("stdout", "printed"), ("stderr", "raw \ufffd"), ("stdout", "no newline")}


def test_capture_gives_the_descriptors_back(tmp_path: Path, capfd: object) -> None:
    before = (os.fstat(1).st_ino, os.fstat(2).st_ino)
    log = LogFile(tmp_path, 1_000)
    with Capture(log):
        os.write(1, b"inside\n")
    log.close()
    assert (os.fstat(1).st_ino, os.fstat(2).st_ino) == before
    assert [line["text"] for line in lines(tmp_path)] == ["inside"]
