"""The host's loop in a world where nothing happens but what a test does: see ``tests/simulation``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from simulation.bench import Bench
from simulation.stage import Stage
from support.flows import ACTOR, chain, dag, task

from jupyter_flow.service import commands
from jupyter_flow.storage import database
from jupyter_flow.storage import host as stored_host


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    yield bench
    bench.close()


@pytest.fixture
def stage(bench: Bench) -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(count: int = 1, **more: object) -> Stage:
        stages.append(Stage(bench, chain(count, **more)))
        return stages[-1].__enter__()

    yield make
    for item in stages:
        item.__exit__(None, None, None)


def test_a_cleared_task_waits_until_its_running_attempt_has_ended(stage: Callable[..., Stage]) -> None:
    world = stage()
    world.trigger("r1")
    world.until(lambda: world.state("t0") == "running")
    world.ask(lambda house: commands.clear_task(house, ACTOR, "d", "r1", "t0"))
    assert world.state("t0") == "scheduled"
    assert world.living() == ["t0"]
    world.until(lambda: world.state("t0") == "success")
    assert world.outcomes() == ["stale", "success"]


def test_a_new_host_ends_the_attempt_of_a_cleared_task_before_it_starts_another(stage: Callable[..., Stage]) -> None:
    world = stage()
    world.trigger("r1")
    world.until(lambda: world.state("t0") == "running")
    world.host_down()
    world.ask_offline(lambda house: commands.clear_task(house, ACTOR, "d", "r1", "t0"))
    world.host_up()
    assert world.state("t0") == "scheduled"
    world.until(lambda: world.state("t0") == "success")
    assert world.outcomes() == ["stale", "success"]


def test_a_run_that_was_queued_before_the_clock_was_set_back_starts_when_its_time_has_come(
    stage: Callable[..., Stage],
) -> None:
    world = stage(max_active_runs=1)
    world.trigger("r1")
    world.pass_time(1.0)
    world.trigger("r2")
    world.machines[0].offset = -300.0
    world.until(lambda: world.run_state("r1") == "success")
    assert world.run_state("r2") == "queued"
    world.until(lambda: world.run_state("r2") == "success")


@pytest.mark.parametrize("homes", [[0], [0, 0]])
def test_a_retry_waits_as_long_as_was_meant_when_the_clock_is_set_back_by_years(bench: Bench, homes: list[int]) -> None:
    with Stage(bench, dag(task("t0", retries=1, retry_delay=60.0)), homes=homes) as world:
        world.fails.add(("t0", 1))
        world.set_clock(world.machines[0], 12 * 365 * 86400.0)
        world.trigger("r1")
        world.until(lambda: world.state("t0") == "up_for_retry")
        failed_at = world.now
        world.set_clock(world.machines[0], -12 * 365 * 86400.0)
        world.pass_time(50.0)
        assert world.state("t0") == "up_for_retry"
        world.until(lambda: world.state("t0") == "running", 30.0)
        assert world.now - failed_at >= 60.0


def test_a_host_that_could_not_write_its_heartbeat_goes_back_to_sleep(stage: Callable[..., Stage]) -> None:
    world = stage()
    world.pass_time(9.0)
    world.outage(2.0)
    steps = world.steps
    world.pass_time(60.0)
    assert "the last transaction failed" not in (world.hosts[0].stopping() or "")
    assert world.steps - steps < 20


def test_a_host_lives_on_when_it_cannot_tell_what_was_committed(stage: Callable[..., Stage]) -> None:
    world = stage()
    world.trigger("r1")
    host = world.hosts[0]
    host.house.committed = lambda before: world.outage(100.0)  # with the next commit the database goes away
    world.until(lambda: world.now < host.armed.outage_until)
    host.house.committed = lambda before: world.committed(host, before)
    world.pass_time(150.0)
    assert world.hosts == [host]
    world.until(lambda: world.run_state("r1") == "success")


def test_a_host_decides_nothing_by_what_another_host_has_changed_and_not_told(bench: Bench) -> None:
    spec = dag(task("a"), task("b"), task("c", "a", "b"), max_active_tasks=1)
    with Stage(bench, spec, homes=[0, 0]) as world:
        world.trigger("r1")
        world.until(lambda: world.state("b") == "running")
        world.until(lambda: world.living() == [])  # its report is on its way
        other = world.hosts[1]
        with world.inside(other):
            commands.clear_task(other.house, ACTOR, "d", "r1", "a", downstream=False)
        world.host_down()
        world.until(lambda: world.state("b") == "success")
        assert (world.state("a"), world.state("c")) == ("queued", "waiting")
        world.until(lambda: world.run_state("r1") == "success")


def test_an_end_that_waits_to_be_recorded_is_recorded_once_by_a_host_that_begins_anew(bench: Bench) -> None:
    with Stage(bench, chain(1), homes=[0, 1]) as world:
        world.trigger("r1")
        world.until(lambda: world.state("t0") == "running")
        world.outage(45.0)  # the other host, on another machine, declares this one ended meanwhile
        world.pass_time(50.0)
        assert world.state("t0") == "success"
        world.until(lambda: world.run_state("r1") == "success")
        assert world.outcomes() == ["success"]


def test_a_host_that_is_declared_ended_while_it_begins_anew_begins_once_more(bench: Bench) -> None:
    with Stage(bench, chain(1), homes=[0, 1]) as world:
        host = world.hosts[0]
        row, names = host.among.row, []

        def taken() -> str:
            del row.take_anew
            names.append(row.take_anew())
            with database.begin_write(host.house.engine) as connection:  # it stood still, and the other one looked
                stored_host.end_host(connection, names[0], host.clock.wall())
            return names[0]

        row.take_anew = taken
        world.outage(45.0)  # the other host, on another machine, declares this one ended meanwhile
        world.until(lambda: bool(names))
        world.pass_time(20.0)
        assert not host.among.must_begin_anew
        assert row.host_id not in names
        world.trigger("r1")
        world.until(lambda: world.run_state("r1") == "success")


def test_a_start_that_waits_to_be_recorded_may_stand_in_the_rows_when_a_host_begins_anew(bench: Bench) -> None:
    with Stage(bench, chain(1), homes=[0, 0]) as world:
        world.takes = 120.0
        world.trigger("r1")
        world.outage(45.0)  # the other host finds the process by its tag, and records its start
        world.until(lambda: world.state("t0") == "running")
        assert world.now < 45.0
        world.until(lambda: world.run_state("r1") == "success")
        assert world.outcomes() == ["success"]
        assert "IllegalTransition" not in "".join(world.trace)
