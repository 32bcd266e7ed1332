"""Which runs of a list are asked for."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from ..model.errors import InvalidInput
from ..model.instants import from_iso_or_none
from ..model.state import RunState, RunType


def run_filter(state: str | None, run_type: str | None, **bounds: str | None) -> dict[str, Any]:
    """Return the arguments of :func:`storage.queries.list_runs`; raises :class:`InvalidInput` for unknown words."""
    return {
        "state": _word(RunState, "state", state),
        "run_type": _word(RunType, "run_type", run_type),
        **{name: from_iso_or_none(text) for name, text in bounds.items()},
    }


def _word(kind: type[StrEnum], name: str, value: str | None) -> StrEnum | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise InvalidInput(f"{name} {value!r} must be one of {', '.join(kind)}") from None
