"""Stages for faults that chance hardly ever shows: something else has to go wrong at the same instant."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from unittest.mock import patch

from support.flows import ACTOR, chain, dag, task

from jupyter_flow.service import commands
from jupyter_flow.storage import attempts, edits

from .bench import Bench
from .faults import Violation, database_error
from .host import BEGAN
from .stage import Stage


def a_run_is_cleared_and_no_word_left(bench: Bench) -> None:
    """Another host clears a run, and its holder does not read that before it retries a task of it.

    It must find out by the version of the row.
    """
    spec = dag(task("t0"), task("t1", "t0", retries=1, retry_delay=30.0))
    with Stage(bench, spec, homes=[0, 0]) as world:
        world.fails.add(("t1", 1))
        world.trigger("r1")
        world.until(lambda: world.state("t1") == "up_for_retry")
        query = "SELECT check_at FROM task_instance WHERE task_id = 't1'"
        due = datetime.fromisoformat(bench.raw.execute(query).fetchone()[0]).replace(tzinfo=BEGAN.tzinfo)
        world.pass_time((due - world.instant()).total_seconds() - 0.05)
        other = world.hosts[1]
        with world.inside(other), patch.object(edits, "look_again", lambda *given: None):
            commands.clear_run(other.house, ACTOR, "d", "r1")
        world.pass_time(0.2)  # the retry is due, and decided by what is not so any more
        world.until(lambda: world.run_state("r1") == "success")
        world.checker.at_the_end()


def a_turn_fails_at_its_end(bench: Bench) -> None:
    """All that a turn has decided is rolled back: the host must not believe it."""
    with Stage(bench, chain(2)) as world:
        world.trigger("r1")
        world.until(lambda: world.state("t0") == "running")
        desk = world.hosts[0].desk

        def transact(*given: Any) -> None:
            del desk._transact
            desk._transact(*given)
            raise database_error("simulated", "SQLITE_FULL")

        world.until(lambda: not world.living())
        desk._transact = transact
        world.until(lambda: world.run_state("r1") == "success")
        world.checker.at_the_end()


def attempt_in_doubt_forgotten(stack: ExitStack) -> None:
    """What was perhaps claimed, and then cleared before anybody knew, is not ended."""
    original = attempts.which_are_open

    def current(connection: Any, attempt_ids: Any) -> dict[str, bool]:
        return {name: True for name, is_current in original(connection, attempt_ids).items() if is_current}

    stack.enter_context(patch.object(attempts, "which_are_open", current))


def a_task_is_cleared_while_its_claim_is_in_doubt(bench: Bench) -> None:
    """The commit of a claim is not answered, and somebody clears the task before its host looks: nothing is started,
    and the attempt has to be ended, or its task waits for that for ever.
    """
    with Stage(bench, chain(1)) as world:
        host = world.hosts[0]

        def committed(before: int) -> None:
            world.committed(host, before)
            if world.state("t0") == "queued":
                host.house.committed = lambda before: world.committed(host, before)
                world.ask_offline(lambda house: commands.clear_task(house, ACTOR, "d", "r1", "t0"))
                host.armed.lost_answer_in = 1

        host.house.committed = committed
        world.trigger("r1")
        if world.state("t0") != "waiting":
            raise Violation(f"t0 is {world.state('t0')}, it was cleared")
        world.pass_time(600.0)
        world.checker.at_the_end()


STAGED: dict[str, Callable[[Bench], None]] = {
    "no_compare_and_swap_on_row_version": a_run_is_cleared_and_no_word_left,
    "memory_kept_after_a_failed_transaction": a_turn_fails_at_its_end,
    "attempt_in_doubt_forgotten": a_task_is_cleared_while_its_claim_is_in_doubt,
}
"""Mutant -> the stage on which it is found."""
STAGE = -1
"""Stands for the seed where a stage has found a mutant."""
