"""Hosts, forkservers and runners killed in any order, and a newer version after them: nothing is lost or run twice."""

from __future__ import annotations

import pytest
from support import journal
from support.houses import House
from support.orders import NEWER, OPTIONS, all_orders, forkservers, newer_package, play
from support.waiting import wait_for

CHOSEN = (
    (("runners", "host"), ("host", "kernels", "runner")),
    (("kernels", "newer"), ("runner", "host", "runners")),
    (("host", "runners", "kernels"), ("newer", "runner")),
)
"""Of all orders of two or three; ``tests/chaos/board_r04.py`` plays more of them."""


@pytest.mark.parametrize("orders", CHOSEN, ids=lambda orders: " ".join("-".join(order) for order in orders))
def test_what_runs_goes_on_whoever_is_killed(house: House, orders: tuple[tuple[str, ...], ...]) -> None:
    assert all(order in all_orders() for order in orders)
    journal.write_tasks(house)
    house.start(*OPTIONS)
    faults = [fault for number, order in enumerate(orders) for fault in play(house, order, number)]
    assert not faults, "\n".join(faults)


def test_a_newer_host_starts_nothing_in_the_forkservers_of_an_older_one(house: House) -> None:
    journal.write_tasks(house)
    house.start(*OPTIONS)
    older = house.trigger("journal", conf={"run_name": "older"})["run_id"]
    wait_for(lambda: len(journal.entries(house, "older")) == 3, "all three run", 90)
    (light,) = [pid for pid in forkservers(house, "runner.forkserver") if "light" in command(pid)]
    house.kill()
    house.start(*OPTIONS, env={"PYTHONPATH": str(newer_package(house))})
    assert house.call("host.status")["host"]["version"] == NEWER
    newer = house.trigger("journal", conf={"run_name": "newer"})["run_id"]
    journal.open_gate(house, "newer")
    assert house.wait_for_run("journal", newer)["state"] == "success"
    (python,) = [entry for entry in journal.entries(house, "newer") if (entry.word, entry.name) == ("start", "python")]
    assert python.source.startswith(str(newer_package(house)))
    assert light in forkservers(house, "runner.forkserver"), "the older one stays as long as it has a child"
    journal.open_gate(house, "older")
    assert house.wait_for_run("journal", older)["state"] == "success"
    assert journal.words(house, "older", "python") == ["start", "end"]
    wait_for(lambda: light not in forkservers(house, "runner.forkserver"), "it ends after its last child", 30)


def command(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode()
