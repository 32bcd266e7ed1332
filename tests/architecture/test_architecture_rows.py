"""Every capability that is said to be there has a test of its own through the running host."""

from __future__ import annotations

import re
from pathlib import Path

ROWS = Path(__file__).resolve().parents[1] / "acceptance" / "rows"
CAPABILITIES = {*range(1, 39), 45, 65, 82, 102}
"""Numbers of the capabilities of authoring, scheduling, states, XComs, operators and sensors."""


def test_every_capability_has_one_file_of_tests() -> None:
    numbers = [int(match[1]) for file in ROWS.glob("test_*.py") if (match := re.match(r"test_(\d+)_", file.name))]
    assert sorted(set(numbers)) == sorted(numbers)
    assert CAPABILITIES - set(numbers) == set()
