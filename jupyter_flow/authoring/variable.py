"""Variable: named texts of the house, read in tasks and (with care) in DAG files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from .runtime import Runtime, current

PREFIXES = ("JUPYTER_FLOW_VAR_", "AIRFLOW_VAR_")
"""Environment variables that come before what the house keeps: one of these and the key in capitals."""
_NO_DEFAULT: Any = object()
_parse_reader: Callable[[str], str | None] | None = None


def set_parse_reader(reader: Callable[[str], str | None] | None) -> None:
    """Let :meth:`Variable.get` in a DAG file ask ``reader`` (the loader sets it; None = no house to ask)."""
    global _parse_reader
    _parse_reader = reader


def from_environment(key: str) -> str | None:
    """Return what the environment says the variable ``key`` is, None if it says nothing."""
    found = (os.environ.get(f"{prefix}{key.upper()}") for prefix in PREFIXES)
    return next((text for text in found if text is not None), None)


class Variable:
    """Named texts that the house keeps. A method of each name as in Airflow.

    The environment comes first: ``JUPYTER_FLOW_VAR_<KEY>`` or ``AIRFLOW_VAR_<KEY>``, then the house.
    """

    @staticmethod
    def get(
        key: str,
        default: Any = _NO_DEFAULT,
        deserialize_json: bool = False,
        *,
        default_var: Any = _NO_DEFAULT,
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
        return read_json(key, text) if deserialize_json else text

    @staticmethod
    def set(key: str, value: Any, description: str | None = None, serialize_json: bool = False) -> None:
        """Set the variable ``key`` (from within a task). With ``serialize_json`` any JSON value, else text."""
        runtime = _runtime(key, "set")
        runtime.variable_set(key, json.dumps(value) if serialize_json else str(value), description)

    @staticmethod
    def setdefault(key: str, default: Any, description: str | None = None, deserialize_json: bool = False) -> Any:
        """Return the variable ``key``; if it is not set, set it to ``default`` first (from within a task)."""
        found = Variable.get(key, None, deserialize_json)
        if found is None:
            Variable.set(key, default, description, serialize_json=deserialize_json)
            return default
        return found

    @staticmethod
    def delete(key: str) -> None:
        """Delete the variable ``key`` (from within a task). Raises KeyError if it is not set."""
        if not _runtime(key, "delete").variable_delete(key):
            raise KeyError(f"variable {key!r} is not set: there is nothing to delete")

    @staticmethod
    def keys(prefix: str | None = None) -> list[str]:
        """Return the keys of the variables of the house that begin with ``prefix``, sorted (from within a task)."""
        runtime = current()
        if runtime is None:
            raise RuntimeError("Variable.keys works inside a running task, not in the DAG file")
        return runtime.variable_keys(prefix or "")


def read_json(key: str, text: str) -> Any:
    """Return what the text of the variable ``key`` means as JSON. ValueError names the variable."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"variable {key!r} is not JSON: {error}") from None


def _runtime(key: str, method: str) -> Runtime:
    runtime = current()
    if runtime is None:
        raise RuntimeError(f"variable {key!r}: Variable.{method} works inside a running task, not in the DAG file")
    return runtime


def _read(key: str, fallback: Any) -> str | None:
    runtime = current()
    if runtime is not None:
        return runtime.variable_get(key)
    if (text := from_environment(key)) is not None:
        return text
    if _parse_reader is not None:
        return _parse_reader(key)
    if fallback is not _NO_DEFAULT:
        return None
    raise RuntimeError(
        f"variable {key!r} cannot be read here, because no house answers: "
        f"use a template {{{{ var.value.{key} }}}}, read it inside the task, or give a default"
    )
