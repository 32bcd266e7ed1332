"""Checks the ``conf`` of a trigger against the DAG's params, and merges params of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..model.errors import InvalidInput
from ..model.imports import GRAMMAR_OF_IRIS, importing_without


def check_conf(conf: Any, max_bytes: int) -> dict[str, Any]:
    """Return ``conf`` as a dict (None gives ``{}``); :class:`InvalidInput` if it is no JSON object of that size."""
    if conf is None:
        return {}
    if not isinstance(conf, dict) or not all(isinstance(name, str) for name in conf):
        raise InvalidInput('conf must be a JSON object, e.g. {"name": "value"}')
    try:
        size = len(json.dumps(conf, allow_nan=False, separators=(",", ":")).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"conf is not plain JSON: {error}") from None
    if size > max_bytes:
        raise InvalidInput(f"conf has {size} bytes, more than {max_bytes}: write a file and pass its path")
    return conf


def merge_params(params: Mapping[str, Any], conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return name -> value: the defaults of ``params`` (name -> ``{"default", …}``), overridden by ``conf``."""
    return {**{name: default_of(param) for name, param in params.items()}, **conf}


def default_of(param: Any) -> Any:
    """The default of one param, whether it is described as an object or given plainly."""
    return param.get("default") if isinstance(param, dict) and ("default" in param or "schema" in param) else param


def check_params(params: Mapping[str, Any], conf: Mapping[str, Any]) -> None:
    """Raise :class:`InvalidInput` naming the param whose value (given, else default) breaks its JSON schema."""
    for name, value in merge_params(params, conf).items():
        param = params.get(name)
        schema = param.get("schema") if isinstance(param, dict) else None
        if schema:
            _check(name, value, schema, given=name in conf)


def _check(name: str, value: Any, schema: Mapping[str, Any], *, given: bool) -> None:
    # imported here: only a param with a schema needs it, an idle host does not
    with importing_without(GRAMMAR_OF_IRIS):
        from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
        from jsonschema.exceptions import SchemaError, best_match  # type: ignore[import-untyped]
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        Draft202012Validator.check_schema(schema)
        validator: Any = Draft202012Validator(schema, registry=Registry())  # an empty one: fetches nothing
        error = best_match(validator.iter_errors(value))
    except (SchemaError, Unresolvable) as problem:
        raise InvalidInput(f"param {name!r}: its JSON schema is not usable: {str(problem).splitlines()[0]}") from None
    if error is not None:
        where = "".join(f"[{part!r}]" for part in error.absolute_path)
        hint = "" if given else " (its default; pass it in conf)"
        raise InvalidInput(f"param {name!r}{where}: {error.message[:300]}{hint}")
