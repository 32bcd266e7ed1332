"""Param: an input of a DAG run, with a default and a JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ..model.imports import GRAMMAR_OF_IRIS, importing_without
from .exceptions import DagError
from .jsonable import to_jsonable

_NOT_SET: Any = type("_NotSet", (), {"__repr__": lambda self: "<not set>"})()


class Param:
    """An input of a DAG run. Further keyword arguments are its JSON schema: ``Param(5, type="integer", minimum=1)``.

    Without ``default`` the run must be given a value, so such a DAG has no schedule.
    """

    def __init__(self, default: Any = _NOT_SET, description: str | None = None, **schema: Any) -> None:
        nested = schema.pop("schema", None)
        self.default = default
        self.schema: dict[str, Any] = {**(nested or {}), **schema}
        self.description = description or self.schema.get("description")

    @property
    def has_default(self) -> bool:
        """Whether a default was given."""
        return self.default is not _NOT_SET

    def to_data(self, name: str) -> dict[str, Any]:
        """Return ``{"default", "schema", "description"}`` (and ``"required": True`` without a default).

        Raises :class:`DagError` when the default does not fit the schema.
        """
        what = f"param {name!r}"
        schema = to_jsonable(self.schema, f"{what}: schema")
        default = to_jsonable(self.default, what) if self.has_default else None
        if schema:
            _check_schema(what, schema, default, check_default=self.has_default)
        data: dict[str, Any] = {"default": default, "schema": schema, "description": self.description}
        if not self.has_default:
            data["required"] = True
        return data


@cache
def _jsonschema() -> Any:
    """Import jsonschema, only where a schema is written."""
    with importing_without(GRAMMAR_OF_IRIS):
        import jsonschema  # type: ignore[import-untyped]
    return jsonschema


def _check_schema(what: str, schema: dict[str, Any], default: Any, *, check_default: bool) -> None:
    jsonschema = _jsonschema()
    validator = jsonschema.Draft202012Validator(schema)
    try:
        validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise DagError(f"{what}: the JSON schema is not valid: {error.message}") from None
    if check_default and (found := next(validator.iter_errors(default), None)):
        raise DagError(f"{what}: the default does not fit its schema: {found.message}")


def params_to_data(params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every param (a :class:`Param` or a plain default) as data."""
    data = {}
    for name, value in params.items():
        if not isinstance(name, str):
            raise DagError(f"params: the name {name!r} is not text")
        data[name] = (value if isinstance(value, Param) else Param(value)).to_data(name)
    return data
