"""Tasks that do not end by themselves are ended: in time, with all that they started, and their records say how."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.hangs import KINDS, HangEnd, play, strays
from support.houses import House
from support.waiting import is_crowded, wait_for

GRACE = 1.0
LONGEST = 2 * GRACE + 5.0
"""Seconds that the ladder may take at most; the rest of the 15 of the promise is for a slow machine."""
NOTEBOOKS = (("loop", "swallow", "c_sleep", "holding", "read"), ("stopped", "bomb", "deaf", "hopping", "nameless"))
WORDS = ("interrupted", "SIGTERM", "SIGKILL")
HOST_ENDS = {"runner_stopped"}
"""Hangs that a runner cannot end itself, by timeout."""


def check(ends: list[HangEnd], state: str, reason: str) -> None:
    wrong = [end for end in ends if (end.state, end.reason) != (state, reason)]
    assert not wrong, wrong
    late = {end.name: end.seconds for end in ends if end.seconds > 15.0}
    assert not late, late
    assert not [end for end in ends if end.survivors]
    silent = [end for end in ends if not any(word in end.log for word in WORDS)]
    assert not silent, silent


@pytest.mark.parametrize("kind", ["python", "bash"])
def test_what_hangs_is_ended_at_its_timeout(house: House, kind: str) -> None:
    ends = play(house, kind, list(KINDS[kind]), timeout=2.0, patience=LONGEST)
    check(ends, "failed", "timeout: not finished after 2 s")
    wait_for(lambda: not strays(house), lambda: f"nothing is left: {strays(house)}", 30)
    for end in ends:
        # on a crowded machine the house may come before a runner that is at it
        is_late = is_crowded() and "execution_timeout is over" in end.log
        assert ("killed by the house" in end.log) == (end.name in HOST_ENDS) or is_late, end


@pytest.mark.parametrize("kind", ["python", "bash"])
def test_what_hangs_is_ended_when_it_is_cancelled(house: House, kind: str) -> None:
    ends = play(house, kind, list(KINDS[kind]), timeout=None, patience=LONGEST)
    check(ends, "cancelled", "cancelled by test")
    wait_for(lambda: not strays(house), lambda: f"nothing is left: {strays(house)}", 30)


@pytest.mark.parametrize("names", NOTEBOOKS, ids=["by code", "by processes"])
@pytest.mark.parametrize("way", ["timeout", "cancel"])
def test_notebooks_that_hang_are_ended_and_saved(houses: Callable[[], House], way: str, names: tuple[str, ...]) -> None:
    for timeout in (8.0, 40.0) if way == "timeout" else (None,):
        house = houses()
        ends = play(house, "notebook", names, timeout=timeout, patience=LONGEST)
        if all(end.reached for end in ends):  # else the machine was too slow: more time
            break
        house.close()
    if way == "timeout":
        check(ends, "failed", f"timeout: not finished after {timeout:g} s")
    else:
        check(ends, "cancelled", "cancelled by test")
    marks = {end.name: (end.cells, end.failing_cell) for end in ends}
    assert marks == dict.fromkeys(names, (("completed", "failed", "pending"), 1))
    wait_for(lambda: not strays(house), lambda: f"nothing is left: {strays(house)}", 30)
