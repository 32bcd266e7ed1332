"""Lines that the panel's form has changed mean to Python what the form says: one table for both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_flow.authoring.task_cell import parse_task_line

TABLE = Path(__file__).parents[2] / "labextension/src/model/notebook/taskLines.json"


@pytest.mark.parametrize("row", json.loads(TABLE.read_text(encoding="utf-8")), ids=lambda row: row["line"])
def test_a_changed_line_is_read_as_it_was_meant(row: dict[str, Any]) -> None:
    before, after = parse_task_line(row["line"]), parse_task_line(row["then"])
    assert after.task_id == before.task_id == "load"
    found = {
        "after": list(after.after),
        "inputs": None if after.inputs is None else list(after.inputs),
        "parameters": dict(after.parameters),
        **after.arguments,
    }
    assert {name: value for name, value in found.items() if value} == row["python"]
