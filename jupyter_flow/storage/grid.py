"""The states of the task instances of many runs, as short as they can be read: one query, one row per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, literal, select

from ..model.state import TaskState
from .schema import task_instance

_BETWEEN = "\n"
"""Between two task ids; no id has it."""
_COMMON = (TaskState.SUCCESS, TaskState.SKIPPED, TaskState.FAILED, TaskState.WAITING)


@dataclass(frozen=True)
class RunStates:
    """``codes[n]`` is the code of the state of an instance of ``task_ids[n]``, which a mapped task has more of."""

    task_ids: tuple[str, ...]
    codes: str


def states_of(connection: Connection, dag_run_ids: Sequence[int], codes: Mapping[str, str]) -> dict[int, RunStates]:
    """Return the states of each of these runs. ``codes``: state -> one letter.

    Runs of the same tasks share one tuple of ids. Read from the index that holds nothing else.
    """
    # a row is compared with one state after the other: those that most rows have come first
    by_number = sorted(codes.items(), key=lambda item: _COMMON.index(item[0]) if item[0] in _COMMON else len(_COMMON))
    letter = case(dict(by_number), value=task_instance.c.state, else_=literal("?"))
    query = (  # no order is asked for: that of the index comes for nothing, and ids and letters have the same
        select(
            task_instance.c.dag_run_id,
            func.aggregate_strings(task_instance.c.task_id, _BETWEEN),
            func.aggregate_strings(letter, ""),
        )
        .where(task_instance.c.dag_run_id.in_(list(dag_run_ids)))
        .group_by(task_instance.c.dag_run_id)
    )
    known: dict[str, tuple[str, ...]] = {}
    found = {}
    for dag_run_id, names, letters in connection.execute(query):
        if names not in known:
            known[names] = tuple(names.split(_BETWEEN))
        found[dag_run_id] = RunStates(known[names], letters)
    return found
