"""What ``$JUPYTER_FLOW_FAULTS`` may say, and what its rules do."""

from __future__ import annotations

import errno

import pytest

from jupyter_flow.model import faultpoint
from jupyter_flow.wire.armed_faults import FAULTS_VARIABLE, Faults, faults_of


def armed(text: str) -> Faults:
    found = faults_of({FAULTS_VARIABLE: text}, "test")
    assert found is not None
    return found


def test_nothing_is_armed_without_the_variable() -> None:
    assert faults_of({}, "host") is None
    assert faults_of({FAULTS_VARIABLE: "  "}, "host") is None


def test_an_error_is_raised_at_the_hits_that_are_meant() -> None:
    faults = armed("turn.*=raise:ENOSPC@2-3; other.before_fork = delay:0")
    seen = []
    for name in ["turn.before_commit", "turn.after_commit", "clear.after_commit", "turn.before_commit", "turn.x"]:
        try:
            faults(name)
            seen.append(None)
        except OSError as error:
            seen.append(error.errno)
    assert seen == [None, errno.ENOSPC, None, errno.ENOSPC, None]


def test_every_hit_is_meant_without_a_number() -> None:
    faults = armed("a=raise:EIO")
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            faults("a")


@pytest.mark.parametrize(
    "text",
    [
        *("crash", "a=", "=crash", "a=explode", "a=crash:1", "a=delay", "a=delay:long", "a=delay:-1", "a=delay:nan"),
        *("a=raise", "a=raise:ENOSUCH", "a=crash@0", "a=crash@x", "a=crash@3-2", "a=crash@"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="JUPYTER_FLOW_FAULTS") as caught:
        armed(text)
    assert "\n" not in str(caught.value)
    assert text in str(caught.value)


def test_a_fault_point_asks_the_hook_of_its_process() -> None:
    heard: list[str] = []
    faultpoint.faultpoint("before")
    faultpoint.arm(heard.append)
    try:
        faultpoint.faultpoint("during")
    finally:
        faultpoint.arm(None)
    faultpoint.faultpoint("after")
    assert heard == ["during"]
