"""What a DAG file is being loaded for: to find its DAGs, or to run one task of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class ParsingContext(NamedTuple):
    """``dag_id`` and ``task_id`` of the task that is about to run; both None when the house looks for DAGs."""

    dag_id: str | None
    task_id: str | None


asked = False
"""Whether :func:`get_parsing_context` was called in this process since this was last set to False."""

_CURRENT: ContextVar[ParsingContext | None] = ContextVar("jupyter_flow_parsing", default=None)


def get_parsing_context() -> ParsingContext:
    """Return what the file is loaded for, so that a file with many DAGs makes only the one that is needed.

    Make all of them if ``dag_id`` is None.
    """
    global asked
    asked = True
    return _CURRENT.get() or ParsingContext(None, None)


@contextmanager
def loading_for(dag_id: str, task_id: str | None) -> Iterator[None]:
    """Load a DAG file for one task, or for the DAG itself."""
    token = _CURRENT.set(ParsingContext(dag_id, task_id))
    try:
        yield
    finally:
        _CURRENT.reset(token)
