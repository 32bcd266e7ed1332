"""Classes of XComs (enums, dataclasses, named tuples, pydantic models): named by the value, found only where loaded."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from functools import reduce
from typing import Any

KINDS = ("enum", "namedtuple", "dataclass", "pydantic")


def is_model(cls: Any) -> bool:
    """Tell whether ``cls`` is a pydantic model (version 2), without importing pydantic."""
    return isinstance(cls, type) and hasattr(cls, "model_validate") and hasattr(cls, "model_fields")


def reference(cls: type, place: str) -> str:
    """Return ``module:qualname`` of ``cls``. Raises SerializationError for a class that cannot be found again."""
    name = f"{cls.__module__}:{cls.__qualname__}"
    if "<locals>" in cls.__qualname__:
        raise _error(
            f"{place}: the class {cls.__name__} is defined within a function: define it at the top of its file"
        )
    if cls.__module__ == "__main__":
        raise _error(f"{place}: the class {cls.__name__} is of __main__, which no other task can import")
    if _lookup(cls.__module__, cls.__qualname__) is not cls:
        raise _error(f"{place}: the class {cls.__name__} is not what its module calls {cls.__qualname__}")
    return name


def find(name: str, kind: str, allowed: Iterable[str], *, strict: bool) -> type | None:
    """Return the class ``module:qualname`` if its module is loaded (or allowed) and it is of ``kind``.

    None: it is not there and ``strict`` is False. Raises SerializationError.
    """
    module, _, qualname = name.partition(":")
    if module not in sys.modules:
        dotted = f"{module}.{qualname}"
        if any(fnmatchcase(dotted, pattern) for pattern in allowed):
            importlib.import_module(module)
        elif strict:
            raise _error(f"the XCom is a {qualname} of {module}, which is not loaded here: import it in the DAG file")
        else:
            return None
    cls = _lookup(module, qualname)
    if cls is None and not strict:
        return None
    if not (isinstance(cls, type) and _OF_KIND[kind](cls)):
        raise _error(f"the XCom is a {qualname} of {module}, which has no such {kind} now")
    return cls


def build(kind: str, cls: Any, value: Any) -> Any:
    """Return an instance of ``cls`` from its plain ``value``."""
    if kind == "enum":
        return cls(value)
    if kind == "pydantic":
        return cls.model_validate(value)
    return cls(**value) if kind == "namedtuple" else dataclass_from(cls, value)


def dataclass_from(cls: Any, fields: Mapping[str, Any]) -> Any:
    """Return a dataclass from its fields; those that its constructor does not take are set afterwards."""
    known = {item.name: item for item in dataclasses.fields(cls)}
    if unknown := [name for name in fields if name not in known]:
        raise _error(f"{cls.__name__} has no field {unknown[0]!r}")
    made = cls(**{name: value for name, value in fields.items() if known[name].init})
    for name, value in fields.items():
        if not known[name].init:
            object.__setattr__(made, name, value)
    return made


def _lookup(module: str, qualname: str) -> Any:
    try:
        return reduce(getattr, qualname.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        return None


def _error(message: str) -> Exception:
    from .serialization import SerializationError

    return SerializationError(message)


_OF_KIND: dict[str, Callable[[type], bool]] = {
    "enum": lambda cls: issubclass(cls, Enum),
    "namedtuple": lambda cls: issubclass(cls, tuple) and hasattr(cls, "_fields"),
    "dataclass": dataclasses.is_dataclass,
    "pydantic": is_model,
}
