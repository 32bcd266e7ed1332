"""What a child leaves is read with suspicion."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import pytest

from jupyter_flow.execution.executor import Problem
from jupyter_flow.execution.results import BadResult, read_json, read_report
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.records import Report

ATTEMPT = uuid.uuid4().hex
NOON = "2026-01-01T12:00:00+00:00"
GOOD = Report(ATTEMPT, "success", Reason("ok"), NOON, NOON)


def write(folder: Path, text: str) -> Path:
    (folder / "result.json").write_text(text)
    return folder


def problem(folder: Path) -> Problem:
    found = read_report(folder, ATTEMPT)
    assert isinstance(found, Problem), found
    assert "\n" not in found.message
    return found


def test_a_good_report_is_read(tmp_path):
    assert read_report(write(tmp_path, json.dumps(GOOD.to_json())), ATTEMPT) == GOOD


def test_no_result_is_missing_not_bad(tmp_path):
    assert problem(tmp_path).kind == "missing"
    assert problem(tmp_path / "nothing").kind == "missing"


BAD = {
    "not JSON": "{",
    "not an object": "[]",
    "not a number": json.dumps(GOOD.to_json())[:-1] + ', "cpu_time": NaN}',
    "another attempt": json.dumps({**GOOD.to_json(), "attempt_id": "b" * 32}),
    "unknown outcome": json.dumps({**GOOD.to_json(), "outcome": "great"}),
    "unknown field": json.dumps({**GOOD.to_json(), "state": "success"}),
    "a path for a notebook": json.dumps({**GOOD.to_json(), "notebook": "../../flow.db"}),
    "no reason": json.dumps({**GOOD.to_json(), "reason": None}),
    "a reason that is none": json.dumps({**GOOD.to_json(), "reason": "ok"}),
    "too deep": json.dumps({**GOOD.to_json(), "rendered": {"x": 1}}).replace("1}", "[" * 40 + "]" * 40 + "}"),
    "far too deep": "[" * 200_000 + "]" * 200_000,
    "too large": json.dumps({**GOOD.to_json(), "rendered": {"x": "y" * 1_100_000}}),
    "not UTF-8": "\udcff",
    "empty": "",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_result_is_one_line(tmp_path, name):
    (tmp_path / "result.json").write_bytes(BAD[name].encode(errors="surrogateescape"))
    assert problem(tmp_path).kind == "bad"


def test_links_pipes_and_folders_are_not_read(tmp_path):
    result = tmp_path / "result.json"
    (tmp_path / "elsewhere").write_text(json.dumps(GOOD.to_json()))
    result.symlink_to(tmp_path / "elsewhere")
    assert problem(tmp_path).kind == "bad"
    result.unlink()
    os.mkfifo(result)
    assert problem(tmp_path).kind == "bad"
    result.unlink()
    result.mkdir()
    assert problem(tmp_path).kind == "bad"


def test_a_spool_that_became_a_link_is_not_followed(tmp_path):
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", json.dumps(GOOD.to_json()))
    (tmp_path / "spool").symlink_to(tmp_path / "other")
    assert problem(tmp_path / "spool").kind == "bad"


def test_a_file_of_somebody_else_is_not_read(tmp_path, monkeypatch):
    write(tmp_path, json.dumps(GOOD.to_json()))
    mine = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: mine + 1)
    assert "belongs to user" in problem(tmp_path).message


def test_bounds_are_the_callers(tmp_path):
    write(tmp_path, json.dumps([[["x" * 100]]]))
    assert read_json(tmp_path, "result.json", max_depth=3) == [[["x" * 100]]]
    with pytest.raises(BadResult, match="2 deep"):
        read_json(tmp_path, "result.json", max_depth=2)
    with pytest.raises(BadResult, match="50 bytes"):
        read_json(tmp_path, "result.json", max_bytes=50)
