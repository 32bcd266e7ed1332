"""Variable: settings that the house keeps, for DAG files and tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .runtime import current

_NO_DEFAULT: Any = object()
_parse_reader: Callable[[str], str | None] | None = None


def set_parse_reader(reader: Callable[[str], str | None] | None) -> None:
    """Let :meth:`Variable.get` in a DAG file ask ``reader`` (the loader sets it; None = no house to ask)."""
    global _parse_reader
    _parse_reader = reader


class Variable:
    """Named texts that the house keeps. A method of each name as in Airflow."""

    @staticmethod
    def get(
        key: str,
        default: Any = _NO_DEFAULT,
        *,
        default_var: Any = _NO_DEFAULT,
        deserialize_json: bool = False,
    ) -> Any:
        """Return the variable ``key``: its text, or what its JSON text means with ``deserialize_json``.

        Raises KeyError if it is not set and no ``default`` (old name: ``default_var``) is given, RuntimeError
        where there is no house to ask.
        """
        fallback = default if default is not _NO_DEFAULT else default_var
        text = _read(key, fallback)
        if text is None:
            if fallback is _NO_DEFAULT:
                raise KeyError(f"variable {key!r} is not set: set it with `jupyter flow variables set {key} VALUE`")
            return fallback
        if not deserialize_json:
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"variable {key!r} is not JSON: {error}") from None

    @staticmethod
    def set(key: str, value: Any, description: str | None = None, serialize_json: bool = False) -> None:
        """Set the variable ``key`` (from within a task). With ``serialize_json`` any JSON value, else text."""
        runtime = current()
        if runtime is None:
            raise RuntimeError(f"variable {key!r} cannot be set here: Variable.set works inside a running task")
        runtime.variable_set(key, json.dumps(value) if serialize_json else str(value), description)


def _read(key: str, fallback: Any) -> str | None:
    runtime = current()
    if runtime is not None:
        return runtime.variable_get(key)
    if _parse_reader is not None:
        return _parse_reader(key)
    if fallback is not _NO_DEFAULT:
        return None
    raise RuntimeError(
        f"variable {key!r} cannot be read here, because no house answers: "
        f"use a template {{{{ var.value.{key} }}}}, read it inside the task, or give a default"
    )
