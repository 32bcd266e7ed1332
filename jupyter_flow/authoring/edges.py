"""Arrows: ``>>`` and ``<<`` between tasks, outputs of tasks, task groups and labels, with lists on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from .exceptions import DagError
from .location import author_line

if TYPE_CHECKING:
    from .dag import DAG
    from .node import Node

Location = tuple[str, int]


class DependencyMixin:
    """What can stand beside an arrow. ``roots`` are the tasks in it that start first, ``leaves`` those that end it."""

    @property
    def roots(self) -> Iterable[Node]:
        """The tasks that an arrow to this leads to."""
        raise NotImplementedError

    @property
    def leaves(self) -> Iterable[Node]:
        """The tasks that an arrow from this starts at."""
        raise NotImplementedError

    @property
    def node_id(self) -> str | None:
        """The id of the one task or group that this is, None for anything else."""
        return None

    def set_upstream(self, others: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Let this start after ``others``: tasks, outputs, task groups, labels, ids of tasks, or lists of these."""
        place = author_line()
        for other in neighbours(others):
            connect(other, self, edge_modifier, place)

    def set_downstream(self, others: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Let ``others`` start after this: tasks, outputs, task groups, labels, or lists of these."""
        place = author_line()
        for other in neighbours(others):
            connect(self, other, edge_modifier, place)

    def __rshift__(self, others: Any) -> Any:
        self.set_downstream(others)
        return others

    def __lshift__(self, others: Any) -> Any:
        self.set_upstream(others)
        return others

    def __rrshift__(self, others: Any) -> Self:
        self.set_upstream(others)
        return self

    def __rlshift__(self, others: Any) -> Self:
        self.set_downstream(others)
        return self

    def _joined(self, other: DependencyMixin, *, upstream: bool) -> None:
        """Take note that an arrow to or from ``other`` was drawn."""


class EdgeModifier(DependencyMixin):
    """A label on edges: ``a >> Label("if new") >> b``. Each edge from what is before it to what is after it has it."""

    def __init__(self, label: str | None = None) -> None:
        if label is not None and not isinstance(label, str):
            raise DagError(f"the label of an edge must be text, not {label!r}")
        self.label = label
        self._before: list[Any] = []
        self._after: list[Any] = []

    def set_upstream(self, others: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Label the edges from ``others`` on."""
        place = author_line()
        for other in neighbours(others):
            self._take(other, place, upstream=True)

    def set_downstream(self, others: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Label the edges to ``others``."""
        place = author_line()
        for other in neighbours(others):
            self._take(other, place, upstream=False)

    def _take(self, other: Any, place: Location, *, upstream: bool) -> None:
        if not isinstance(other, DependencyMixin) or isinstance(other, EdgeModifier):
            raise DagError(f"a label stands between tasks or task groups, not beside {other!r}", place)
        (self._before if upstream else self._after).append(other)
        for opposite in self._after if upstream else self._before:
            before, after = (other, opposite) if upstream else (opposite, other)
            connect(before, after, self, place)

    def __repr__(self) -> str:
        return f"Label({self.label!r})"


def Label(label: str) -> EdgeModifier:  # noqa: N802 - Airflow's name
    """Return a label for an edge: ``a >> Label("if new") >> b``."""
    return EdgeModifier(label)


def neighbours(others: Any) -> Iterator[DependencyMixin | str]:
    """Yield what stands on one side of an arrow, lists flattened. Raises :class:`DagError` for anything else."""
    if isinstance(others, (DependencyMixin, str)):
        yield others
    elif isinstance(others, (list, tuple, set, frozenset)):
        for other in others:
            yield from neighbours(other)
    else:
        raise DagError(f"dependencies are between tasks, not with {others!r} (a {type(others).__name__})")


def connect(before: Any, after: Any, modifier: EdgeModifier | None, place: Location) -> None:
    """Draw the edges of one arrow that stands at ``place``: from each leaf of ``before`` to each root of ``after``."""
    if isinstance(before, EdgeModifier):
        before._take(after, place, upstream=False)
        return
    if isinstance(after, EdgeModifier):
        after._take(before, place, upstream=True)
        return
    if isinstance(after, str):
        raise DagError(f"name the task after {before!r} as an object, not as text {after!r}", place)
    if isinstance(before, str):
        for task in after.roots:
            task._upstream.setdefault(before, place)
        return
    label = None if modifier is None else modifier.label
    dag = None
    for first in before.leaves:
        for second in after.roots:
            dag = link(first, second, place)
            if label is not None:
                dag.edge_labels[first.task_id, second.task_id] = label
    before._joined(after, upstream=False)
    after._joined(before, upstream=True)
    if dag is not None and before.node_id is not None and after.node_id is not None:
        dag.state_edge(before.node_id, after.node_id, place)


def link(upstream: Node, downstream: Node, place: Location) -> DAG:
    """Let ``downstream`` start after ``upstream`` and return their DAG; one of them may join it by this."""
    if upstream.dag is not downstream.dag or upstream.dag is None:
        _share_dag(upstream, downstream)
    downstream._upstream.setdefault(upstream.task_id, place)
    upstream._downstream.setdefault(downstream.task_id)
    assert upstream.dag is not None  # noqa: S101 - they share one now
    return upstream.dag


def _share_dag(upstream: Node, downstream: Node) -> None:
    if upstream.dag is None and downstream.dag is None:
        raise DagError(
            f"tasks {upstream.task_id!r} and {downstream.task_id!r} are in no DAG: make them in a `with DAG(…):` block"
        )
    if upstream.dag is None and downstream.dag is not None:
        downstream.dag.add_task(upstream)
    elif downstream.dag is None and upstream.dag is not None:
        upstream.dag.add_task(downstream)
    else:
        raise DagError(
            f"task {downstream.task_id!r} is in DAG {downstream.dag_id!r}, {upstream.task_id!r} in DAG "
            f"{upstream.dag_id!r}: dependencies are within one DAG"
        )
