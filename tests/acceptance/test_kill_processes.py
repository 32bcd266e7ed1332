"""kill -9 of runners and the death of kernels: noticed at once, with their cause, and nothing is left."""

from __future__ import annotations

import random

import pytest
from support.houses import House
from support.kills import KERNEL_ENDS, kill_kernels, kill_runners


@pytest.mark.parametrize("kind", ["python", "bash", "notebook"])
def test_a_killed_runner_is_noticed_at_once_and_leaves_nothing(house: House, kind: str) -> None:
    found = kill_runners(house, 1, random.Random(1), [kind])
    assert not found.faults, "\n".join(found.faults)
    assert max(found.seconds) < 5.0, found.seconds  # the board measures the promise, on a machine of its own


def test_however_a_kernel_dies_its_task_names_the_cell_and_the_cause(house: House) -> None:
    found = kill_kernels(house, 2, random.Random(2), at_once=(len(KERNEL_ENDS) + 1) // 2)
    assert not found.faults, "\n".join(found.faults)
    assert max(found.seconds) < 10.0, found.seconds
