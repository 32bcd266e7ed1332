"""The queue of what is ready gives out slots exactly as picking from a plain list does, whatever happened before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from support.flows import at, dag, run_row, task, task_row

from jupyter_flow.model.resource_groups import ResourceGroup
from jupyter_flow.model.slots import Ready, SlotLimits, Usage
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.ready_queue import ReadyQueue
from jupyter_flow.scheduling.slots import pick
from jupyter_flow.scheduling.snapshot import RunSnapshot

TASKS = 6
STATES = [TaskState.SCHEDULED, TaskState.SCHEDULED, TaskState.QUEUED, TaskState.WAITING, TaskState.SUCCESS]
HOST_BOUNDS = {"parallelism", "notebook_parallelism", "queue_full", "resource_group_full"}
PREFERRED = {"fast": 3}


def spec_of(chance: Random, number: int) -> DagSpec:
    tasks = [
        task(
            f"t{n}",
            operator_ref=chance.choice([None, "x:NotebookOperator"]),
            pool=chance.choice(["default_pool", "small", "none"]),
            pool_slots=chance.randint(1, 2),
            priority_weight=chance.randint(1, 3),
            queue=chance.choice(["default", "default", "own"]),
            max_active_tis_per_dag=chance.choice([None, None, 1, 2]),
            max_active_tis_per_dagrun=chance.choice([None, None, 1]),
            resource_group=(group := chance.choice(["", "", "fast", "slow"])),
            resources={"CPU": chance.choice([1.0, 2.0])} if group else {},
            is_teardown=chance.choice([False, False, True]),
        )
        for n in range(TASKS)
    ]
    return dag(*tasks, dag_id=f"d{number % 2}", max_active_tasks=chance.choice([1, 2, 16]))


def limits(chance: Random) -> SlotLimits:
    return SlotLimits(
        parallelism=chance.randint(0, 8),
        notebook_parallelism=chance.randint(0, 3),
        pools={"default_pool": chance.choice([-1, 2, 8]), "small": chance.randint(0, 3)},
        queues=chance.choice([{}, {"own": 1}, {"own": 3, "default": 4}]),
        groups=chance.choice([{}, {"fast": ResourceGroup(slots=2, cpu=3.0), "slow": ResourceGroup(cpu=2.0)}]),
    )


class Runs:
    """Some runs with what is active in them, followed by a queue."""

    def __init__(self, found: Iterable[DagSpec]) -> None:
        self.snapshots = [
            RunSnapshot(
                run_row(id=number + 1, dag_id=spec.dag_id, run_after=at(-60 * (number % 3))),
                spec,
                [
                    task_row(item, 100 * number + n, dag_run_id=number + 1, dag_id=spec.dag_id)
                    for n, item in enumerate(spec.tasks)
                ],
            )
            for number, spec in enumerate(found)
        ]
        self.queue = ReadyQueue(PREFERRED)
        self.follow()

    def follow(self) -> None:
        for snapshot in self.snapshots:
            self.queue.take_in(snapshot)

    def move(self, number: int, task_number: int, state: TaskState, scheduled: int) -> None:
        snapshot = self.snapshots[number % len(self.snapshots)]
        row = snapshot.task((f"t{task_number}", -1))
        changed = replace(row, state=state, row_version=row.row_version + 1, scheduled_at=at(scheduled))
        snapshot.update_tasks([changed])

    def turn(self, number: int, to: str) -> None:
        """Change a run as a whole: it stops, is to stop, or is read anew."""
        index = number % len(self.snapshots)
        snapshot = self.snapshots[index]
        if to == "read":
            self.snapshots[index] = RunSnapshot(snapshot.run, snapshot.spec, snapshot.tasks.values())
            return
        changes = {"stop": {"cancel_requested_at": at(0)}, "end": {"state": RunState.FAILED}, "go": {}}[to]
        run = replace(snapshot.run, cancel_requested_at=None, state=RunState.RUNNING)
        snapshot.update_run(replace(run, row_version=run.row_version + 1, **changes))  # type: ignore[arg-type]

    def usage(self) -> Usage:
        used = Usage()
        for snapshot in self.snapshots:
            for row in snapshot.active():
                used._count(snapshot._ask(row, snapshot.specs[row.task_id]), 1)
        return used

    def ready(self) -> list[Ready]:
        found = [item for snapshot in self.snapshots for item in snapshot.ready()]
        return [
            replace(item, priority_weight=item.priority_weight + PREFERRED.get(item.resource_group, 0))
            for item in found
        ]


def change_something(runs: Runs, chance: Random) -> None:
    for _ in range(chance.randint(0, 40)):
        if chance.random() < 0.1:
            runs.turn(chance.randint(0, 3), chance.choice(["read", "stop", "end", "go"]))
        else:
            runs.move(chance.randint(0, 3), chance.randrange(TASKS), chance.choice(STATES), chance.randint(0, 2))


@pytest.mark.parametrize("seed", range(150))
def test_it_chooses_what_picking_from_all_would(seed: int) -> None:
    chance = Random(seed)
    runs = Runs([spec_of(chance, number) for number in range(chance.randint(1, 4))])
    for _ in range(4):
        change_something(runs, chance)
        limit = limits(chance)
        runs.follow()
        used = runs.usage()
        before = used.copy()
        found, expected = runs.queue.pick(used, limit), pick(runs.ready(), used, limit)
        assert found.ready == expected.chosen
        assert used == before
        assert len(runs.queue) == len(runs.ready())
        told = found.refused & HOST_BOUNDS
        assert told <= {reason.code for _, reason in expected.refused}
        after = used.copy()
        for item in found.ready:
            assert after.take(item, limit) is None
        by_host = [item for item, reason in expected.refused if reason.code in HOST_BOUNDS]
        others = [
            [reason for reason in after.refusals(item, limit) if reason.code not in HOST_BOUNDS] for item in by_host
        ]
        assert told or all(others)  # nothing waits for slots of the host alone
        only = {1, 3}
        chosen = pick([item for item in runs.ready() if item.dag_run_id in only], used, limit).chosen
        assert runs.queue.pick(used, limit, only).ready == chosen


def test_a_run_that_is_dropped_asks_for_nothing() -> None:
    runs = Runs([dag(task("t0")), dag(task("t0"))])
    for number in (0, 1):
        runs.move(number, 0, TaskState.SCHEDULED, 0)
    runs.follow()
    free = SlotLimits(pools={"default_pool": 9})
    assert [item.dag_run_id for item in runs.queue.pick(Usage(), free).ready] == [2, 1]
    runs.queue.drop(2)
    runs.queue.drop(2)
    assert [item.dag_run_id for item in runs.queue.pick(Usage(), free).ready] == [1]
    assert len(runs.queue) == 1


def test_a_claim_looks_at_few_of_many_that_wait() -> None:
    spec = dag(*(task(f"t{n}", pool="full" if n % 2 else "default_pool") for n in range(500)), max_active_tasks=3)
    runs = Runs([spec] * 6)
    for number in range(6):
        for n in range(500):
            runs.move(number, n, TaskState.SCHEDULED, n)
    runs.follow()
    asked = 0

    class Counting(Usage):
        def take(self, ready: Ready, limits: SlotLimits):  # type: ignore[no-untyped-def]
            nonlocal asked
            asked += 1
            return super().take(ready, limits)

        def copy(self) -> Usage:
            return Counting(**vars(super().copy()))

    chosen = runs.queue.pick(Counting(), SlotLimits(parallelism=10, pools={"default_pool": 100, "full": 0})).ready
    assert len(chosen) == 10
    assert asked < 40
