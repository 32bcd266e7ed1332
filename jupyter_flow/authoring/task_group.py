"""TaskGroup: tasks that belong together, with a prefix for their ids, common defaults, and arrows for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from . import checks, deprecated, not_yet, registry
from .edges import DependencyMixin
from .exceptions import DagError
from .location import author_line, place_words
from .node import Node

if TYPE_CHECKING:
    from .dag import DAG

_GROUP_ID = re.compile(r"[\w-]{1,200}", re.ASCII)
_SUFFIX = re.compile(r"__\d+$")


class TaskGroup(DependencyMixin):
    """Tasks and groups made in its ``with`` block. An arrow to it leads to its first tasks, one from it starts at
    its last.

    ``prefix_group_id``: ids of its tasks and groups begin with its own id and a dot. ``default_args``: arguments for
    its tasks, over those of the DAG and of the groups around it. ``tooltip``, ``group_display_name``: for the graph.
    ``add_suffix_on_collision``: take the id ``name__1`` and so on if the DAG has ``name`` already.
    ``group_id`` None is the root of a DAG. Arrows reach the tasks that are in the group when they are drawn.

    Raises :class:`DagError` for an id that is not valid or taken, and without a DAG.
    """

    def __init__(
        self,
        group_id: str | None,
        prefix_group_id: bool = True,
        parent_group: TaskGroup | None = None,
        dag: DAG | None = None,
        default_args: Mapping[str, Any] | None = None,
        tooltip: str = "",
        ui_color: str = "CornflowerBlue",
        ui_fgcolor: str = "#000",
        add_suffix_on_collision: bool = False,
        group_display_name: str = "",
    ) -> None:
        self.location = author_line()
        self.prefix_group_id = bool(prefix_group_id)
        self.tooltip = tooltip
        self.ui_color, self.ui_fgcolor = ui_color, ui_fgcolor
        self.group_display_name = group_display_name
        self.children: dict[str, Node | TaskGroup] = {}
        self.own_default_args: set[str] = set()
        self.used_default_args: set[str] = set(not_yet.OPERATOR)
        self.expand_input: Mapping[str, Any] | None = None
        self._before: list[DependencyMixin] = []
        self._after: list[DependencyMixin] = []
        self._drawn_while_empty = False
        if group_id is None:
            self.group_id: str | None = None
            self.parent_group: TaskGroup | None = None
            self.dag: DAG | None = dag
            self._short_id: str | None = None
            self.default_args: dict[str, Any] = {}
            return
        where = f"task group {group_id!r}"
        if not isinstance(group_id, str) or not _GROUP_ID.fullmatch(group_id):
            raise DagError(f"group_id {group_id!r} is not a valid id: use 1 to 200 letters, digits, _ and -")
        parent = parent_group or registry.current_group(dag)
        if parent is None or parent.dag is None:
            raise DagError(f"{where} is in no DAG: make it in a `with DAG(…):` block or give dag=")
        self.dag = parent.dag
        self.parent_group = parent
        self._short_id = _free_id(parent, group_id, self.dag.task_group_dict) if add_suffix_on_collision else group_id
        self.group_id = parent.child_id(self._short_id)
        self.tooltip = checks.text_or_none(where, "tooltip", tooltip) or ""
        self.group_display_name = checks.text_or_none(where, "group_display_name", group_display_name) or ""
        own = deprecated.renamed(where, checks.mapping(where, "default_args", default_args), deprecated.OPERATOR)
        not_yet.warn_unused(f"{where}: default_args", own, not_yet.OPERATOR)
        self.own_default_args = set(own)
        self.default_args = {**parent.default_args, **own}
        self.dag.add_group(self)

    # --- where it stands

    @property
    def node_id(self) -> str | None:
        """The full id of the group, None for the root of a DAG."""
        return self.group_id

    @property
    def task_group(self) -> TaskGroup | None:
        """The group around this one."""
        return self.parent_group

    @property
    def is_root(self) -> bool:
        """Whether this is the whole DAG."""
        return self.group_id is None

    @property
    def label(self) -> str | None:
        """What the graph shows: the display name, else the id without prefixes."""
        return self.group_display_name or self._short_id

    def around(self) -> Iterator[TaskGroup]:
        """Yield this group and those around it, from the inside out, without the root."""
        group: TaskGroup | None = self
        while group is not None and not group.is_root:
            yield group
            group = group.parent_group

    def child_id(self, label: str) -> str:
        """Return the full id of a task or group of this group."""
        if self.group_id is not None and self.prefix_group_id:
            return f"{self.group_id}.{label}"
        return label

    # --- what is in it

    def add(self, child: Node | TaskGroup) -> None:
        """Place a task or a group in this group."""
        name = child.node_id
        assert name is not None  # noqa: S101 - only the root has none, and it is nobody's child
        self.children[name] = child

    def __iter__(self) -> Iterator[Node]:
        """Yield all tasks, those of inner groups too, in the order they were made."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield from child
            else:
                yield child

    def iter_tasks(self) -> Iterator[Node]:
        """Yield all tasks, those of inner groups too."""
        return iter(self)

    def has_task(self, task: Node) -> bool:
        """Tell whether ``task`` is in this group or in one within it."""
        return any(item is task for item in self)

    def get_task_group_dict(self) -> dict[str | None, TaskGroup]:
        """Return this group and all within it, by their full ids."""
        found: dict[str | None, TaskGroup] = {self.group_id: self}
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                found |= child.get_task_group_dict()
        return found

    def get_child_by_label(self, label: str) -> Node | TaskGroup:
        """Return the task or group with this id (without prefixes). Raises :class:`DagError` if there is none."""
        name = self.child_id(label)
        if name not in self.children:
            raise DagError(f"task group {self.group_id!r} has no {label!r}{checks.suggestion(name, self.children)}")
        return self.children[name]

    def __getitem__(self, label: str) -> Node | TaskGroup:
        return self.get_child_by_label(label)

    # --- arrows

    @property
    def roots(self) -> list[Node]:
        """The tasks that nothing else in the group comes before. Of an empty group: what arrows from it lead to."""
        tasks = list(self)
        if not tasks:
            return [task for other in self._after for task in other.roots]
        inside = {task.task_id for task in tasks}
        return [task for task in tasks if inside.isdisjoint(task._upstream)]

    @property
    def leaves(self) -> list[Node]:
        """The tasks that nothing else in the group comes after, teardowns left out: what follows waits for the work.

        Of an empty group: what arrows to it start at.
        """
        tasks = {task.task_id: task for task in self}
        if not tasks:
            return [task for other in self._before for task in other.leaves]
        found: dict[str, Node] = {}
        for task in tasks.values():
            if tasks.keys().isdisjoint(task._downstream):
                found.update((item.task_id, item) for item in _before_teardowns(task, tasks))
        return list(found.values())

    def get_roots(self) -> Iterable[Node]:
        """Return :attr:`roots`."""
        return self.roots

    def get_leaves(self) -> Iterable[Node]:
        """Return :attr:`leaves`."""
        return self.leaves

    def _joined(self, other: DependencyMixin, *, upstream: bool) -> None:
        (self._before if upstream else self._after).append(other)
        if not self.children:
            self._drawn_while_empty = True

    @property
    def was_filled_too_late(self) -> bool:
        """Whether arrows were drawn before the group had a task: they do not reach its tasks."""
        return self._drawn_while_empty and any(True for _ in self)

    # --- as a block

    def __enter__(self) -> Self:
        registry.push_group(self)
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        registry.pop_group()

    def __repr__(self) -> str:
        return f"<TaskGroup: {self.group_id}>"


def refuse_taken(dag: DAG, what: str, name: str, location: tuple[str, int]) -> None:
    """Raise :class:`DagError` if ``name`` (the ``what`` of a new one) is that of a task or group of ``dag`` already."""
    known: Node | TaskGroup | None = dag.task_dict.get(name) or dag.task_group_dict.get(name)
    if known is not None:
        kind = "task group" if isinstance(known, TaskGroup) else "task"
        raise DagError(
            f"DAG {dag.dag_id!r}: {what} {name!r} is taken by the {kind} of {place_words(known.location)}: "
            "every task and group of a DAG needs an id of its own",
            location,
        )


def _before_teardowns(task: Node, inside: Mapping[str, Node]) -> Iterator[Node]:
    """Yield ``task``, or of a teardown the last work before it that is in the group."""
    if not task.is_teardown:
        yield task
        return
    for name in task._upstream:
        before = inside.get(name)
        if before is None or (before.is_setup and not before.is_teardown):
            continue
        if before.is_teardown:
            yield from _before_teardowns(before, inside)
        elif all(inside[after].is_teardown for after in before._downstream if after in inside):
            yield before


def _free_id(parent: TaskGroup, name: str, taken: Mapping[str, Any]) -> str:
    if parent.child_id(name) not in taken:
        return name
    stem = _SUFFIX.sub("", name)
    number = 1
    while parent.child_id(f"{stem}__{number}") in taken:
        number += 1
    return f"{stem}__{number}"
