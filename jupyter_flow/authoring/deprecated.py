"""Old names of arguments: accepted with one note that names the new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .exceptions import DagError
from .location import warn

DAG: dict[str, str] = {
    "schedule_interval": "schedule",
    "timetable": "schedule",
    "concurrency": "max_active_tasks",
    "fail_stop": "fail_fast",
}
"""Old name of an argument of DAG -> its name now."""
OPERATOR: dict[str, str | None] = {
    "task_concurrency": "max_active_tis_per_dag",
    "provide_context": None,
}
"""Old name of an argument of every operator -> its name now, None where nothing has to be written any more."""
_NEEDLESS = {"provide_context": "every task gets its context: leave it out"}


def renamed(where: str, given: Mapping[str, Any], table: Mapping[str, str | None]) -> dict[str, Any]:
    """Return ``given`` with the old names of ``table`` replaced, noting each once.

    Raises :class:`DagError` where both the old and the new name are given.
    """
    if given.keys().isdisjoint(table):
        return dict(given)
    result = {name: value for name, value in given.items() if name not in table}
    for old, new in table.items():
        if old not in given:
            continue
        if new is None:
            warn(f"{where}: {old} is not needed any more: {_NEEDLESS[old]}")
            continue
        if new in result:
            raise DagError(f"{where}: {old} is the old name of {new}: give one of them")
        warn(f"{where}: {old} is the old name of {new}: write {new}=")
        result[new] = given[old]
    return result
