"""Messages from a notebook to the house: order, loss, and what is refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_flow.runner.messages import METRIC, PROGRESS, XCOM, HouseMessages


class Receiver:
    def __init__(self) -> None:
        self.got: list[tuple[Any, ...]] = []

    def xcom_push_json(self, key: str, value: Any, file: str | None = None) -> None:
        self.got.append((key, value))

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        self.got.append((name, value, step))

    def progress(self, fraction: float, text: str = "") -> None:
        self.got.append(("progress", fraction, text))


def sent(*values: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(XCOM, {"key": f"k{n}", "value": value, "n": n}) for n, value in enumerate(values, 1)]


def digest(messages: list[tuple[str, dict[str, Any]]]) -> str:
    return hashlib.sha256(b"".join(json.dumps(data, sort_keys=True).encode() for _, data in messages)).hexdigest()


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_what_was_lost_is_noticed_and_fetched(order: list[int], lost: set[int]) -> None:
    all_sent = sent(*range(6))
    receiver = Receiver()
    messages = HouseMessages(receiver)
    for index in order:
        if index not in lost:
            messages.take({all_sent[index][0]: all_sent[index][1]})
    assert messages.agrees(6, digest(all_sent)) == (not lost)
    if lost:
        assert messages.replace([list(message) for message in all_sent]) == len(lost)
    assert messages.agrees(6, digest(all_sent))
    messages.deliver()
    assert receiver.got == [(f"k{n}", n - 1) for n in range(1, 7)]


def test_a_changed_value_does_not_agree() -> None:
    messages = HouseMessages(Receiver())
    messages.take({XCOM: {"key": "k1", "value": "other", "n": 1}})
    assert not messages.agrees(1, digest(sent("value")))


def test_progress_passes_at_once_and_metrics_at_the_end() -> None:
    receiver = Receiver()
    messages = HouseMessages(receiver)
    messages.take({METRIC: {"name": "loss", "value": 0.5, "step": 2, "n": 1}})
    messages.take({PROGRESS: {"fraction": 0.5, "text": "half", "n": 2}})
    assert receiver.got == [("progress", 0.5, "half")]
    messages.deliver()
    assert receiver.got[1:] == [("loss", 0.5, 2)]


def test_a_gap_in_the_numbers_counts_as_missing() -> None:
    messages = HouseMessages(Receiver())
    messages.take({XCOM: {"key": "k", "value": 1, "n": 3}})
    assert messages.missing == 2


def test_other_displays_are_no_messages() -> None:
    assert HouseMessages(Receiver()).take({"text/plain": "x", "image/png": "…"}) is None


@pytest.mark.parametrize(
    "bundle",
    [
        {XCOM: "text"},
        {XCOM: {"key": "k"}},
        {XCOM: {"key": 1, "value": 1}},
        {METRIC: {"name": "m", "value": "high"}},
        {METRIC: {"name": "m", "value": True}},
        {PROGRESS: {"fraction": None}},
    ],
)
def test_a_message_of_another_form_is_refused_with_a_sentence(bundle: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"message application/vnd\.jupyter-flow"):
        HouseMessages(Receiver()).take(bundle)
