"""What is checked of a DAG's graph as a whole: order, cycles, repeated arrows, groups, setups and teardowns."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ..model.spec import GroupSpec
from . import checks
from .exceptions import DagError
from .location import place_words, warn
from .topology import topological_order
from .trigger_rule import TriggerRule
from .weights import effective_weights

if TYPE_CHECKING:
    from .dag import DAG

SHOWN = 12
"""Arrows of a cycle that its message names."""
_FAIL_FAST_RULES = (TriggerRule.ALL_SUCCESS, TriggerRule.ALL_DONE_SETUP_SUCCESS)


def ordered(dag: DAG) -> list[str]:
    """Return the task ids in topological order. Raises :class:`DagError` for an unknown upstream task or a cycle."""
    for task in dag.tasks:
        for upstream, place in task._upstream.items():
            if upstream not in dag.task_dict:
                hint = checks.suggestion(upstream, dag.task_dict)
                raise DagError(
                    f"DAG {dag.dag_id!r}: task {task.task_id!r} names the upstream task {upstream!r}, "
                    f"which the DAG does not have{hint}",
                    place or task.location,
                )
    order, cycle = topological_order({task.task_id: list(task._upstream) for task in dag.tasks})
    if cycle:
        raise _cycle_error(dag, cycle)
    return order


def _cycle_error(dag: DAG, cycle: list[str]) -> DagError:
    places = [dag.task_dict[after]._upstream[before] for before, after in itertools.pairwise(cycle)]
    more = len(cycle) - 1 - SHOWN
    path = " -> ".join(cycle if more <= 0 else [*cycle[: SHOWN + 1], f"… ({more} more)", cycle[-1]])
    arrows = [
        f"{before} -> {after}: {place_words(place)}"
        for (before, after), place in zip(itertools.pairwise(cycle), places, strict=True)
        if place is not None and place[1]
    ]
    shown = f" ({'; '.join(arrows[:SHOWN])})" if arrows else ""
    last = max((place for place in places if place is not None), key=lambda place: place[1], default=None)
    return DagError(f"DAG {dag.dag_id!r} has a cycle: {path}{shown}", last or dag.location)


def judge_repeats(dag: DAG, strict: bool) -> None:
    """Warn of each arrow that was drawn twice; with ``strict`` the first is a :class:`DagError`."""
    for before, after, place in dag.repeated_edges:
        message = f"DAG {dag.dag_id!r}: the dependency {before} >> {after} is stated already"
        if strict:
            raise DagError(f"{message}: strict mode refuses to have it twice", place)
        warn(message, place)


def group_specs(dag: DAG) -> tuple[GroupSpec, ...]:
    """Return the task groups, each after the one around it."""
    specs = []
    for name, group in dag.task_group_dict.items():
        if group.was_filled_too_late:
            warn(
                f"DAG {dag.dag_id!r}: arrows to or from task group {name!r} were drawn before it had a task, and do "
                "not reach its tasks: draw them after its block",
                group.location,
            )
        parent = group.parent_group
        specs.append(
            GroupSpec(
                group_id=name,
                parent=None if parent is None else parent.group_id,
                label=group.label,
                tooltip=group.tooltip or None,
                expand=group.expand_input,
            )
        )
    return tuple(specs)


def check_setups(dag: DAG) -> None:
    """Raise :class:`DagError` for setups and teardowns that cannot work, and rules that ``fail_fast`` forbids."""
    for task in dag.tasks:
        where = f"DAG {dag.dag_id!r}, task {task.task_id!r}"
        if task.on_failure_fail_dagrun and not task.is_teardown:
            raise DagError(
                f"{where}: on_failure_fail_dagrun is for teardowns: mark it with .as_teardown()", task.location
            )
        if task.is_setup:
            for after in task.downstream_list:
                if not after.is_teardown and after.trigger_rule != TriggerRule.ALL_SUCCESS:
                    raise DagError(
                        f"{where} is a setup: the task {after.task_id!r} after it must have trigger_rule "
                        f"'all_success', not {str(after.trigger_rule)!r}",
                        after.location,
                    )
        if dag.fail_fast and task.trigger_rule not in _FAIL_FAST_RULES:
            raise DagError(
                f"{where}: with fail_fast all tasks have trigger_rule 'all_success' (teardowns "
                f"'all_done_setup_success'), not {str(task.trigger_rule)!r}",
                task.location,
            )


def weights(dag: DAG, order: list[str]) -> dict[str, int]:
    """Return the effective weight of each task."""
    tasks = dag.task_dict
    return effective_weights(
        order,
        {name: list(tasks[name]._upstream) for name in order},
        {name: tasks[name].priority_weight for name in order},
        {name: tasks[name].weight_rule for name in order},
    )
