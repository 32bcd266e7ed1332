"""A reason is one line, whatever an exception's message holds."""

from __future__ import annotations

import pytest

from jupyter_flow.model.reason import LONGEST, Reason


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("bad", "ValueError in cell 2: bad"),
        ("two\nlines\tof it", "ValueError in cell 2: two lines of it"),
        ("", "ValueError in cell 2"),
        ("{cell} {nothing}", "ValueError in cell 2: {cell} {nothing}"),
    ],
)
def test_a_reason_is_one_line(message: str, text: str) -> None:
    reason = Reason("cell_error", {"type": "ValueError", "cell": 2, "message": message})
    assert str(reason) == reason.to_json()["text"] == text


def test_a_long_message_is_cut_in_the_text_and_whole_in_the_arguments() -> None:
    reason = Reason("exception", {"type": "ValueError", "message": "x" * 2000})
    assert len(str(reason)) == LONGEST
    assert str(reason).endswith("x…")
    assert Reason.from_json(reason.to_json()) == reason


def test_a_reason_with_missing_arguments_still_says_its_code() -> None:
    assert str(Reason("cell_error", {"cell": 1})) == "cell_error {'cell': 1}"
    assert str(Reason("of_a_later_version")) == "of_a_later_version"
