"""The context of the task that runs in this process: what ``execute(context)`` and templates see."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

Context = Mapping[str, Any]
HELPER = "jupyter_flow_helper"
"""The module that the runner puts into the kernel of a notebook."""

_running: list[Context] = []


def get_current_context() -> Context:
    """Return the context of the running task (in a notebook that runs as a task: a copy of its plain parts).

    Raises RuntimeError outside a task (e.g. while the DAG file is loaded).
    """
    if helper := sys.modules.get(HELPER):
        found: Context = helper.context
        return found
    if not _running:
        raise RuntimeError("no task is running here: get_current_context() works inside a task, not in the DAG file")
    return _running[-1]


def current_context() -> Context | None:
    """Return the context of the running task, None outside a task."""
    return _running[-1] if _running else None


def dag_zone(context: Context) -> ZoneInfo:
    """Return the time zone of the task's DAG, as the house knows it."""
    facts = getattr(context, "for_templates", context)["dag"]
    return ZoneInfo(str(facts.timezone))


@contextmanager
def running(context: Context) -> Iterator[None]:
    """Make ``context`` what :func:`get_current_context` answers."""
    _running.append(context)
    try:
        yield
    finally:
        _running.remove(context)
