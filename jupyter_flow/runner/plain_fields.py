"""Tasks without templates do not pay for jinja2."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..authoring.operator import BaseOperator, is_template_file
from ..authoring.template_names import is_template

_PLAIN = (bool, int, float, type(None))


def plain_fields(operator: BaseOperator) -> dict[str, Any] | None:
    """Return the template fields of ``operator`` as JSON if none of them needs rendering, else None."""
    extensions = tuple(operator.template_ext)
    fields = {name: getattr(operator, name) for name in operator.template_fields}
    if not all(_is_plain(value, extensions) for value in fields.values()):
        return None
    shown: dict[str, Any] = json.loads(json.dumps(fields))
    return {name: value for name, value in shown.items() if value is not None}


def _is_plain(value: Any, extensions: Sequence[str]) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if isinstance(value, str):
        return not is_template(value) and not (extensions and is_template_file(value, extensions))
    if kind is dict or isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item, extensions) for key, item in value.items())
    if kind in (list, tuple):
        return all(_is_plain(item, ()) for item in value)
    return isinstance(value, _PLAIN)
