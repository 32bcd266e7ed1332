"""Type hints of task functions: plain values become what the receiving parameter says."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from . import value_classes

_FROM_TEXT: dict[Any, Callable[[str], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    Decimal: Decimal,
    UUID: UUID,
    Path: Path,
    PurePath: PurePath,
}
_COLLECTIONS = (list, tuple, set, frozenset)
_LISTS = (collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_PLAIN = frozenset({None, str, int, float, bool, bytes, Any, inspect.Parameter.empty, object})
_PLAIN_WORDS = frozenset({"", "str", "int", "float", "bool", "Any", "None", "str | None", "int | None", "float | None"})


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the hints of the parameters of ``function`` that could change a value; what cannot be read is left out."""
    inner = inspect.unwrap(function) if hasattr(function, "__wrapped__") else function
    annotations = getattr(inner, "__annotations__", None) or {}
    interesting = {name: hint for name, hint in annotations.items() if name != "return" and not _is_plain(hint)}
    if not interesting:
        return {}
    found = {}
    for name, hint in interesting.items():
        try:
            one = SimpleNamespace(__annotations__={name: hint})
            found.update(typing.get_type_hints(one, getattr(inner, "__globals__", {}), include_extras=True))
        except (NameError, TypeError, AttributeError, SyntaxError):
            continue  # a name that exists for type checkers only
    return found


def _is_plain(hint: Any) -> bool:
    return hint in _PLAIN_WORDS if isinstance(hint, str) else (hint.__hash__ is not None and hint in _PLAIN)


def convert_arguments(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call of ``function`` as its hints want them: a dict as the dataclass it fills, ISO text
    as the datetime it says, a list as a set …; a value that fits already stays what it is.

    Raises TypeError with the name of the argument that does not become what its hint says.
    """
    hints = hints_of(function)
    if not hints:
        return list(args), dict(kwargs)
    parameters = list(inspect.signature(function).parameters.values())
    names: list[str | None] = [item.name for item in parameters if item.kind in (item.POSITIONAL_ONLY, _EITHER)]
    rest = next((item.name for item in parameters if item.kind is item.VAR_POSITIONAL), None)
    names += [rest] * max(len(args) - len(names), 0)
    extra = next((item.name for item in parameters if item.kind is item.VAR_KEYWORD), None)
    own = {item.name for item in parameters}
    what = getattr(function, "__name__", "the function")
    new_args = [
        _argument(what, name, value, hints.get(name)) if name else value
        for name, value in zip(names, args, strict=False)
    ]
    new_kwargs = {
        name: _argument(what, name, value, hints.get(name if name in own else extra or ""))
        for name, value in kwargs.items()
    }
    return new_args, new_kwargs


_EITHER = inspect.Parameter.POSITIONAL_OR_KEYWORD


def _argument(function: str, name: str, value: Any, hint: Any) -> Any:
    if hint is None:
        return value
    try:
        return convert(value, hint)
    except (TypeError, ValueError, ArithmeticError) as error:
        line = " ".join(str(error).split())
        raise TypeError(f"argument {name!r} of {function}() does not become what its type hint says: {line}") from None


def convert(value: Any, hint: Any) -> Any:
    """Return ``value`` as ``hint`` says, itself if it fits already or the hint says nothing of use.

    Raises TypeError or ValueError for a value that cannot become what the hint says.
    """
    if value is None or hint in (Any, None, object):
        return value
    origin = get_origin(hint)
    if origin is Annotated:
        return convert(value, get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return _union(value, get_args(hint))
    if origin is not None:
        return _generic(value, origin, get_args(hint))
    if not isinstance(hint, type):
        return value
    return _plain_class(value, hint)


def _plain_class(value: Any, hint: Any) -> Any:
    if hint is date and isinstance(value, str):
        return _date(value)
    if _is_instance(value, hint):
        return value
    if isinstance(value, str) and hint in _FROM_TEXT:
        return _FROM_TEXT[hint](value)
    if hint is timedelta and isinstance(value, (int, float)) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if issubclass(hint, Enum):
        return hint(value)
    if isinstance(value, Mapping):
        if value_classes.is_model(hint):
            return hint.model_validate(value)
        if dataclasses.is_dataclass(hint):
            return _dataclass(value, hint)
    if hint in _COLLECTIONS and isinstance(value, _COLLECTIONS):
        return hint(value)
    if isinstance(value, (list, tuple)):
        if issubclass(hint, tuple) and hasattr(hint, "_make"):
            return hint._make(value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and hint is numpy.ndarray:
            return numpy.asarray(value)
    return value


def _is_instance(value: Any, hint: Any) -> bool:
    try:
        return isinstance(value, hint)
    except TypeError:  # a protocol that cannot be asked
        return True


def _date(text: str) -> date:
    """A date, also from the text of an instant (``{{ ts }}``)."""
    return date.fromisoformat(text[:10]) if len(text) > 10 and text[10] in "T " else date.fromisoformat(text)


def _dataclass(value: Mapping[str, Any], hint: Any) -> Any:
    try:
        hints = typing.get_type_hints(hint)
    except (NameError, TypeError):
        hints = {}
    fields = {str(name): convert(item, hints.get(str(name), Any)) for name, item in value.items()}
    return value_classes.dataclass_from(hint, fields)


def _union(value: Any, choices: Sequence[Any]) -> Any:
    classes = [get_origin(choice) or choice for choice in choices]
    if any(isinstance(cls, type) and cls is not object and _is_instance(value, cls) for cls in classes):
        exact = next(choice for choice, cls in zip(choices, classes, strict=True) if _fits(value, cls))
        return convert(value, exact)
    for choice in choices:
        try:
            made = convert(value, choice)
        except (TypeError, ValueError, ArithmeticError):
            continue
        if made is not value:
            return made
    return value


def _fits(value: Any, cls: Any) -> bool:
    return isinstance(cls, type) and _is_instance(value, cls)


def _generic(value: Any, origin: Any, inner: Sequence[Any]) -> Any:
    if origin in _COLLECTIONS and isinstance(value, _COLLECTIONS):
        if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
            if len(inner) != len(value):
                return tuple(value)
            return tuple(convert(item, hint) for item, hint in zip(value, inner, strict=True))
        return _same_or_new(value, origin, [convert(item, inner[0]) for item in value])
    if origin in _LISTS and isinstance(value, (list, tuple)) and inner:
        return _same_or_new(value, type(value), [convert(item, inner[0]) for item in value])
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, dict) and len(inner) == 2:
        return {convert(key, inner[0]): convert(item, inner[1]) for key, item in value.items()}
    return _plain_class(value, origin) if isinstance(origin, type) and value_classes.is_model(origin) else value


def _same_or_new(value: Any, cls: Any, items: Iterable[Any]) -> Any:
    made = list(items)
    unchanged = type(value) is cls and all(new is old for new, old in zip(made, value, strict=True))
    return value if unchanged else cls(made)
