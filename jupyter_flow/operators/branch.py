"""Branching: tasks that choose which of the tasks right after them go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import FlowException
from ..authoring.operator import BaseOperator
from ..authoring.runtime import Runtime
from ..authoring.task_kinds import register_kind
from .python import PythonOperator


class SkipMixin:
    """For operators that skip tasks after them. The skips hold when those tasks are cleared, too."""

    def skip(self, ti: Any = None, tasks: Iterable[Any] = (), **_: Any) -> None:
        """Skip ``tasks``: some of those directly after this task, or all that come after it.

        Raises :class:`FlowException` for tasks farther down.
        """
        operator: Any = self
        wanted = {task.task_id for task in tasks}
        if not wanted:
            return
        near = set(operator.downstream_task_ids)
        if wanted <= near:
            _runtime().follow({"branch": sorted(near - wanted)})
        elif wanted >= _all_below(operator):
            _runtime().follow({"short_circuit": "all"})
        else:
            far = ", ".join(sorted(wanted - near))
            raise FlowException(f"task {operator.task_id!r} cannot skip {far}: only tasks directly after it, or all")

    def skip_all_except(self, ti: Any = None, branch_task_ids: str | Iterable[str] | None = None) -> None:
        """Skip the tasks directly after this one, except ``branch_task_ids`` and what comes after those."""
        chosen = branch_ids(self, branch_task_ids)
        _runtime().follow({"branch": chosen})


class BranchMixIn(SkipMixin):
    """For operators that branch."""

    def do_branch(self, context: Context, branches_to_execute: str | Iterable[str] | None) -> Any:
        """Let ``branches_to_execute`` go on (ids of tasks or task groups) and return them."""
        operator: Any = self
        chosen = branch_ids(operator, branches_to_execute)
        operator.log.info("following %s", ", ".join(chosen) or "no branch")
        context["runtime"].follow({"branch": chosen})
        return branches_to_execute if isinstance(branches_to_execute, str | None) else chosen


class BaseBranchOperator(BaseOperator, BranchMixIn):
    """Base of operators that branch: define ``choose_branch(context)``.

    It returns the id of a task or task group, or a list of ids, that go on; the other tasks directly after this one
    are skipped. None skips all of them. Within a task group the ids of its own members may be given without prefix.
    """

    def choose_branch(self, context: Context) -> str | Iterable[str] | None:
        """Return what goes on."""
        raise NotImplementedError(f"{type(self).__name__} does not define choose_branch(context)")

    def execute(self, context: Context) -> Any:
        """Choose, and tell the house."""
        return self.do_branch(context, self.choose_branch(context))


class BranchPythonOperator(BaseBranchOperator, PythonOperator):
    """Calls ``python_callable``, which returns the ids of the tasks or task groups that go on (None: none)."""

    def choose_branch(self, context: Context) -> Any:
        """Call the function."""
        return PythonOperator.execute(self, context)


class ShortCircuitOperator(PythonOperator, SkipMixin):
    """Calls ``python_callable``; if what it returns is false, the tasks after this one are skipped.

    ``ignore_downstream_trigger_rules`` (default): all tasks after it, near and far, whatever their trigger rules say
    (teardowns run). False: those directly after it; the others go by their trigger rules.
    """

    spec_fields: ClassVar[Sequence[str]] = (*PythonOperator.spec_fields, "ignore_downstream_trigger_rules")

    def __init__(
        self,
        task_id: str,
        python_callable: Callable[..., Any],
        *,
        ignore_downstream_trigger_rules: bool = True,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, python_callable, **operator_args)
        self.ignore_downstream_trigger_rules = bool(ignore_downstream_trigger_rules)

    def execute(self, context: Context) -> Any:
        """Call the function and go on, or not."""
        condition = super().execute(context)
        if condition:
            return condition
        how = "all" if self.ignore_downstream_trigger_rules else "direct"
        self.log.info("the condition is %r: what comes after is skipped", condition)
        context["runtime"].follow({"short_circuit": how})
        return condition


class DecoratedBranch(BranchPythonOperator):
    """The task that ``@task.branch`` makes of a function."""

    operator_name: ClassVar[str] = "@task.branch"


class DecoratedShortCircuit(ShortCircuitOperator):
    """The task that ``@task.short_circuit`` makes of a function."""

    operator_name: ClassVar[str] = "@task.short_circuit"


def branch_ids(operator: Any, given: Any) -> list[str]:
    """Return what ``operator`` wants to go on as full ids of tasks and groups.

    Raises :class:`FlowException` for what is no id of its DAG (without one at hand the ids were checked before).
    """
    where = f"task {operator.task_id!r}"
    if given is None:
        return []
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise FlowException(
            f"{where} must choose None, the id of a task or task group, or a list of ids, not {given!r}"
        )
    ids = [given] if isinstance(given, str) else list(given)
    if wrong := [item for item in ids if not isinstance(item, str)]:
        raise FlowException(f"{where} chose {wrong[0]!r}: choose by id, which is text")
    if operator.dag is None:
        return ids
    tasks: Mapping[str, Any] = operator.dag.task_dict
    groups: Mapping[str, Any] = getattr(operator.dag, "task_group_dict", {})
    found = [_resolved(operator, name, tasks, groups) for name in ids]
    for name, original in zip(found, ids, strict=True):
        if name not in tasks and name not in groups:
            valid = _valid_ids(operator, groups)
            hint = checks.suggestion(original, valid)
            there = f"; directly after it: {', '.join(valid)}" if valid else "; nothing comes after it"
            raise FlowException(f"{where} chose {original!r}, which the DAG does not have{hint}{there}")
    return list(dict.fromkeys(found))


def _resolved(operator: Any, name: str, tasks: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    """Return the full id: ids of the DAG go before those of the operator's own group, which may lack the prefix."""
    if name in tasks or name in groups:
        return name
    group = getattr(operator, "task_group", None)
    if group is None or not group.group_id:
        return name
    full: str = group.child_id(name)
    return full if full in tasks or full in groups else name


def _valid_ids(operator: Any, groups: Mapping[str, Any]) -> list[str]:
    """Ids of the tasks directly after ``operator``, and of the groups whose first tasks all are."""
    near = set(operator.downstream_task_ids)
    entered = []
    for group_id, group in groups.items():
        first = {task.task_id for task in group.roots}
        if group_id and first and first <= near:
            entered.append(str(group_id))
    return sorted(near) + sorted(entered)


def _all_below(operator: Any) -> set[str]:
    return {task.task_id for task in operator.get_flat_relatives(upstream=False) if not task.is_teardown}


def _runtime() -> Runtime:
    from ..authoring.runtime import current

    runtime = current()
    if runtime is None:
        raise RuntimeError("tasks are skipped while a task runs")
    return runtime


register_kind("branch", DecoratedBranch)
register_kind("short_circuit", DecoratedShortCircuit)
