"""Random DAGs for properties: all trigger rules, branches, mapped tasks and groups, setups and teardowns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from jupyter_flow.model.rows import TaskInstance
from jupyter_flow.model.spec import DagSpec, GroupSpec, TaskSpec
from jupyter_flow.model.state import TaskState
from jupyter_flow.scheduling.trigger_rules import RULES

from .flows import EMPTY, dag, task

GROUP = "g"
KEY = "return_value"


@st.composite
def dags(draw: st.DrawFn, largest: int = 9) -> DagSpec:
    """Return a DAG of up to ``largest`` tasks ``t0``…; some are mapped over a task or a constant."""
    tasks: list[TaskSpec] = []
    group = draw(st.sampled_from([None, None, {"const": 2}, {"xcom": ["t0", KEY]}]))
    for number in range(draw(st.integers(1, largest))):
        names = [item.task_id for item in tasks]
        upstream = draw(st.lists(st.sampled_from(names), unique=True, max_size=4)) if names else []
        spec = task(f"t{number}", *upstream, rule=draw(st.sampled_from(sorted(RULES))))
        tasks.append(_shaped(draw, spec, tasks, group))
    groups = (GroupSpec(GROUP, expand=_over(group)),) if group is not None else ()
    fail_fast = draw(st.integers(0, 5)) == 0
    return dag(*tasks, groups=groups, fail_fast=fail_fast, dagrun_timeout=draw(st.sampled_from([None, None, 60.0])))


def _shaped(draw: st.DrawFn, spec: TaskSpec, before: list[TaskSpec], group: Any) -> TaskSpec:
    kinds = ["plain", "plain", "empty", "mapped", "group" if group is not None else "mapped", "setup", "teardown"]
    kind = draw(st.sampled_from([*kinds, "group"]))
    if kind == "empty":
        return replace(spec, operator_ref=EMPTY)
    if kind == "setup":
        return replace(spec, is_setup=True)
    if kind == "teardown":
        setups = [item.task_id for item in before if item.is_setup]
        named = tuple(dict.fromkeys([*spec.upstream, *draw(st.lists(st.sampled_from(setups)))])) if setups else ()
        rule = draw(st.sampled_from(["all_done_setup_success", spec.trigger_rule]))
        fails = draw(st.booleans())
        return replace(
            spec, upstream=named or spec.upstream, trigger_rule=rule, is_teardown=True, on_failure_fail_dagrun=fails
        )
    if kind == "group" and group is not None and spec.task_id != "t0":
        upstream = spec.upstream if "const" in group else tuple(dict.fromkeys([*spec.upstream, "t0"]))
        return replace(spec, group=GROUP, upstream=upstream)
    if kind == "mapped" and before:
        source = draw(st.sampled_from([None, *(item.task_id for item in before)]))
        if source is None:
            return replace(spec, expand=_over({"const": draw(st.integers(0, 3))}))
        upstream = tuple(dict.fromkeys([*spec.upstream, source]))
        return replace(spec, upstream=upstream, expand=_over({"xcom": [source, KEY]}))
    return spec


def _over(length: Any) -> dict[str, Any]:
    return {"kind": "product", "inputs": {"x": length}}


def follows(spec: DagSpec, task_id: str) -> st.SearchStrategy[dict[str, Any] | None]:
    """Return what a task may say that it lets go on: mostly nothing special."""
    below = spec.downstream()[task_id]
    choices = st.lists(st.sampled_from([*below, GROUP]), unique=True) if below else st.just([])
    return st.one_of(
        st.none(),
        st.none(),
        st.builds(lambda chosen: {"branch": chosen}, choices),
        st.sampled_from([{"short_circuit": "all"}, {"short_circuit": "direct"}]),
    )


def expanded(rows: list[TaskInstance], length: int, next_id: int) -> list[TaskInstance]:
    """Return the rows of a mapped task (of which ``rows`` are there) after an expansion, as storage makes them."""
    known = {row.map_index: row for row in rows}
    guard = min(rows, key=lambda row: row.map_index)
    found: list[TaskInstance] = []
    if guard.map_index == -1:
        found.append(replace(guard, map_index=0, row_version=guard.row_version + 1))
    for index in range(len(found), length):
        row = known.get(index)
        if row is None:
            new = replace(guard, id=next_id + index, map_index=index, row_version=1, state=TaskState.WAITING)
            found.append(replace(new, reason=None, follow=None, check_at=None))
        elif row.state is TaskState.REMOVED:
            found.append(replace(row, state=TaskState.WAITING, row_version=row.row_version + 1))
    return found
