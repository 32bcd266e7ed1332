"""Named sets of ``default_args``: one DAG file, other defaults in development than in production."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..wire.environment import PROFILE_VARIABLE
from . import checks
from .location import warn


def current_profile() -> str:
    """Return the profile that the house was configured with (``c.JupyterFlow.profile``), "" for none."""
    return os.environ.get(PROFILE_VARIABLE, "")


def with_profile(where: str, default_args: Any, profiles: Any) -> dict[str, Any]:
    """Return ``default_args`` with those of the current profile over them.

    Raises :class:`DagError` for what is no dict; warns if ``profiles`` lacks the current one.
    """
    base = checks.mapping(where, "default_args", default_args)
    known: dict[str, Mapping[str, Any]] = {
        name: checks.mapping(where, f"default_args_profiles[{name!r}]", value)
        for name, value in checks.mapping(where, "default_args_profiles", profiles).items()
    }
    name = current_profile()
    if known and name and name not in known:
        hint = checks.suggestion(name, known) or f": it has {', '.join(sorted(known))}"
        warn(f"{where}: default_args_profiles has no profile {name!r}, which this house uses{hint}")
    return {**base, **known.get(name, {})}
