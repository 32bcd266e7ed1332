"""Arguments of Airflow that are accepted and have no effect in this version, with the values that ask for nothing.

Using one with another value warns when the DAG file is loaded, naming argument and task.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .location import warn

OPERATOR: dict[str, tuple[Any, ...]] = {
    "run_as_user": (None,),
    "executor": (None,),
    "executor_config": (None, {}),
    "allow_nested_operators": (True, False),
}
DAG: dict[str, tuple[Any, ...]] = {
    "disable_bundle_versioning": (False, None),
    "rerun_with_latest_version": (False, None),
    "default_view": (None, "grid", "graph", "tree"),
    "orientation": (None, "LR", "TB"),
}


def warn_unused(where: str, given: Mapping[str, Any], table: Mapping[str, Collection[Any]]) -> None:
    """Warn for each of ``given`` whose value asks for something this version does not do."""
    for name, value in given.items():
        if not any(value is neutral or value == neutral for neutral in table.get(name, (value,))):
            warn(f"{where}: {name} has no effect in this version")
