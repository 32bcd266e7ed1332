"""Some worlds of the deterministic simulation: no violation, and each is the same whenever it is made."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulation.bench import Bench
from simulation.faults import Violation
from simulation.world import World, failing_story

TESTS = Path(__file__).resolve().parents[1]
SECONDS = 12.0
MOST, LEAST = 60, 10
"""How many worlds: as many as there is time for, and at least these."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    yield bench
    bench.close()


def test_no_world_sees_what_must_not_be(bench: Bench) -> None:
    until = time.monotonic() + SECONDS
    shapes, stories = set(), ""
    for seed in range(MOST):
        world = World(bench, seed)
        try:
            world.run()
        except Violation as violation:
            pytest.fail(failing_story(world, violation))
        shapes.add((len(world.homes), len(world.machines)))
        stories += "\n".join(world.trace)
        if seed + 1 >= LEAST and time.monotonic() > until:
            break
    # worlds in which nothing goes wrong would find nothing
    assert len(shapes) >= 3, "one home, several homes on one machine, and on two"
    for word in ("is killed", "stands still", "makes no sound", "hears", "clock is set", ">up_for_retry", "infra"):
        assert word in stories, word


def test_a_world_is_the_same_in_every_process() -> None:
    command = [sys.executable, "-m", "simulation", "5", "3"]
    found = []
    for hash_seed in ("1", "2"):  # sets and dicts of texts have another order then
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
        found.append(subprocess.Popen(command, cwd=TESTS, env=environment, stdout=subprocess.PIPE, text=True))
    told = [process.communicate(timeout=100)[0] for process in found]
    assert [process.returncode for process in found] == [0, 0], told
    assert len({text.rpartition("digest ")[2] for text in told}) == 1
