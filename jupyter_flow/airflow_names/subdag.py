"""SubDagOperator: the tasks of the sub-DAG become a task group of the DAG around it."""

from __future__ import annotations

from typing import Any

from ..authoring import checks, registry
from ..authoring.dag import DAG
from ..authoring.exceptions import DagError
from ..authoring.location import warn
from ..authoring.node import Node
from ..authoring.operator import BaseOperator, accepted_arguments
from ..authoring.task_group import TaskGroup
from ..authoring.trigger_rule import TriggerRule

_WITHOUT_MEANING = frozenset({"conf", "default_args", "executor", "propagate_skipped_state", "session"})
"""What only says how the sub-DAG is run as a DAG of its own, or concerns nothing but that."""


class SubDagOperator(TaskGroup):
    """A task group ``task_id`` with the tasks of ``subdag``, a DAG whose id is ``<id of the DAG>.<task_id>``.

    The tasks run in the runs of the DAG around, with ids ``<task_id>.<their own>``; the schedule of the sub-DAG has
    no meaning. ``trigger_rule`` goes to its first tasks. Raises :class:`DagError` for other arguments of a task: they
    cannot be set for a group.
    """

    def __init__(
        self,
        task_id: str,
        *,
        subdag: DAG,
        dag: DAG | None = None,
        task_group: TaskGroup | None = None,
        trigger_rule: str | None = None,
        **arguments: Any,
    ) -> None:
        where = f"SubDagOperator {task_id!r}"
        if not isinstance(subdag, DAG):
            raise DagError(f"{where}: subdag must be a DAG, not {subdag!r}")
        _check(where, arguments)
        rule = trigger_rule
        if rule is not None:
            rule = checks.choice(where, "trigger_rule", str(rule), list(TriggerRule))
        super().__init__(task_id, parent_group=task_group, dag=dag, tooltip=subdag.description or "")
        outer = self.dag
        assert outer is not None  # noqa: S101 - a group without a DAG is refused
        if subdag.dag_id != (wanted := f"{outer.dag_id}.{task_id}"):
            raise DagError(f"{where}: the id of its subdag must be {wanted!r}, not {subdag.dag_id!r}", self.location)
        warn(f"{where}: its tasks run as task group {self.group_id!r} of this DAG: write a TaskGroup")
        self._take(subdag, outer)
        for first in self.roots if rule is not None else ():
            first.trigger_rule = str(rule)

    @property
    def task_id(self) -> str | None:
        """The id of the group."""
        return self.group_id

    def _take(self, subdag: DAG, outer: DAG) -> None:
        """Move all tasks and groups of ``subdag`` into this group: they get its prefix."""
        registry.forget(subdag)
        subdag.auto_register = False
        tasks = list(subdag.task_dict.values())
        labels = dict(subdag.edge_labels)
        outer.user_defined_macros = {**subdag.user_defined_macros, **outer.user_defined_macros}
        outer.user_defined_filters = {**subdag.user_defined_filters, **outer.user_defined_filters}
        new_ids: dict[str, str] = {}
        self._adopt(subdag.task_group, outer, dict(subdag.params), new_ids)
        for task in tasks:
            task._upstream = {new_ids.get(name, name): place for name, place in task._upstream.items()}
            task._downstream = {new_ids.get(name, name): None for name in task._downstream}
            for reference in task.references():
                for part in reference.plain_args():
                    if part.operator is not None:
                        part.task_id = part.operator.task_id
        for (before, after), text in labels.items():
            outer.edge_labels[new_ids[before], new_ids[after]] = text
        subdag.task_dict, subdag.task_group_dict = {}, {}

    def _adopt(self, source: TaskGroup, outer: DAG, params: dict[str, Any], new_ids: dict[str, str]) -> None:
        """Place what is in ``source``, the root of the sub-DAG or a group of it, in the same order."""
        target = self if source.is_root else source
        children, source.children = list(source.children.values()), {}
        for child in children:
            if isinstance(child, TaskGroup):
                child.parent_group, child.dag = target, outer
                child.group_id = self.child_id(str(child.group_id))
                outer.add_group(child)
                self._adopt(child, outer, params, new_ids)
            elif isinstance(child, Node):
                old = child.task_id
                child.task_id = new_ids[old] = self.child_id(old)
                child.dag, child.task_group = None, target
                if isinstance(child, BaseOperator):
                    child.params = {**params, **child.params}
                outer.add_task(child)


def _check(where: str, arguments: dict[str, Any]) -> None:
    known = accepted_arguments(BaseOperator)
    for name in arguments:
        if name in _WITHOUT_MEANING:
            continue
        if name not in known:
            raise DagError(f"{where}: SubDagOperator has no argument {name!r}{checks.suggestion(name, known)}")
        raise DagError(f"{where}: {name} cannot be set for a whole sub-DAG: give it to its tasks")
