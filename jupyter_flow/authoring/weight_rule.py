"""WeightRule: which other tasks count into the priority of a task."""

from __future__ import annotations

from enum import StrEnum


class WeightRule(StrEnum):
    """``downstream``: with all tasks after it; ``upstream``: with all before it; ``absolute``: its own weight alone."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    ABSOLUTE = "absolute"
