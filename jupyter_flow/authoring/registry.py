"""What is being authored: the DAG of the current ``with`` block, and the DAGs a file has made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dag import DAG
    from .task_group import TaskGroup

_stack: list[DAG] = []
_groups: list[TaskGroup] = []
_collections: list[list[DAG]] = []
_places: tuple[str, str] | None = None


def places() -> tuple[str, str] | None:
    """Return DAG folder and folder of the DAG file that is being loaded (absolute), None outside of a loader."""
    return _places


def current_dag() -> DAG | None:
    """Return the DAG whose ``with`` block runs, or None."""
    return _stack[-1] if _stack else None


def push(dag: DAG) -> None:
    """Enter the ``with`` block of ``dag``."""
    _stack.append(dag)


def pop() -> None:
    """Leave the innermost ``with`` block."""
    _stack.pop()


def current_group(dag: DAG | None = None) -> TaskGroup | None:
    """Return the task group that a task made here goes to: of ``dag`` if given, else of the current DAG, or None."""
    group = _groups[-1] if _groups else None
    wanted = dag or current_dag() or (group.dag if group is not None else None)
    if wanted is None:
        return None
    return group if group is not None and group.dag is wanted else wanted.task_group


def push_group(group: TaskGroup) -> None:
    """Enter the ``with`` block of ``group``."""
    _groups.append(group)


def pop_group() -> None:
    """Leave the innermost ``with`` block of a group."""
    _groups.pop()


@contextmanager
def outside() -> Iterator[None]:
    """Be outside of all blocks: what is made meanwhile belongs to no DAG and no group."""
    outer, _stack[:] = list(_stack), []
    outer_groups, _groups[:] = list(_groups), []
    try:
        yield
    finally:
        _stack[:] = outer
        _groups[:] = outer_groups


def register(dag: DAG) -> None:
    """Note ``dag`` as one of the file that is being loaded, if one is."""
    if _collections and all(dag is not known for known in _collections[-1]):
        _collections[-1].append(dag)


def forget(dag: DAG) -> None:
    """Take back :func:`register`: its tasks have become a part of another DAG."""
    for collected in _collections:
        collected[:] = [known for known in collected if known is not dag]


@contextmanager
def collecting(dag_folder: str, file_folder: str) -> Iterator[list[DAG]]:
    """Collect the DAGs that register meanwhile; starts with no current DAG."""
    global _places
    collected: list[DAG] = []
    outer, _stack[:] = list(_stack), []
    outer_groups, _groups[:] = list(_groups), []
    outer_places, _places = _places, (dag_folder, file_folder)
    _collections.append(collected)
    try:
        yield collected
    finally:
        _collections.pop()
        _places = outer_places
        _stack[:] = outer
        _groups[:] = outer_groups
