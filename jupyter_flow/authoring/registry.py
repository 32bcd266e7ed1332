"""What is being authored: the DAG of the current ``with`` block, and the DAGs a file has made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dag import DAG

_stack: list[DAG] = []
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


def register(dag: DAG) -> None:
    """Note ``dag`` as one of the file that is being loaded, if one is."""
    if _collections and all(dag is not known for known in _collections[-1]):
        _collections[-1].append(dag)


@contextmanager
def collecting(dag_folder: str, file_folder: str) -> Iterator[list[DAG]]:
    """Collect the DAGs that register meanwhile; starts with no current DAG."""
    global _places
    collected: list[DAG] = []
    outer, _stack[:] = list(_stack), []
    outer_places, _places = _places, (dag_folder, file_folder)
    _collections.append(collected)
    try:
        yield collected
    finally:
        _collections.pop()
        _places = outer_places
        _stack[:] = outer
