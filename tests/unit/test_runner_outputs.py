"""Limits on outputs, and joining of streams."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_output

from jupyter_flow.runner.outputs import OutputLimits, append_merged, plain, size_of


def stream(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def test_a_stream_over_the_limit_is_cut_and_marked_once() -> None:
    limits = OutputLimits(per_cell=10, per_notebook=100)
    outputs: list[NotebookNode] = []
    for text in ("12345", "67890abc", "more", "and more"):
        for kept in limits.admit(0, stream(text)):
            append_merged(outputs, kept)
    assert outputs[0].text == "1234567890"
    assert outputs[1].text == "\n[output cut: this cell has put out more than 10 bytes]\n"
    assert len(outputs) == 2


def test_each_cell_has_its_own_room_within_the_notebook_s() -> None:
    limits = OutputLimits(per_cell=10, per_notebook=15)
    assert limits.admit(0, stream("x" * 10))[0].text == "x" * 10
    kept = limits.admit(1, stream("y" * 10))
    assert kept[0].text == "y" * 5
    assert "this notebook has put out more than 15 bytes" in kept[1].text


def test_cleared_outputs_give_their_room_back() -> None:
    limits = OutputLimits(per_cell=10, per_notebook=10)
    for _ in range(50):
        assert limits.admit(0, stream("x" * 10))[0].text == "x" * 10
        limits.reset(0)


def test_errors_are_kept_whatever_came_before() -> None:
    limits = OutputLimits(per_cell=10, per_notebook=10)
    limits.admit(0, stream("x" * 20))
    error = new_output("error", ename="E", evalue="v" * 20_000, traceback=["t" * 50_000] * 100)
    (kept,) = limits.admit(0, error)
    assert kept.ename == "E"
    assert size_of(kept) <= 20 * 10_000 + 10_000


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(min_size=1, max_size=30)), max_size=30))
def test_no_cell_gets_over_its_limit_by_more_than_the_mark(pieces: list[tuple[str, str]]) -> None:
    limits = OutputLimits(per_cell=100, per_notebook=1_000)
    outputs: list[NotebookNode] = []
    for name, text in pieces:
        for kept in limits.admit(0, stream(text, name)):
            append_merged(outputs, kept)
    total = "".join(text for _, text in pieces)
    written = "".join(output.text for output in outputs)
    assert written == total if len(total) <= 100 else len(written) < 100 + 80
    assert all(a.name != b.name for a, b in itertools.pairwise(outputs))


def test_terminal_colours_do_not_reach_the_log() -> None:
    assert plain("\x1b[0;31mValueError\x1b[0m: bad") == "ValueError: bad"
