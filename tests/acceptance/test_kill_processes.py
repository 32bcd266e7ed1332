"""kill -9 of runners and the death of kernels: noticed at once, with their cause, and nothing is left."""

from __future__ import annotations

import os
import random
import signal

import pytest
from support.census import wait_until_gone
from support.hangs import TAG, strays, write_hangs
from support.houses import House
from support.kills import KERNEL_ENDS, kill_kernels, kill_runners
from support.waiting import wait_for


@pytest.mark.parametrize("kind", ["python", "bash", "notebook"])
def test_a_killed_runner_is_noticed_at_once_and_leaves_nothing(house: House, kind: str) -> None:
    found = kill_runners(house, 1, random.Random(1), [kind], patience=30)
    assert not found.faults, "\n".join(found.faults)
    assert max(found.seconds) < 20.0, found.seconds  # the board measures the promise, on a machine of its own


@pytest.mark.parametrize("kind", ["python", "notebook"])
def test_what_a_killed_runner_leaves_is_ended_without_a_host_too(house: House, kind: str) -> None:
    names = ["deaf", "nameless"]
    write_hangs(house, kind, names, None)
    house.start()
    house.trigger("hangs")
    wait_for(lambda: all((house.base / "flags" / name).exists() for name in names), "both work", 90)
    started = "select pid, id from attempt where pid is not null"
    wait_for(lambda: len(house.rows(started)) == 2, "both are recorded", 30)
    rows = house.rows(started)
    assert len(strays(house)) >= 2
    house.kill()
    for row in rows:
        os.kill(row["pid"], signal.SIGKILL)
    for row in rows:
        assert wait_until_gone(f"{TAG}={row['id']}", timeout=30) == []
    wait_for(lambda: not strays(house), lambda: f"nothing is left: {strays(house)}", 30)


def test_however_a_kernel_dies_its_task_names_the_cell_and_the_cause(house: House) -> None:
    found = kill_kernels(house, 2, random.Random(2), at_once=(len(KERNEL_ENDS) + 1) // 2)
    assert not found.faults, "\n".join(found.faults)
    assert max(found.seconds) < 30.0, found.seconds
