"""Counting what a kernel has sent and nobody has heard."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from jupyter_flow.runner.lost_messages import LostMessages

SESSION = "0b8f6a52-11aa22bb33cc_77"


def heard(numbers: Iterable[int], reply: int | None, request: str = "r", session: str = SESSION) -> LostMessages:
    lost = LostMessages()
    lost.begin("r")
    for number in numbers:
        lost.hear(message(number, request, session), is_iopub=True)
    if reply is not None:
        lost.hear(message(reply, request, session), is_iopub=False)
    return lost


def message(number: int, request: str, session: str = SESSION) -> dict[str, object]:
    return {"header": {"msg_id": f"{session}_{number}"}, "parent_header": {"msg_id": request}}


@pytest.mark.parametrize(
    ("numbers", "reply", "count"),
    [
        ([4, 5, 6, 7, 9], 8, 0),
        ([4, 5, 7, 9], 8, 1),
        ([4, 9], 8, 3),
        ([4, 5, 6], 9, 2),  # the last status is lost, too
        ([4, 6, 5, 8], 7, 0),  # threads overtake each other
        ([4, 5, 5, 7], 6, 0),  # two threads have counted at once
        ([], 8, 0),
    ],
)
def test_what_lies_between_the_first_sign_and_the_end_is_counted(
    numbers: list[int], reply: int | None, count: int
) -> None:
    assert heard(numbers, reply).count == count


def test_the_reply_may_be_read_before_the_outputs() -> None:
    lost = LostMessages()
    lost.begin("r")
    lost.hear(message(8, "r"), is_iopub=False)
    for number in (4, 5, 6, 7, 9):
        lost.hear(message(number, "r"), is_iopub=True)
    assert lost.count == 0


def test_others_messages_count_only_within_the_request() -> None:
    lost = LostMessages()
    lost.begin("r")
    lost.hear(message(1, "earlier"), is_iopub=True)
    lost.hear(message(4, "r"), is_iopub=True)
    lost.hear(message(5, "earlier"), is_iopub=True)  # a thread of an earlier cell
    lost.hear(message(3, "earlier"), is_iopub=False)
    lost.hear(message(6, "r"), is_iopub=True)
    assert lost.count == 0


@pytest.mark.parametrize("session", ["", "a-plain-name", "0b8f6a52-11aa22bb33cc"])
def test_kernels_that_do_not_number_their_messages_lose_nothing(session: str) -> None:
    assert heard([4, 9], 8, session=session).count == 0
    lost = LostMessages()
    lost.begin("r")
    lost.hear({}, is_iopub=True)
    assert lost.count == 0
