"""Checks of the arguments of DAG that are more than a text or a number."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from ..model.state import RunType
from . import checks, registry
from .exceptions import DagError
from .jsonable import to_jsonable

JINJA_ARGUMENTS = ("autoescape", "keep_trailing_newline", "lstrip_blocks", "newline_sequence", "trim_blocks")
"""What ``jinja_environment_kwargs`` may hold: what becomes of white space and markup, not how templates are read."""
_LINKS = ("http://", "https://", "mailto:")


def tags(where: str, value: Iterable[str] | None) -> tuple[str, ...]:
    """Return the tags, each once."""
    if isinstance(value, str):
        raise DagError(f"{where}: tags must be a list of texts, not the text {value!r}")
    found = tuple(dict.fromkeys(sorted(value) if isinstance(value, (set, frozenset)) else value or ()))
    if bad := [tag for tag in found if not isinstance(tag, str) or not 0 < len(tag) <= 100]:
        raise DagError(f"{where}: tags are texts of 1 to 100 characters, not {bad[0]!r}")
    return found


def catchup(where: str, value: Any) -> tuple[bool, float | None]:
    """Return whether past intervals get runs, and how far back at most in seconds (None: no bound)."""
    if isinstance(value, timedelta):
        return True, checks.positive_seconds(where, "catchup", value)
    if value is None or isinstance(value, bool):
        return bool(value), None
    raise DagError(f"{where}: catchup must be True, False or a timedelta (how far back at most), not {value!r}")


def owner_links(where: str, value: Any) -> dict[str, str]:
    """Return owner -> link."""
    links = checks.mapping(where, "owner_links", value)
    for owner, link in links.items():
        if not isinstance(link, str) or not link.startswith(_LINKS):
            raise DagError(f"{where}: owner_links[{owner!r}] must begin with {', '.join(_LINKS)}, not {link!r}")
    return links


def access_control(where: str, value: Any) -> dict[str, Any]:
    """Return role -> names of permissions (or resource -> names), as JSON."""
    roles = checks.mapping(where, "access_control", value)
    plain: dict[str, Any] = to_jsonable(roles, f"{where}: access_control")
    return plain


def allowed_run_types(where: str, value: Any) -> tuple[str, ...] | None:
    """Return names of run types, None for all."""
    if value is None:
        return None
    items = [value] if isinstance(value, str) else list(value)
    known = [str(kind) for kind in RunType]
    return tuple(
        dict.fromkeys(checks.choice(where, "run type in allowed_run_types", str(item), known) for item in items)
    )


def template_searchpath(where: str, value: Any) -> tuple[str, ...]:
    """Return folders: relative to the folder of the DAG file, absolute ones if they are outside of the DAG folder."""
    items = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    found = [checks.text_or_none(where, "template_searchpath", item) for item in items]
    if not all(found):
        raise DagError(f"{where}: template_searchpath must be a folder or a list of folders, not {value!r}")
    return tuple(_relative(item) for item in found if item)


def _relative(folder: str) -> str:
    places = registry.places()
    found = os.path.normpath(folder)
    if os.path.isabs(found) and places is not None:
        dag_folder, file_folder = places
        if found == dag_folder or found.startswith(dag_folder + os.sep):
            found = os.path.relpath(found, file_folder)
    return found.replace(os.sep, "/")


def jinja_arguments(where: str, value: Any) -> dict[str, Any]:
    """Return arguments for the environment of templates."""
    given = checks.mapping(where, "jinja_environment_kwargs", value)
    for name in given:
        if name not in JINJA_ARGUMENTS:
            hint = checks.suggestion(name, JINJA_ARGUMENTS) or f": there are {', '.join(JINJA_ARGUMENTS)}"
            raise DagError(f"{where}: jinja_environment_kwargs: {name!r} cannot be set{hint}")
    return given


def template_names(where: str, name: str, value: Any) -> dict[str, Any]:
    """Return names for templates (macros or filters)."""
    found = checks.mapping(where, name, value)
    if bad := [key for key in found if not key.isidentifier()]:
        raise DagError(f"{where}: {name}: {bad[0]!r} is not a name that a template can use")
    if name == "user_defined_filters":
        for key, item in found.items():
            checks.function_or_none(where, f"{name}[{key!r}]", item if item is not None else "None")
    return found


def template_undefined(where: str, value: Any) -> Any:
    """Return the class of names that are not there, None for the strict one."""
    if value is None:
        return None
    from jinja2 import Undefined

    if not isinstance(value, type) or not issubclass(value, Undefined):
        raise DagError(f"{where}: template_undefined must be a class such as jinja2.StrictUndefined, not {value!r}")
    return value
