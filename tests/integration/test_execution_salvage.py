"""What is made of the spool of an attempt whose runner is dead, and that nothing in it is trusted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.files import notebook_json

from jupyter_flow.execution import salvage as module
from jupyter_flow.execution.salvage import Salvaged, salvage

AT = "2026-01-31T02:00:00+00:00"


def write(spool: Path, states: list[str], events: list[dict[str, Any]] | None = None) -> Path:
    node = notebook_json(["1"] * len(states))
    for cell, state in zip(node["cells"], states, strict=True):
        cell["metadata"]["papermill"] = {"status": state, "exception": False}
    path = spool / "book.ipynb"
    path.write_text(json.dumps(node))
    if events is not None:
        (spool / "cells.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def states(path: Path) -> list[str]:
    return [cell["metadata"]["papermill"]["status"] for cell in json.loads(path.read_text())["cells"]]


def lines(spool: Path) -> list[tuple[int, str]]:
    return [(line["seq"], line["text"]) for line in map(json.loads, (spool / "log.jsonl").read_text().splitlines())]


def test_the_cell_that_ran_has_failed_and_the_events_know_better_than_the_saved_notebook(tmp_path: Path) -> None:
    told = [(0, "started"), (0, "finished"), (1, "started"), (1, "output"), (1, "finished"), (2, "started")]
    path = write(tmp_path, ["completed", "running", "pending", "pending"], [{"cell": c, "event": e} for c, e in told])
    found = salvage(tmp_path, ["killed"], AT)
    data = path.read_bytes()
    assert states(path) == ["completed", "completed", "failed", "pending"]
    assert (found.notebook, found.failing_cell) == ("book.ipynb", 2)
    assert (found.notebook_size, found.notebook_sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert json.loads(data)["metadata"]["papermill"]["exception"] is True
    assert json.loads(data)["cells"][2]["metadata"]["papermill"] == {
        "status": "failed",
        "exception": True,
        "end_time": AT,
    }


def test_without_events_what_is_running_has_failed(tmp_path: Path) -> None:
    path = write(tmp_path, ["completed", "running", "pending"])
    salvage(tmp_path, [], AT)
    assert states(path) == ["completed", "failed", "pending"]


def test_last_words_follow_what_is_there_also_after_half_a_line(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"seq": 7, "text": "a"}\n{"seq": 8, "te')
    found = salvage(tmp_path, ["killed", "failed: timeout"], AT)
    text = (tmp_path / "log.jsonl").read_text().splitlines()
    assert text[1] == '{"seq": 8, "te'
    assert [(line["seq"], line["text"], line["at"]) for line in map(json.loads, text[2:])] == [
        (8, "killed", AT),
        (9, "failed: timeout", AT),
    ]
    assert found.log_size == (tmp_path / "log.jsonl").stat().st_size


def test_an_empty_spool_gets_a_log(tmp_path: Path) -> None:
    assert salvage(tmp_path, ["killed"], AT).notebook is None
    assert lines(tmp_path) == [(1, "killed")]


def test_a_spool_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert salvage(tmp_path / "gone", ["killed"], AT) == Salvaged()


def test_links_are_not_followed(tmp_path: Path) -> None:
    spool, elsewhere = tmp_path / "spool", tmp_path / "elsewhere"
    for folder in (spool, elsewhere):
        folder.mkdir()
    log, book = elsewhere / "log", write(elsewhere, ["running"])
    log.write_text("mine\n")
    (spool / "log.jsonl").symlink_to(log)
    (spool / "book.ipynb").symlink_to(book)
    assert salvage(spool, ["killed"], AT) == Salvaged()
    assert log.read_text() == "mine\n"
    assert states(book) == ["running"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cells": 1, "metadata": {}}', "[" * 100_000, "\udcff"])
def test_a_notebook_that_is_none_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "book.ipynb"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    found = salvage(tmp_path, [], AT)
    assert (found.notebook, found.notebook_sha256) == ("book.ipynb", None)
    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_a_large_notebook_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTEBOOK_MAX_BYTES", 100)
    path = write(tmp_path, ["running"], [{"cell": 0, "event": "started"}])
    assert salvage(tmp_path, [], AT).failing_cell == 0
    assert states(path) == ["running"]


@pytest.mark.parametrize("line", ["", "1", '{"cell": "x", "event": "started"}', '{"event": []}', "{" * 5000])
def test_events_that_are_none_are_passed_over(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, ["completed", "running"])
    (tmp_path / "cells.jsonl").write_text(line + '\n{"cell": 1, "event": "started"}\n')
    assert salvage(tmp_path, [], AT).failing_cell == 1
    assert states(path) == ["completed", "failed"]
