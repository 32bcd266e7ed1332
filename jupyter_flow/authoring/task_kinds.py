"""The kinds of ``@task.<kind>``: operators register themselves, so that authoring knows none of them."""

from __future__ import annotations

import importlib
from typing import Any

from .operator import BaseOperator

_kinds: dict[str, type[BaseOperator]] = {}


def register_kind(name: str, operator: type[BaseOperator]) -> None:
    """Let ``@task.<name>`` make tasks of ``operator``, called with ``python_callable``, ``op_args``, ``op_kwargs``."""
    _kinds[name] = operator


def find_kind(name: str) -> type[Any]:
    """Return the operator of ``@task.<name>``. Raises AttributeError if there is none."""
    if name not in _kinds:
        importlib.import_module(f"{__package__.rpartition('.')[0]}.operators")
    if name not in _kinds:
        raise AttributeError(f"@task.{name} is not in this version: it has {', '.join(sorted(_kinds))}")
    return _kinds[name]
