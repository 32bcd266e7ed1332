"""The capacity model behind docs/scaling.md, on days whose outcome can be told by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def model() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import capacity_model
    finally:
        sys.path.remove(str(BENCHMARKS))
    return capacity_model


def test_nothing_waits_below_the_rate_of_starts(model: Any) -> None:
    day = model.simulate([9] * model.DAY, 10)
    assert (day.p50, day.p99) == (0, 0)
    assert day.busy == pytest.approx(0.9)


def test_a_burst_drains_at_the_rate_of_starts(model: Any) -> None:
    due = [0] * model.DAY
    due[100] = 1000
    day = model.simulate(due, 10)
    assert day.longest == 1000
    assert (day.p50, day.p99) == (pytest.approx(50, abs=2), pytest.approx(99, abs=2))


def test_what_is_due_is_the_load(model: Any) -> None:
    load = model.Load(dags=100, tasks=5_000)
    due = model.arrivals(load)
    assert sum(due) == 5_000
    assert sum(due[:3600]) > 3 * sum(due[3600 * 5 : 3600 * 6])  # midnight


def test_more_hosts_wait_less(model: Any) -> None:
    table = model.waits_table((5, 50), {"x": model.Load(dags=1_000, tasks=100_000)})
    rows = [line.split("|")[2].split(",")[1].strip() for line in table.splitlines()[2:]]
    assert rows[0].endswith("min")
    assert rows[1].endswith("s")


def test_a_spike_takes_the_way_of_one_and_the_rate_of_the_rest(model: Any) -> None:
    """Half a second for the first, a tenth for each further one: the way to go is not counted twice."""
    assert model.spike_seconds(0.5, 0.5 + 9 * 0.1, 10, 21) == pytest.approx(0.5 + 20 * 0.1)
    assert model.spike_seconds(0.5, 1.4, 10, 10) == pytest.approx(1.4)
