"""The kinds of ``@task.<kind>``: operators register themselves, so that authoring knows none of them."""

from __future__ import annotations

import importlib
from typing import Any

from .checks import suggestion
from .operator import BaseOperator

_kinds: dict[str, type[BaseOperator]] = {}


def register_kind(name: str, operator: type[BaseOperator]) -> None:
    """Let ``@task.<name>`` make tasks of ``operator``, called with ``python_callable``, ``op_args``, ``op_kwargs``."""
    _kinds[name] = operator


def kinds() -> list[str]:
    """Return the names of all kinds."""
    _import_rooms()
    return sorted(_kinds)


def find_kind(name: str) -> type[Any]:
    """Return the operator of ``@task.<name>``. Raises AttributeError if there is none."""
    if name not in _kinds:
        _import_rooms()
    if name not in _kinds:
        hint = suggestion(name, _kinds) or f": there are {', '.join(sorted(_kinds))}"
        raise AttributeError(f"there is no @task.{name}{hint}")
    return _kinds[name]


def _import_rooms() -> None:
    for room in ("operators", "sensors"):
        importlib.import_module(f"{__package__.rpartition('.')[0]}.{room}")
