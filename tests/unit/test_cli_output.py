"""What the command line prints: nothing that steers the terminal, values as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_flow.cli.output import clean, instant, one_line, seconds
from jupyter_flow.cli.values import read_conf, read_logical_date
from jupyter_flow.model.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 漢字", "plain äöü 漢字"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb", "a\\rb"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202eevil", "\\u202eevil"),
        ("link\x1b]8;;http://x\x07", "link\\x1b]8;;http://x\\x07"),
    ],
)
def test_control_codes_are_shown_not_sent(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_nothing_unprintable_gets_through(text: str) -> None:
    assert clean(text).isprintable()
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (0.081, "0.08 s"), (12.34, "12.3 s"), (242, "4 min 02 s"), (11_400, "3 h 10 min")],
)
def test_durations_are_readable(value: float | None, shown: str) -> None:
    assert seconds(value) == shown


def test_instants_are_shown_in_utc() -> None:
    assert instant("2026-01-31T02:00:00.123456+02:00") == "2026-01-31 00:00:00"
    assert instant(None) == ""


@pytest.mark.parametrize("text", ["{", "[1]", '"x"', "12", "{'a': 1}", "", "[" * 100_000])
def test_conf_must_be_a_json_object(text: str) -> None:
    with pytest.raises(InvalidInput, match="--conf"):
        read_conf(text)


def test_conf_and_dates_are_read() -> None:
    assert read_conf('{"rows": 100}') == {"rows": 100}
    assert read_conf(None) is None
    assert read_logical_date("2026-01-31") == "2026-01-31T00:00:00+00:00"
    assert read_logical_date("none") == "none"
    assert read_logical_date(None) is None
    with pytest.raises(InvalidInput, match="not an ISO 8601 date"):
        read_logical_date("yesterday")
