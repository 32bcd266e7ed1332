"""Instances of frozen dataclasses without their ``__init__``, where many are made.

What ``__init__`` does costs a call and a name for each field. A host makes thousands of rows, and a forked process
copies the page of memory of each name that it touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar

Made = TypeVar("Made")


def made_of(cls: type[Made], values: Mapping[str, Any]) -> Made:
    """Return an instance of ``cls`` with the fields ``values``; others have their default."""
    made = object.__new__(cls)
    vars(made).update(values)
    known: Any = cls
    for name, factory in _factories(known):
        if name not in values:
            vars(made)[name] = factory()
    return made


def changed(item: Made, **values: Any) -> Made:
    """Return ``item`` with other ``values``, as ``dataclasses.replace`` does, for classes without ``__post_init__``."""
    made = object.__new__(type(item))
    vars(made).update(vars(item))
    vars(made).update(values)
    return made


@cache
def _factories(cls: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((item.name, item.default_factory) for item in fields(cls) if item.default_factory is not MISSING)
