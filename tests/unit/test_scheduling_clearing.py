from __future__ import annotations

from support.flows import dag, task, task_row
from support.random_dags import KEY

from jupyter_flow.model.rows import TaskInstance
from jupyter_flow.model.spec import GroupSpec
from jupyter_flow.model.state import TaskState
from jupyter_flow.scheduling.clearing import named_instances, to_clear
from jupyter_flow.scheduling.topology import Topology

S = TaskState
OVER_A = {"kind": "product", "inputs": {"x": {"xcom": ["a", KEY]}}}
SPEC = dag(
    task("a"),
    task("g.up", "a", group="g", is_setup=True),
    task("g.x", "g.up", group="g"),
    task("g.down", "g.x", "g.up", group="g", rule="all_done_setup_success", is_teardown=True),
    task("end", "g.x"),
    groups=(GroupSpec("g", expand=OVER_A),),
)
ROWS = [
    task_row(spec, number * 10 + index, S.SUCCESS, map_index=index)
    for number, spec in enumerate(SPEC.tasks)
    for index in ((0, 1, 2) if spec.group else (-1,))
]


def cleared(*keys: tuple[str, int], downstream: bool = True, rows: list[TaskInstance] = ROWS) -> str:
    found = to_clear(Topology(SPEC), rows, keys, downstream)
    return " ".join(name if index < 0 else f"{name}[{index}]" for name, index in found)


def test_one_instance_takes_its_own_index_along_and_what_is_outside_as_a_whole() -> None:
    assert cleared(("g.x", 1)) == "end g.down[1] g.up[1] g.x[1]"


def test_alone_it_takes_its_setup_and_teardown_only() -> None:
    assert cleared(("g.x", 1), downstream=False) == "g.down[1] g.up[1] g.x[1]"


def test_what_is_mapped_over_takes_all_instances_along() -> None:
    assert cleared(("a", -1)) == "a end " + " ".join(f"g.{name}[{i}]" for name in ("down", "up", "x") for i in range(3))


def test_what_has_not_ended_is_left_alone() -> None:
    rows = [row if row.task_id != "end" else task_row(SPEC.task("end"), 40, S.WAITING) for row in ROWS]
    assert cleared(("g.x", 1), rows=rows) == "g.down[1] g.up[1] g.x[1]"


def test_a_mapped_task_without_an_index_means_all_that_are_left() -> None:
    gone = [task_row(SPEC.task("g.x"), 99, S.REMOVED, map_index=3)]
    assert [row.map_index for row in named_instances([*ROWS, *gone], "g.x", -1)] == [0, 1, 2]
    assert [row.map_index for row in named_instances(ROWS, "g.x", 2)] == [2]
    assert named_instances(ROWS, "g.x", 7) == []
    assert named_instances(ROWS, "a", 0) == []
