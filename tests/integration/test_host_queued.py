"""What people ask of a task that was claimed and has not started yet: it is treated as a running one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from simulation.bench import Bench
from simulation.faults import Crash
from simulation.stage import Stage
from simulation.staged import a_task_is_cleared_while_its_claim_is_in_doubt
from support.flows import ACTOR, chain, dag, task

from jupyter_flow.service import commands


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    yield bench
    bench.close()


def clear(house: object) -> None:
    commands.clear_task(house, ACTOR, "d", "r1", "t0")


def clear_all(house: object) -> None:
    commands.clear_run(house, ACTOR, "d", "r1")


def queue(world: Stage) -> None:
    """Come to the instant at which t0 is claimed, and its process has not begun."""
    world.trigger("r1")
    world.until(lambda: world.state("t0") == "queued")
    assert not world.living()


def is_over(world: Stage, states: list[str], outcomes: list[str]) -> None:
    world.until(lambda: world.run_state("r1") in ("success", "failed", "cancelled"))
    world.pass_time(30.0)
    assert not world.living()
    assert [world.state(item.task_id) for item in world.specs["d"].tasks] == states
    assert world.outcomes() == outcomes
    world.checker.at_the_end()


@pytest.mark.parametrize("ask", [clear, clear_all])
def test_a_task_that_is_about_to_start_can_be_cleared(bench: Bench, ask: Callable[[object], None]) -> None:
    with Stage(bench, chain(1)) as world:
        queue(world)
        world.ask(ask)
        assert world.state("t0") == "scheduled"  # its first attempt is not seen to have ended yet
        is_over(world, ["success"], ["lost", "success"])
        assert world.tries() == [(1, 1), (2, 2)]


def test_a_cleared_task_whose_start_is_on_its_way_is_ended(bench: Bench) -> None:
    with Stage(bench, chain(1)) as world:
        queue(world)
        world.until(lambda: world.living() == ["t0"])
        assert world.state("t0") == "queued"  # nobody has told the host
        world.ask(clear)
        assert world.state("t0") == "scheduled"
        is_over(world, ["success"], ["stale", "success"])


@pytest.mark.parametrize(("state", "outcome"), [("success", "success"), ("failed", "failed"), ("skipped", "success")])
def test_a_task_that_is_about_to_start_can_be_marked(bench: Bench, state: str, outcome: str) -> None:
    with Stage(bench, dag(task("t0"))) as world:
        queue(world)
        world.ask(lambda house: commands.mark_task(house, ACTOR, "d", "r1", "t0", state))
        assert world.state("t0") == state
        is_over(world, [state], ["lost"])
        assert world.run_state("r1") == outcome


def test_a_run_whose_task_is_about_to_start_can_be_cancelled(bench: Bench) -> None:
    with Stage(bench, chain(2)) as world:
        queue(world)
        world.ask(lambda house: commands.cancel_run(house, ACTOR, "d", "r1"))
        is_over(world, ["cancelled", "cancelled"], ["cancelled"])


def test_a_task_is_cleared_after_its_host_was_killed_right_after_the_claim(bench: Bench) -> None:
    with Stage(bench, chain(1)) as world:
        host = world.hosts[0]

        def crash(before: object) -> None:
            world.committed(host, before)
            if world.state("t0") == "queued":
                raise Crash("after the claim")

        host.house.committed = crash
        world.trigger("r1")
        world.until(lambda: host.is_dead)
        world._queue = [item for item in world._queue if item[3] != "a host starts"]
        world.ask_offline(clear)
        world.host_up()
        is_over(world, ["success"], ["lost", "success"])


def test_a_task_is_cleared_while_its_host_does_not_know_whether_it_was_claimed(bench: Bench) -> None:
    a_task_is_cleared_while_its_claim_is_in_doubt(bench)


def test_another_host_clears_a_task_that_is_about_to_start(bench: Bench) -> None:
    with Stage(bench, chain(1), homes=[0, 0]) as world:
        queue(world)
        (holder,) = bench.raw.execute("SELECT held_by FROM dag_run").fetchone()
        other = next(item for item in world.hosts if item.desk.host_id != holder)
        with world.inside(other):
            clear(other.house)
            other._commanded = True
            other.work()
        world.after_work(other)
        is_over(world, ["success"], ["stale", "success"])  # it had begun before its host heard of it
