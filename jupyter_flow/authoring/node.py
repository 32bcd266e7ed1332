"""Node: a task as a part of the graph: its neighbours, its group, whether it sets up or tears down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from .edges import DependencyMixin, Location
from .exceptions import DagError
from .trigger_rule import TriggerRule

if TYPE_CHECKING:
    from .dag import DAG
    from .task_group import TaskGroup


class Node(DependencyMixin):
    """One task in the graph. ``task_id`` is the full id, the prefixes of its groups included."""

    task_id: str
    dag: DAG | None
    task_group: TaskGroup | None
    location: Location
    trigger_rule: str
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False
    _upstream: dict[str, Location | None]
    _downstream: dict[str, None]

    @property
    def node_id(self) -> str:
        """The task's id."""
        return self.task_id

    @property
    def label(self) -> str:
        """The id without the prefixes of the groups."""
        group = self.task_group
        prefix = "" if group is None else group.child_id("")
        return self.task_id.removeprefix(prefix)

    @property
    def dag_id(self) -> str:
        """The id of the task's DAG, empty without one."""
        return self.dag.dag_id if self.dag else ""

    @property
    def roots(self) -> list[Node]:
        """This task."""
        return [self]

    @property
    def leaves(self) -> list[Node]:
        """This task."""
        return [self]

    @property
    def upstream_task_ids(self) -> set[str]:
        """Ids of the tasks directly before this one."""
        return set(self._upstream)

    @property
    def downstream_task_ids(self) -> set[str]:
        """Ids of the tasks directly after this one."""
        return set(self._downstream)

    @property
    def upstream_list(self) -> list[Node]:
        """The tasks directly before this one."""
        return self.get_direct_relatives(upstream=True)

    @property
    def downstream_list(self) -> list[Node]:
        """The tasks directly after this one."""
        return self.get_direct_relatives(upstream=False)

    def get_direct_relatives(self, upstream: bool = False) -> list[Node]:
        """Return the tasks directly after this one, or before it."""
        known = {} if self.dag is None else self.dag.task_dict
        return [known[task_id] for task_id in (self._upstream if upstream else self._downstream) if task_id in known]

    def get_flat_relatives(self, upstream: bool = False) -> list[Node]:
        """Return all tasks that come after this one, or before it, the nearest first."""
        found: dict[str, Node] = {}
        pending = self.get_direct_relatives(upstream)
        while pending:
            new = {task.task_id: task for task in pending if task.task_id not in found}
            found |= new
            pending = [relative for task in new.values() for relative in task.get_direct_relatives(upstream)]
        return list(found.values())

    def get_flat_relative_ids(self, *, upstream: bool = False) -> set[str]:
        """Return the ids of all tasks that come after this one, or before it."""
        return {task.task_id for task in self.get_flat_relatives(upstream)}

    def as_setup(self) -> Self:
        """Mark this task as a setup: its teardowns run if it succeeded, whatever became of the work between."""
        self.is_setup = True
        return self

    def as_teardown(
        self,
        *,
        setups: Any = None,
        on_failure_fail_dagrun: bool | None = None,
    ) -> Self:
        """Mark this task as a teardown, of ``setups`` (tasks that become setups and get an arrow to this one).

        It runs when all before it have ended, if one of its setups succeeded. Its failure fails the DAG run only
        with ``on_failure_fail_dagrun``.
        """
        self.is_teardown = True
        self.trigger_rule = TriggerRule.ALL_DONE_SETUP_SUCCESS
        if on_failure_fail_dagrun is not None:
            self.on_failure_fail_dagrun = bool(on_failure_fail_dagrun)
        for setup in _each(setups):
            setup.as_setup()
            setup.set_downstream(self)
        return self

    def __enter__(self) -> Any:
        """Let the tasks that the block makes run between the setups and teardowns that this task belongs to."""
        from . import setup_teardown

        return setup_teardown.enter([self])

    def __exit__(self, kind: object, *rest: object) -> None:
        from . import setup_teardown

        setup_teardown.leave(failed=kind is not None)


def _each(setups: Any) -> Iterable[Any]:
    if setups is None:
        return ()
    found = [setups] if isinstance(setups, DependencyMixin) else setups
    if not isinstance(found, (list, tuple, set)) or not all(hasattr(item, "as_setup") for item in found):
        raise DagError(f"as_teardown: setups must be a task or a list of tasks, not {setups!r}")
    return found
