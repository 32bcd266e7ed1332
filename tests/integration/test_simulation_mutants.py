"""Named faults of the product, one after the other: the worlds of a few seeds must find each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from simulation.bench import Bench
from simulation.mutants import MOST_SEEDS, MUTANTS, SEEN_AT, caught
from simulation.staged import STAGE, STAGED
from simulation.world import World

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    yield bench
    bench.close()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(bench: Bench, name: str) -> None:
    # where it was found before, first: the schedules of all seeds change with the product
    found = caught(bench, name, [SEEN_AT.get(name, 0), *range(MOST_SEEDS)])
    assert found is not None, f"{name}: not found by {MOST_SEEDS} seeds"
    seed, _ = found
    if seed == STAGE:
        STAGED[name](bench)
    else:
        World(bench, seed).run()  # without the fault the same schedule is right


def test_there_are_as_many_mutants_as_are_promised() -> None:
    assert len(MUTANTS) >= 20
    assert MUTANTS.keys() >= SEEN_AT.keys() | STAGED.keys()
