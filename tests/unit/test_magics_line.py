"""The line after %flow."""

from __future__ import annotations

import pytest

from jupyter_flow.magics.flow_line import parse_flow_line
from jupyter_flow.magics.flow_magics import task_cell
from jupyter_flow.model.errors import InvalidInput


def test_a_trigger_line_is_read() -> None:
    request = parse_flow_line("""trigger sales --conf '{"rows": 3}' --wait""")
    assert request is not None
    assert (request.command, request.dag_id, request.conf, request.wait, request.unpause) == (
        "trigger",
        "sales",
        {"rows": 3},
        True,
        False,
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fly", "invalid choice"),
        ("log", "TASK"),
        ("trigger --conf {", "not JSON"),
        ("trigger --conf '[1]'", "JSON object"),
        ("trigger 'open", "quotes"),
        ("runs --limit many", "--limit"),
        ("runs --lim 3", "--lim"),
    ],
)
def test_a_wrong_line_is_one_sentence(line: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        parse_flow_line(line)
    assert "\n" not in str(caught.value)


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_flow_line("") is None
    assert parse_flow_line("trigger --help") is None
    shown = capsys.readouterr().out
    assert "register" in shown
    assert "%%dag" in shown


def test_a_task_cell_run_by_hand_is_its_body() -> None:
    said = "get_ipython().run_line_magic('task', 'load --retries 2')\n"
    assert task_cell(["%%task load --retries 2\n", "x = 1\n"]) == [said, "x = 1\n"]
    assert task_cell(["%%setup\n", "x = 1\n"]) == ["# %%setup\n", "x = 1\n"]
    assert task_cell(["%%tasks\n"]) == ["%%tasks\n"]
    assert task_cell(["x = 1\n"]) == ["x = 1\n"]
    assert task_cell([]) == []
