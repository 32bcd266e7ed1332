"""R13, small: a clock that walks about makes no run twice and calls nothing dead; the walk notices what would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from simulation.bench import Bench
from simulation.clock_walk import ClockWalk
from simulation.host import SimulatedClock

from jupyter_flow.service.due import ClockWatch

pytestmark = pytest.mark.timeout(120)
STEPS = 25


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    yield bench
    bench.close()


def walk(bench: Bench, seed: int, settle: float = 2700.0) -> list[str]:
    with ClockWalk(bench, seed) as world:
        found = world.go(STEPS, settle)
    assert found.attempts > 20
    return found.wrong


def test_r13_a_clock_that_walks_about_makes_no_run_twice_and_nothing_dead(bench: Bench) -> None:
    assert walk(bench, 1) == []


def _unnoticed(self: ClockWatch, now: Any) -> bool:
    return False


def _of_the_day(self: SimulatedClock) -> float:
    return self.wall().timestamp()


@pytest.mark.parametrize(
    ("where", "name", "value", "says"),
    [
        (ClockWatch, "look", _unnoticed, "no run"),
        (SimulatedClock, "monotonic", _of_the_day, "ended as"),
    ],
    ids=["a clock that is set back unnoticed", "deadlines by the time of day"],
)
def test_the_walk_finds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: type, name: str, value: Callable[..., Any], says: str
) -> None:
    monkeypatch.setattr(where, name, value)
    assert says in "; ".join(walk(bench, 1))
