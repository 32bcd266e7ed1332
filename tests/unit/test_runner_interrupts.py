"""The ladder that a runner climbs: when it interrupts, when it terminates, when it gives up."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_flow.authoring.runtime import NotebookRequest
from jupyter_flow.runner import interrupts as module
from jupyter_flow.runner.interrupts import HOOK_OVERTIME, Cause, Interrupted, Interrupts, TimeIsUp
from jupyter_flow.runner.notebook_task import NotebookTask

GRACE = 5.0


class Ladder:
    """Interrupts with a clock of their own: what happened, with the second at which it did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.alarm: float | None = None
        self.happened: list[tuple[float, str]] = []
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module.signal, "setitimer", self._set)
        monkeypatch.setattr(module.signal, "signal", lambda *_: None)
        self.interrupts = Interrupts(
            GRACE, self._note("gave up"), say=lambda text: None, terminate=self._note("terminated")
        )

    def _set(self, which: int, seconds: float) -> None:
        assert which == signal.ITIMER_REAL
        self.alarm = self.now + seconds if seconds else None

    def _note(self, word: str) -> Callable[..., None]:
        return lambda *_: self.happened.append((round(self.now - 100.0, 3), word))

    def call(self, action: Callable[[], Any]) -> None:
        """Do what a signal does; code that is interrupted swallows it."""
        try:
            action()
        except Interrupted as error:
            self._note(type(error).__name__)()

    def ring(self) -> bool:
        """Go on to the next alarm, if there is one."""
        if self.alarm is None:
            return False
        self.now, self.alarm = self.alarm, None
        self.call(self.interrupts._on_alarm)
        return True


def test_code_that_swallows_everything_is_given_up_after_two_graces(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(monkeypatch)
    ladder.call(ladder.interrupts._on_term)
    while ladder.ring():
        pass
    assert ladder.happened == [(0, "Interrupted"), (5, "terminated"), (5, "Interrupted"), (10, "gave up")]


def test_a_timeout_climbs_the_same_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(monkeypatch)
    ladder.interrupts.arm(3.0)
    while ladder.ring():
        pass
    assert ladder.happened == [(3, "TimeIsUp"), (8, "terminated"), (8, "TimeIsUp"), (13, "gave up")]
    assert issubclass(TimeIsUp, Interrupted)


def test_a_hook_is_told_once_and_has_time_to_save_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(monkeypatch)
    causes: list[Cause] = []
    with ladder.interrupts.hook(causes.append):
        ladder.call(ladder.interrupts._on_term)
        while ladder.ring():
            pass
    assert causes == ["cancel"]
    assert ladder.happened == [(2 * GRACE + HOOK_OVERTIME, "gave up")]


def test_a_hook_that_comes_late_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(monkeypatch)
    ladder.call(ladder.interrupts._on_term)
    causes: list[Cause] = []
    with ladder.interrupts.hook(causes.append):
        while ladder.ring():
            pass
    assert causes == ["cancel"]
    assert ladder.happened[-1] == (2 * GRACE + HOOK_OVERTIME, "gave up")


def test_what_is_left_over_shares_the_time_of_the_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(monkeypatch)
    assert ladder.interrupts.grace_left() == GRACE
    ladder.call(ladder.interrupts._on_term)
    for now, left in ((100.0, GRACE), (107.0, 3.0), (110.0, 0.0), (150.0, 0.0)):
        ladder.now = now
        assert ladder.interrupts.grace_left() == left


def test_an_interrupt_while_papermill_prepares_reaches_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("papermill")  # before our engine, which it loads itself
    ladder = Ladder(monkeypatch)
    heard: list[str] = []
    task = SimpleNamespace()

    def execute(*_: Any, **__: Any) -> None:
        ladder.call(ladder.interrupts._on_term)  # there is no run yet that could be told
        task.watch(SimpleNamespace(interrupt=heard.append))

    notebooks = NotebookTask(SimpleNamespace(resume=None), None, None, ladder.interrupts)  # type: ignore[arg-type]
    request = NotebookRequest(notebook="n.ipynb", parameters={})
    notebooks._papermill(execute, None, request, "python3", SimpleNamespace(language="python"), task, [])
    assert heard == ["cancel"]
