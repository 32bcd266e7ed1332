"""Small random DAGs, and what their tasks do: both follow from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from support.flows import EMPTY, dag, task

from jupyter_flow.model.spec import DagSpec, GroupSpec, TaskSpec
from jupyter_flow.scheduling.trigger_rules import RULES

KEY = "return_value"
POOL = "narrow"
ASSET = {"name": "table", "uri": "table"}
GROUP = "g"
Fate = Literal["reports", "dies", "exits", "bad", "hangs", "unstartable"]


@dataclass(frozen=True)
class Script:
    """What one process of an attempt does: after ``duration`` seconds its ``fate`` is met, with this outcome."""

    fate: Fate
    outcome: str
    duration: float
    follow: Mapping[str, Any] | None = None
    length: int | None = None
    no_retry: bool = False
    again_after: float = 0.0


def random_dag(chance: random.Random, dag_id: str) -> DagSpec:
    """Return a DAG of four to seven tasks: several trigger rules, retries, pools, mapping, setups, branches."""
    tasks: list[TaskSpec] = []
    group = chance.choice([None, None, None, {"const": 2}, {"xcom": ["t0", KEY]}])
    for number in range(chance.randint(4, 7)):
        names = [item.task_id for item in tasks]
        upstream = sorted(chance.sample(names, chance.randint(0, min(len(names), 3))))
        rule = chance.choice(["all_success", "all_success", "all_done", *sorted(RULES)])
        spec = task(f"t{number}", *upstream, rule=rule, retries=chance.choice([0, 1, 2]))
        spec = replace(spec, retry_delay=chance.choice([0.0, 1.0, 15.0]))
        if chance.random() < 0.3:
            spec = replace(spec, pool=POOL, pool_slots=chance.choice([1, 1, 2]))
        if chance.random() < 0.2:
            spec = replace(spec, execution_timeout=chance.choice([5.0, 30.0]))
        if chance.random() < 0.25:
            spec = replace(spec, outlets=(ASSET,))
        if chance.random() < 0.15:
            spec = replace(spec, max_active_tis_per_dag=1)
        tasks.append(_shaped(chance, spec, tasks, group))
    more: dict[str, Any] = {"max_active_tasks": chance.choice([2, 16]), "max_active_runs": chance.choice([1, 16])}
    if chance.random() < 0.15:
        more["fail_fast"] = True
    if chance.random() < 0.15:
        more["dagrun_timeout"] = chance.choice([20.0, 120.0])
    if chance.random() < 0.15:
        more["dag_retries"] = 1
    groups = (GroupSpec(GROUP, expand=_over(group)),) if group is not None else ()
    return dag(*tasks, dag_id=dag_id, groups=groups, **more)


def _shaped(chance: random.Random, spec: TaskSpec, before: list[TaskSpec], group: Any) -> TaskSpec:
    kind = chance.choice(["plain"] * 6 + ["empty", "mapped", "mapped", "group", "setup", "teardown"])
    if kind == "empty":
        return replace(spec, operator_ref=EMPTY, outlets=())
    if kind == "setup":
        return replace(spec, is_setup=True)
    if kind == "teardown":
        setups = [item.task_id for item in before if item.is_setup]
        named = tuple(dict.fromkeys([*spec.upstream, *setups[:1]]))
        fails = chance.random() < 0.5
        rule = chance.choice(["all_done_setup_success", spec.trigger_rule])
        return replace(spec, upstream=named, trigger_rule=rule, is_teardown=True, on_failure_fail_dagrun=fails)
    if kind == "group" and group is not None and before:
        upstream = spec.upstream if "const" in group else tuple(dict.fromkeys([*spec.upstream, "t0"]))
        return replace(spec, group=GROUP, upstream=upstream)
    if kind == "mapped" and before:
        source = chance.choice([None, *(item.task_id for item in before)])
        if source is None:
            return replace(spec, expand=_over({"const": chance.randint(0, 3)}))
        upstream = tuple(dict.fromkeys([*spec.upstream, source]))
        return replace(spec, upstream=upstream, expand=_over({"xcom": [source, KEY]}))
    return spec


def _over(length: Any) -> dict[str, Any]:
    return {"kind": "product", "inputs": {"x": length}}


def script(seed: int, spec: DagSpec, task_spec: TaskSpec, run_id: str, map_index: int, number: int) -> Script:
    """Return what attempt ``number`` of a task instance does. What it says in the end does not hang on the number."""
    said = random.Random(f"{seed}/{spec.dag_id}/{run_id}/{task_spec.task_id}/{map_index}")
    follow, length = _follow(said, spec, task_spec.task_id), said.choice([2, 1, 0, 3, None])
    ends = said.choice(["success"] * 6 + ["failed", "skipped"])
    chance = random.Random(f"{seed}/{spec.dag_id}/{run_id}/{task_spec.task_id}/{map_index}/{number}")
    duration = chance.choice([0.1, 1.0, chance.uniform(0, 20)])
    fate: Fate = "reports"
    lot = chance.random()
    if lot < 0.08:
        fate = "dies"
    elif lot < 0.10:
        fate = "exits"
    elif lot < 0.11:
        fate = "bad"
    elif lot < 0.13:
        fate = "unstartable"
    elif lot < 0.18 and task_spec.execution_timeout is not None:
        fate = "hangs"
    lot = chance.random()
    outcome = "up_for_reschedule" if lot < 0.05 else "failed" if lot < 0.2 else ends
    return Script(fate, outcome, duration, follow, length, chance.random() < 0.05, chance.choice([0.0, 3.0, 12.0]))


def _follow(chance: random.Random, spec: DagSpec, task_id: str) -> Mapping[str, Any] | None:
    below = spec.downstream()[task_id]
    lot = chance.random()
    if lot < 0.8 or not below:
        return None
    if lot < 0.9:
        return {"branch": sorted(chance.sample(below, chance.randint(0, len(below))))}
    return {"short_circuit": chance.choice(["all", "direct"])}
