from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from support.flows import T0, at

from jupyter_flow.model.slots import Ready, SlotLimits, Usage
from jupyter_flow.scheduling.slots import pick

LIMITS = SlotLimits(parallelism=4, notebook_parallelism=1, pools={"default_pool": 128, "gpu": 2})


def ready(number: int, *, run: int = 1, weight: int = 1, notebook: bool = False, pool: str = "default_pool",
          slots: int = 1, active: int = 16, run_after: datetime = T0) -> Ready:  # fmt: skip
    return Ready(number, 1, run, 1, f"t{number}", -1, notebook, active, pool, slots, weight, run_after, T0)


def numbers(items: list[Ready]) -> list[int]:
    return [item.task_instance_id for item in items]


def test_heavier_then_older_then_first_come() -> None:
    asked = [ready(1), ready(2, weight=5), ready(3, run=2, run_after=at(-60)), ready(4)]
    assert numbers(pick(asked, Usage(), LIMITS).chosen) == [2, 3, 1, 4]


def test_parallelism_counts_what_runs_already() -> None:
    usage = Usage()
    usage.add(9, "default_pool", 3, False, 3)
    picked = pick([ready(1), ready(2)], usage, LIMITS)
    assert numbers(picked.chosen) == [1]
    assert str(picked.refused[0][1]) == "parallelism: 4 of 4 slots are in use"
    assert usage.total == 3


def test_notebooks_have_their_own_bound_and_let_others_pass() -> None:
    picked = pick([ready(1, notebook=True), ready(2, notebook=True), ready(3)], Usage(), LIMITS)
    assert numbers(picked.chosen) == [1, 3]
    assert str(picked.refused[0][1]) == "notebook_parallelism: 1 of 1 notebook slots are in use"


def test_max_active_tasks_counts_per_run() -> None:
    asked = [ready(1, active=1), ready(2, active=1), ready(3, run=2, active=1)]
    picked = pick(asked, Usage(), LIMITS)
    assert numbers(picked.chosen) == [1, 3]
    assert str(picked.refused[0][1]) == "max_active_tasks: 1 of 1 tasks of the DAG run are active"


def test_pools_count_slots() -> None:
    picked = pick([ready(1, pool="gpu", slots=2), ready(2, pool="gpu"), ready(3, pool="none")], Usage(), LIMITS)
    assert numbers(picked.chosen) == [1]
    assert [str(reason) for _, reason in picked.refused] == [
        "pool gpu: 2 of 2 slots are in use, 1 needed",
        "pool none does not exist: create it",
    ]


@given(
    st.lists(
        st.builds(
            lambda number, run, notebook, pool, slots, active: ready(
                number, run=run, notebook=notebook, pool=pool, slots=slots, active=active
            ),
            st.integers(1, 1000),
            st.integers(1, 3),
            st.booleans(),
            st.sampled_from(["default_pool", "gpu"]),
            st.integers(1, 2),
            st.integers(1, 3),
        )
    )
)
def test_no_limit_is_ever_exceeded(asked: list[Ready]) -> None:
    picked = pick(asked, Usage(), LIMITS)
    chosen = picked.chosen
    assert len(chosen) + len(picked.refused) == len(asked)
    assert len(chosen) <= LIMITS.parallelism
    assert sum(item.is_notebook for item in chosen) <= LIMITS.notebook_parallelism
    assert sum(item.pool_slots for item in chosen if item.pool == "gpu") <= 2
    for position, item in enumerate(chosen):
        earlier = chosen[:position]
        assert sum(other.dag_run_id == item.dag_run_id for other in earlier) < item.max_active_tasks
